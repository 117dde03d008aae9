"""Keep-alive: a connection is used again only while that is safe, and nothing is sent twice."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.aiohttp_sender import AiohttpSender
from tests.hostile import GENEROUS, OK, Sends, head, request, sending, silence, speaking
from tests.waiting import until
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.send import Sender


def closed(talk: Talking, number: int) -> bool:
    """Whether the server has closed so many connections."""
    return talk.closed == number


BOTH = [pytest.param(Sender, id="own"), pytest.param(AiohttpSender, id="aiohttp")]


class Talking:
    """A server that counts connections and requests, and answers each with the next in turn."""

    def __init__(self, *answers: bytes, linger: float = 0.0) -> None:
        self._answers = answers
        self._linger = linger
        self.connections = 0
        self.requests = 0
        self.closed = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            for answer in self._answers:
                await head(reader)
                self.requests += 1
                writer.write(answer)
                await writer.drain()
            if self._linger:
                await silence(reader, self._linger)
        finally:
            self.closed += 1


@pytest.mark.parametrize("kind", BOTH)
async def test_a_connection_is_used_again(kind: Sends):
    talk = Talking(*[OK] * 5)
    async with speaking(talk) as port, sending(kind) as sender:
        results = [await sender.send(request(port), (), GENEROUS) for _ in range(5)]

    assert [result.status for result in results] == [200] * 5
    assert talk.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                     id="it says close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", id="an old version"),
        pytest.param(OK + OK, id="an answer too many"),
        pytest.param(OK + b"r", id="rubbish behind"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"a" * 9999,
                     id="a body beyond the cap"),
        pytest.param(b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
                     id="it changes the protocol"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", BOTH)
async def test_a_connection_is_not_used_again_after(kind: Sends, answer: bytes):
    talk = Talking(answer, OK, linger=5)
    async with speaking(talk) as port, sending(kind) as sender:
        results = [await sender.send(request(port), (), GENEROUS) for _ in range(3)]

    assert all(isinstance(result, Answer) for result in results)
    assert (talk.connections, talk.requests) == (3, 3)


async def test_a_connection_that_was_closed_in_between_is_not_used_and_the_request_sent_once():
    """Even before the loop has heard of it: the kernel is asked."""
    talk = Talking(OK)
    async with speaking(talk) as port, sending(Sender) as sender:
        results = []
        for number in range(1, 5):
            results.append(await sender.send(request(port), (), GENEROUS))
            await until(partial(closed, talk, number))

    assert [result.status for result in results] == [200] * 4
    assert (talk.connections, talk.requests) == (4, 4)


@pytest.mark.parametrize("method", ["POST", "PUT", "GET", "DELETE"])
@pytest.mark.parametrize("kind", BOTH)
async def test_a_request_that_was_sent_is_not_repeated_behind_our_back(kind: Sends, method: str):
    requests = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await reader.readuntil(b"\r\n\r\n")
            requests += 1
            if requests > 1:
                return
            writer.write(OK)
            await writer.drain()

    async with speaking(talk) as port, sending(kind) as sender:
        first = await sender.send(request(port, method=method), (), GENEROUS)
        second = await sender.send(request(port, method=method), (), GENEROUS)

    assert isinstance(first, Answer)
    assert isinstance(second, NoAnswer)
    assert second.error_class == "connection"
    assert second.unknown
    assert requests == 2


async def test_what_arrives_between_two_requests_is_no_answer_to_the_second():
    """An endpoint cannot answer what it was not asked yet."""
    talk = Talking(OK, b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", linger=5)
    forged = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    poked = asyncio.Event()

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk.connections += 1
        await head(reader)
        writer.write(OK)
        await writer.drain()
        if talk.connections == 1:
            writer.write(forged)
            await writer.drain()
            poked.set()
        await silence(reader, 5)

    async with speaking(early) as port, sending(Sender) as sender:
        await sender.send(request(port), (), GENEROUS)
        await poked.wait()
        second = await sender.send(request(port), (), GENEROUS)

    assert isinstance(second, Answer)
    assert second.status == 200
    assert talk.connections == 2
