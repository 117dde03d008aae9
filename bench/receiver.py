"""A receiver that costs next to nothing, healthy or sick by path; `python -m bench.receiver`.

It counts requests and answers 200; below `/busy` 503, below `/hang` nothing.  It understands just what the benches send (a POST with content-length), so that the receiver is
not what is measured.  It answers at once, or after so many milliseconds as its argument says.
Prints its port, then a line of JSON with what it has seen whenever it reads a line on standard
input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
#: Paths of sick endpoints.
BUSY_PATH, HANGING_PATH = b"post /busy", b"post /hang"


class Seen:
    """What has arrived: how many, when the last, and the ids with their arrival times on request."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.count = 0
        self.last_at = 0.0
        self.arrivals: list[tuple[str, float]] = []


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, seen: Seen, latency_s: float) -> None:
        """Share what is counted."""
        self._seen = seen
        self._latency_s = latency_s
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by class

    def data_received(self, data: bytes) -> None:
        """Answer every complete request in what has arrived."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            size = end + 4 + int(_value(head, b"content-length") or 0)
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            if head.startswith(HANGING_PATH):
                continue
            if head.startswith(BUSY_PATH):
                if self._transport:
                    self._transport.write(BUSY)
                continue
            self._seen.count += 1
            self._seen.last_at = time.time()
            self._seen.arrivals.append((_value(head, b"webhook-id").decode(), self._seen.last_at))
            if self._latency_s:
                self._loop.call_later(self._latency_s, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        if self._transport:
            self._transport.write(ANSWER)


def _value(head: bytes, name: bytes) -> bytes:
    """One header's value in a lower-cased head; empty if it is not there."""
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()


async def _serve(latency_s: float) -> None:
    """Listen on a free loopback port; report on request, stop at the end of standard input."""
    seen, loop = Seen(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(seen, latency_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        wanted = seen.arrivals if line.strip() == "arrivals" else None
        report = {"count": seen.count, "last_at": seen.last_at, "arrivals": wanted}
        print(json.dumps(report), flush=True)
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1]) / 1e3 if len(sys.argv) > 1 else 0.0))
