"""CPU per request of the delivery connection, beside what else it could be; no Kafka.

In turn: a bare aiohttp session that signs and POSTs, our own connection, and the least that any
Python could do: one `asyncio.Protocol` that writes the same bytes and parses with llhttp.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

from httptools import HttpResponseParser

from bench import bare
from bench.clockwork import Spent, spending
from bench.nginx import quickest
from webhook_service.address import networks
from webhook_service.outcome import Answer
from webhook_service.render import Masked, Request
from webhook_service.send import Sender
from webhook_service.wire import request_bytes

REQUESTS = 10_000
ROUNDS = 5
CONCURRENCY = 32
BODY = b"x" * 1_024
HEADERS = (
    ("user-agent", "Hookline"),
    ("accept-encoding", "identity"),
    ("content-type", "application/json"),
    ("x-correlation-id", "0190f1f0-0000-7000-8000-000000000000"),
)
SIGNATURE = (("webhook-id", "m1"), ("webhook-timestamp", "1800000000"), ("webhook-signature", "v1,c2lnbmF0dXJl"))  # fmt: skip


async def measure() -> dict[str, object]:
    """Microseconds of this process's CPU for each request."""
    ways = {"bare_aiohttp": _aiohttp, "ours": _ours, "floor": _floor}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    rate: dict[str, list[float]] = {name: [] for name in ways}
    async with quickest() as (receiver, url):
        for _ in range(ROUNDS):
            for name, way in ways.items():
                spent = await way(url)
                cpu[name].append(spent.cpu_s / REQUESTS * 1e6)
                rate[name].append(REQUESTS / spent.wall_s)
    return {
        "receiver": receiver,
        "requests": REQUESTS,
        "cpu_us_per_request": {
            name: round(statistics.median(found)) for name, found in cpu.items()
        },
        "cpu_us_of_each_round": {
            name: [round(one) for one in found] for name, found in cpu.items()
        },
        "requests_per_s": {name: round(statistics.median(found)) for name, found in rate.items()},
    }


async def _aiohttp(url: str) -> Spent:
    return await bare.post_loop(url, BODY, REQUESTS, CONCURRENCY)


async def _ours(url: str) -> Spent:
    sender = await Sender(networks(["127.0.0.0/8"])).start()
    request = Request("POST", url, HEADERS, BODY, Masked(url, ()))
    left = iter(range(REQUESTS))

    async def one_after_the_other() -> None:
        for _ in left:
            answer = await sender.send(request, SIGNATURE, timedelta(seconds=15))
            if not isinstance(answer, Answer):
                raise ConnectionError(answer.error)

    with spending() as spent:
        await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENCY)))
    await sender.close()
    return spent


class _Least(asyncio.Protocol):
    """Writes the same bytes whenever an answer is complete."""

    def __init__(self, data: bytes, left: Iterator[int], done: asyncio.Future[None]) -> None:
        self._data = data
        self._left = left
        self._done = done
        self._parser = HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.on_message_complete()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if next(self._left, None) is not None:
            self._transport.write(self._data)
        elif not self._done.done():
            self._done.set_result(None)


async def _floor(url: str) -> Spent:
    loop = asyncio.get_running_loop()
    port = int(url.rsplit(":", 1)[1].partition("/")[0])
    data = request_bytes(Request("POST", url, HEADERS, BODY, Masked(url, ())), SIGNATURE)
    left, done = iter(range(REQUESTS)), loop.create_future()
    with spending() as spent:
        for _ in range(CONCURRENCY):
            await loop.create_connection(lambda: _Least(data, left, done), "127.0.0.1", port)
        await done
    return spent
