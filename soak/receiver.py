"""An endpoint for a soak: notes every request, fails some, and says what came out of order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

#: Of the answers this share is 503, and an answer takes up to so long.
FAILURES = 0.05
LONGEST_S = 0.02


@dataclass(slots=True)
class Request:
    """One request: when it came, when it was answered, and by which connection it came."""

    port: int
    begun: float
    ended: float | None = None


@dataclass(slots=True)
class Receiver:
    """What came.

    Attributes:
        numbers: By `webhook-id`: which of the actions it is.
        records: The actions are spread over; each waits for the one of its record before it.
        done: By number: it was answered with 200 once.
        arrivals: How many requests came.
        overtaken: Requests that came before the one before them was done.
        late: Repeats that came after a later one of their record was done.
        recent: Requests by connection, the latest last.
    """

    records: int
    numbers: dict[str, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    arrivals: int = 0
    overtaken: list[str] = field(default_factory=list)
    late: int = 0
    recent: dict[int, list[Request]] = field(default_factory=dict)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Take a request in, and answer it after a moment."""
        time = asyncio.get_running_loop().time
        number = self.numbers[request.headers["webhook-id"]]
        port = request.transport.get_extra_info("peername")[1] if request.transport else 0
        mine = Request(port, time())
        requests = self.recent.setdefault(port, [])
        requests.append(mine)
        del requests[:-50]
        self._came(number)
        await request.read()
        await asyncio.sleep(random.random() * LONGEST_S)  # noqa: S311 - no secret
        failed = random.random() < FAILURES  # noqa: S311 - likewise
        if not failed:
            self.done.add(number)
        mine.ended = time()
        return web.Response(status=503 if failed else 200)

    def _came(self, number: int) -> None:
        self.arrivals += 1
        before = number - self.records
        if before >= 0 and before not in self.done:
            self.overtaken.append(f"action {number} before {before}")
        if number + self.records in self.done:
            self.late += 1

    def at_stake(self, ports: Collection[int], within_s: float) -> int:
        """Requests under way on these connections, and those answered within the last moments."""
        since = asyncio.get_running_loop().time() - within_s
        return sum(
            one.ended is None or one.ended >= since
            for port in ports
            for one in self.recent.get(port, ())
        )


@asynccontextmanager
async def receiving(records: int) -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver(records)
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield receiver
    finally:
        await runner.cleanup()
