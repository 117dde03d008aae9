"""The delivery connection over aiohttp's client protocol: the oracle for our own.

It promises what `webhook_service.send.Sender` promises, with another parser, another way to wait
and another way to cut off; nothing of ours but the vetted dial is shared.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError

from webhook_service.address import Network
from webhook_service.connection import FRAMING, LONGEST_HEAD, MOST_HEADERS
from webhook_service.dial import Dialer, ForbiddenAddressError, NoSuchHostError, Origin
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.render import Request

CUT = 4_096
FAILURES = (TimeoutError, OSError, aiohttp.ClientError, HttpProcessingError, ValueError)
CLASSES: tuple[tuple[Any, Any], ...] = (
    (TimeoutError, "timeout"),
    (ForbiddenAddressError, "forbidden-address"),
    (NoSuchHostError, "dns"),
    ((ssl.SSLError, ssl.CertificateError), "tls"),
    (aiohttp.ServerDisconnectedError, "connection"),
    ((aiohttp.ClientPayloadError, HttpProcessingError), "protocol"),
    (OSError, "connection"),
    (aiohttp.ClientError, "protocol"),
    (ValueError, "webhook"),
)


class Weighing(ResponseHandler):
    """aiohttp's protocol, and a count of all that arrived for the answer under way."""

    fed = 0
    most = LONGEST_HEAD

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.more = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        # What is malformed spoils all of its piece, whole answers before it included; so small
        # pieces are cut.  Not chunks: after one that is malformed it would wait for ever.
        size = 1 if len(data) <= CUT and b"chunked" not in data else len(data)
        for start in range(0, len(data), size):
            super().data_received(data[start : start + size])
        self.fed += len(data)
        self.more.set()

    def connection_lost(self, exc: BaseException | None) -> None:
        if exc is not None and self._payload is not None:  # a reset is no end of a body
            self._payload.set_exception(aiohttp.ClientPayloadError("reset"))
        super().connection_lost(exc)


class AiohttpSender:
    """Sends with aiohttp's parser; the same bounds and words."""

    def __init__(self, allowed: Sequence[Network] = (), body_cap: int = 16 * 1024) -> None:
        self._allowed = tuple(allowed)
        self._cap = body_cap
        self._dialer = Dialer(self._allowed)
        self._idle: dict[Origin, deque[Weighing]] = {}
        self._open: set[Weighing] = set()

    async def start(self) -> Self:
        return self

    async def close(self) -> None:
        lost = [closed for each in self._open if (closed := each.closed) is not None]
        for connection in self._open:
            connection.abort()
        if lost:
            await asyncio.wait(lost)
        self._dialer.close()

    async def send(
        self, request: Request, signature: Sequence[tuple[str, str]], deadline: timedelta
    ) -> Answer | NoAnswer:
        connection: Weighing | None = None
        sent = False
        try:
            origin, data = _opened(request, signature)
            async with asyncio.timeout(deadline.total_seconds()):
                connection = self._kept(origin)
                if connection is None:  # an empty one is falsy
                    connection = await self._dialled(origin)
                connection.fed = 0
                transport = connection.transport
                assert transport is not None
                transport.write(data)
                sent = True
                answer = await self._read(connection)
        except FAILURES as error:
            if connection is not None:
                self._drop(connection)
            word = next(word for kinds, word in CLASSES if isinstance(error, kinds))
            return NoAnswer(word, str(error), 0.0, 0.0, unknown=sent)
        except BaseException:
            if connection is not None:
                self._drop(connection)
            raise
        if answer.whole and connection.is_connected() and not connection.should_close:
            self._idle.setdefault(origin, deque()).append(connection)
        else:
            self._drop(connection)
        return answer

    def _kept(self, origin: Origin) -> Weighing | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_connected() and not connection.should_close:
                return connection
            self._drop(connection)
        return None

    async def _dialled(self, origin: Origin) -> Weighing:
        loop = asyncio.get_running_loop()
        connection = await self._dialer.connect(origin, lambda: Weighing(loop))
        connection.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=64 * 1024,
            max_line_size=LONGEST_HEAD,
            max_field_size=LONGEST_HEAD,
            max_headers=MOST_HEADERS,
        )
        self._open.add(connection)
        return connection

    def _drop(self, connection: Weighing) -> None:
        self._open.discard(connection)
        connection.abort()

    async def _read(self, connection: Weighing) -> Answer:
        weighing = asyncio.ensure_future(self._weigh(connection))
        reading = asyncio.ensure_future(self._read_on(connection))
        try:
            await asyncio.wait({weighing, reading}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else weighing.result()
        finally:
            for each in (weighing, reading):
                each.cancel()
            await asyncio.gather(weighing, reading, return_exceptions=True)

    async def _weigh(self, connection: Weighing) -> Answer:
        """Fail when more arrived than an answer may weigh."""
        while connection.fed <= connection.most:
            connection.more.clear()
            await connection.more.wait()
        raise HttpProcessingError(message="too heavy")

    async def _read_on(self, connection: Weighing) -> Answer:
        connection.most = LONGEST_HEAD
        while True:
            message, content = await connection.read()
            if message.code >= 200 or message.code == 101:
                break
        if sum(len(name) + len(value) + 4 for name, value in message.raw_headers) > LONGEST_HEAD:
            raise HttpProcessingError(message="its head is too long")
        connection.most += FRAMING * self._cap
        headers = {name.lower(): value for name, value in message.headers.items()}
        parts: list[bytes] = []
        room = self._cap + 1
        while room > 0 and (part := await content.read(room)):
            parts.append(part)
            room -= len(part)
        body = b"".join(parts)
        return Answer(message.code, headers, body[: self._cap], room > 0, 0.0, 0.0)


def _opened(request: Request, signature: Sequence[tuple[str, str]]) -> tuple[Origin, bytes]:
    parts = urlsplit(request.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("its URL cannot be called")
    tls = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in (*request.headers, *signature)]
    if request.method != "GET":
        lines.append(f"Content-Length: {len(request.body)}")
    if any(character in line for line in lines for character in "\r\n\0"):
        raise ValueError("a line break")
    head = "".join(f"{line}\r\n" for line in lines)
    origin = Origin(tls, parts.hostname, parts.port or (443 if tls else 80), request.tls)
    return origin, f"{head}\r\n".encode("ascii") + request.body
