"""Receivers that talk as told, over real sockets, and the two senders that must bear them alike."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from tests.aiohttp_sender import AiohttpSender
from webhook_service.address import networks
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.render import Masked, Request
from webhook_service.send import Sender

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Sends = type[Sender] | type[AiohttpSender]

CAP = 1024
DEADLINE = timedelta(milliseconds=400)
GENEROUS = timedelta(seconds=20)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def speaking(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that talks as told to everyone who connects; yields its port."""
    talks: set[asyncio.Task[Any]] = set()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def sending(kind: Sends, allow: str = "127.0.0.0/8") -> AsyncIterator[Any]:
    sender = await kind(networks([allow] if allow else []), CAP).start()
    try:
        yield sender
    finally:
        await sender.close()


def request(
    port: int, host: str = "127.0.0.1", scheme: str = "http", method: str = "POST", **more: Any
) -> Request:
    url = f"{scheme}://{host}:{port}/hook"
    headers = (("content-type", "text/plain"),)
    return Request(method, url, headers, b"hello", Masked(url, ()), **more)


async def exchange(kind: Sends, talk: Talk, deadline: timedelta = GENEROUS) -> Answer | NoAnswer:
    async with speaking(talk) as port, sending(kind) as sender:
        result: Answer | NoAnswer = await sender.send(request(port), (), deadline)
        return result


async def head(reader: asyncio.StreamReader) -> bytes:
    """One whole request: its head, and the five bytes of its body."""
    return await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(5)


def answering(*parts: bytes, wait: float = 0.02) -> Talk:
    """Answers with these bytes, a pause between them, and closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        for number, part in enumerate(parts):
            if number:
                await silence(reader, wait)
            writer.write(part)
            await writer.drain()

    return talk


def dripping(first: bytes, drop: bytes, wait: float = 0.02) -> Talk:
    """Sends one drop after the other, for ever."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(first)
        while True:
            writer.write(drop)
            await writer.drain()
            await silence(reader, wait)

    return talk


def resetting(first: bytes) -> Talk:
    """Sends the beginning of an answer, and a reset."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(first)
        await writer.drain()
        await silence(reader, 0.05)
        connected = writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))

    return talk


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1024):
        pass


async def silence(reader: asyncio.StreamReader, seconds: float) -> None:
    """Wait so long, or until the other end says something or goes."""
    waiting = asyncio.ensure_future(reader.read(1))
    await asyncio.wait({waiting}, timeout=seconds)
    waiting.cancel()
