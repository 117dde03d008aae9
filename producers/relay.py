"""The relay: publishes what waits in the outbox, in order per record, and marks what arrived.

At least once: after a crash between acknowledgement and mark the same event, with the same id, is
published again.  While the broker is away the rows wait in the table and the relay holds one batch.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from producers.database import DatabaseError
from producers.outbox import Backlog, Outbox, Waiting
from runtime import metrics
from runtime.broker import Acknowledged, Outgoing
from runtime.clock import Clock
from runtime.health import Health
from runtime.logs import get_logger
from schemas.errors import BrokerError, FencedError

log = get_logger(__name__)

#: Pauses after failures in a row, seconds; the last one repeats.  10 of them = 13 s.
PAUSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
#: How often the backlog is counted: a count reads the whole index.
COUNT_EVERY = timedelta(seconds=5)

_PUBLISHED = metrics.counter(
    "hookline_relay_published_total", "Events that the broker acknowledged.", ["entity"]
)
_FAILURES = metrics.counter(
    "hookline_relay_failures_total", "Batches that have to be tried again.", ["entity"]
)
_WAITING = metrics.gauge(
    "hookline_outbox_events", "Events that wait in the outbox, as last counted.", ["entity"]
)
_DELAY = metrics.histogram(
    "hookline_relay_delay_seconds", "From the change to the broker's acknowledgement.", ["entity"]
)


class EventWriter(Protocol):
    """What the relay needs of a producer, and no more."""

    async def publish_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Write many, pipelined; raises BrokerError on the first that failed."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What a relay moves, and how.

    Attributes:
        batch: The most events that are read, and held in memory, at once.
        poll: How soon a change that another process committed is noticed.
    """

    entity: str
    topic: str
    batch: int
    poll: timedelta


class Relay:
    """Moves one entity's events from its outbox to its topic."""

    def __init__(
        self,
        outbox: Outbox,
        publisher: EventWriter,
        news: asyncio.Event,
        *,
        clock: Clock,
        health: Health,
        lane: Lane,
    ) -> None:
        """Nothing is read before `run`.

        Args:
            news: Set by whoever commits to the outbox, so that the relay looks at once.
            health: Told of the backlog under `broker`.
        """
        self._outbox = outbox
        self._publisher = publisher
        self._news = news
        self._clock = clock
        self._health = health
        self._lane = lane
        self._entity = lane.entity
        self._finishing = False
        self._failures = 0
        self._counted_at: datetime | None = None

    def finish(self) -> None:
        """Ask `run` to return once nothing waits that can be published now."""
        self._finishing = True
        self._news.set()

    async def run(self) -> None:
        """Publish whatever waits, until `finish`.

        Raises:
            FencedError: The publisher is of no more use.
        """
        while True:
            self._news.clear()
            if await self._look():
                continue
            if self._finishing:
                return
            await self._pause()

    async def _look(self) -> bool:
        """Publish one batch; whether another look is worthwhile at once."""
        try:
            if not await self._outbox.take_turn():
                self._report("another process on this database publishes the events")
                return False
            rows = await self._outbox.waiting(self._lane.batch)
            for wave in waves(rows):
                await self._publish(wave)
        except FencedError:
            raise
        except (BrokerError, DatabaseError) as error:
            await self._failed(error)
            return False
        if self._failures:
            log.info("relay.recovered", entity=self._entity, after_failures=self._failures)
            self._failures = 0
            self._counted_at = None
        await self._count()
        return bool(rows)

    async def _publish(self, wave: Sequence[Waiting]) -> None:
        """Write events of different records, and mark them once all are acknowledged."""
        await self._publisher.publish_all(
            [Outgoing(self._lane.topic, row.key.encode(), row.payload, row.headers) for row in wave]
        )
        now = self._clock.now()
        for row in wave:
            _DELAY.labels(self._entity).observe(max(0.0, (now - row.occurred_at).total_seconds()))
        _PUBLISHED.labels(self._entity).inc(len(wave))
        await self._outbox.remove(wave)

    async def _failed(self, error: BrokerError | DatabaseError) -> None:
        self._failures += 1
        _FAILURES.labels(self._entity).inc()
        if self._failures == 1:
            log.warning("relay.failed", entity=self._entity, error=str(error))
            self._counted_at = None
        await self._count(why=str(error))

    async def _count(self, why: str = "") -> None:
        """Count what waits, now and then, and say so."""
        now = self._clock.now()
        if self._counted_at is not None and now - self._counted_at < COUNT_EVERY:
            return
        self._counted_at = now
        with suppress(DatabaseError):
            backlog = await self._outbox.backlog()
            _WAITING.labels(self._entity).set(backlog.events)
            self._report(sentence(backlog, why))

    def _report(self, detail: str) -> None:
        # Never "not ready": changes are taken and kept safe while the broker is away.
        self._health.set("broker", ok=True, detail=detail)

    async def _pause(self) -> None:
        """Wait for news or the next poll; after a failure, for its pause."""
        if self._failures and not self._finishing:
            pause = PAUSES[min(self._failures, len(PAUSES)) - 1]
            await self._clock.sleep(timedelta(seconds=pause))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._lane.poll.total_seconds()):
                await self._news.wait()


def waves(rows: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """The rows in groups that may be under way together: none has two events of one record.

    A failed write may or may not be there.  With two events of one record under way the later one
    could arrive although the first did not; so a record's next event waits for the last one's
    acknowledgement.
    """
    seen: Counter[str] = Counter()
    groups: list[list[Waiting]] = []
    for row in rows:
        place = seen[row.key]
        seen[row.key] += 1
        if place == len(groups):
            groups.append([])
        groups[place].append(row)
    return iter(groups)


def sentence(backlog: Backlog, why: str) -> str:
    """What waits, and why, for people."""
    if backlog.oldest is None:
        waits = "no event waits"
    else:
        events = "1 event waits" if backlog.events == 1 else f"{backlog.events} events wait"
        waits = f"{events}, the oldest since {backlog.oldest.isoformat(timespec='seconds')}"
    return f"{waits}; the last try failed: {why}" if why else waits
