"""Reads back what has fired, when a partition has come to us and a workflow asks; beside the batches.

Only what is certain counts.  When the scan of a partition begins, its former owner can commit nothing
for it any more: it is not in the group's generation, and offsets that it left pending have been waited
for before ours were read.  Whatever it did commit stands before the scan's end; where another
transaction is still open before that, the scan waits (`Span.settled`), at most for its timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta

from runtime.broker import Consumer, Reader, Span, TopicPartition
from runtime.clock import Clock
from runtime.health import Health
from runtime.logs import get_logger
from schemas.errors import BrokerError, HooklineError
from schemas.topics import Topics
from workflow_service.firings import Digests, Firings, digest_of
from workflow_service.ownership import Ownership, Terms

log = get_logger(__name__)

#: Scans side by side; each has a connection of its own.
MOST_SCANS = 4
AGAIN_AFTER = timedelta(seconds=1)
#: Reading back that takes longer is said aloud, again and again.
SLOW = timedelta(seconds=5)
CHECK = "firings"


class Recall:
    """Partitions whose events wait, paused, until what has fired for their records is known."""

    def __init__(
        self,
        reader: Reader,
        firings: Firings,
        ownership: Ownership,
        *,
        topics: Topics,
        clock: Clock,
        health: Health,
    ) -> None:
        """Nothing is read before somebody asks."""
        self._reader = reader
        self._firings = firings
        self._ownership = ownership
        self._topics = topics
        self._clock = clock
        self._health = health
        self._room = asyncio.Semaphore(MOST_SCANS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._slow: set[int] = set()

    def begin(self, terms: Terms, consumer: Consumer) -> None:
        """Read the partitions of these terms back, as long as they last.

        The consumer, in which they are paused, goes on with each then.
        """
        by_number: dict[int, dict[TopicPartition, int]] = {}
        for partition, term in terms.items():
            by_number.setdefault(partition.partition, {})[partition] = term
        for number, those in by_number.items():
            task = asyncio.create_task(self._read(number, those, consumer))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Read nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Forget a reading; one that broke is a defect of ours, and its partitions would wait for ever."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("firings.broken", error=repr(error))
            self._health.fail(f"what has fired cannot be read back: {error!r}")

    async def _read(self, number: int, terms: Terms, consumer: Consumer) -> None:
        """Read one partition of the firings until that succeeds, or nobody wants it any more."""
        loud = asyncio.create_task(self._tell(number, terms))
        began = asyncio.get_running_loop().time()
        try:
            while wanted := self._wanted(terms):
                found = await self._try(number, wanted)
                if found is None:
                    await self._clock.sleep(AGAIN_AFTER)
                    continue
                for partition in self._wanted(terms):
                    self._firings.remember(*partition, found[partition])
                    consumer.resume([partition])
                took = round(asyncio.get_running_loop().time() - began, 3)
                counts = {str(one): len(digests) for one, digests in found.items()}
                log.info("firings.read", firings=counts, seconds=took)
                return
        finally:
            loud.cancel()
            self._quiet(number)

    def _wanted(self, terms: Terms) -> set[TopicPartition]:
        """Those that are still ours in the terms in which they were asked for."""
        return {one for one in terms if self._ownership.is_current(one, terms)}

    async def _try(
        self, number: int, wanted: Collection[TopicPartition]
    ) -> dict[TopicPartition, Digests] | None:
        """What has fired, for each of the partitions; None if it cannot be read just now."""
        found = {partition: Digests() for partition in wanted}
        by_entity = {
            self._topics.entity_of(one.topic).encode(): digests for one, digests in found.items()
        }
        span = Span(self._topics.firings, number, settled=True)
        try:
            async with self._room:
                async for record in self._reader.scan(span):
                    key = record.key or b""
                    digests = by_entity.get(_entity_in(key))
                    if digests is None:
                        continue
                    if record.value is None:
                        digests.discard(digest_of(key))
                    else:
                        digests.add(digest_of(key))
        except HooklineError as error:
            level = log.warning if isinstance(error, BrokerError) else log.error
            level("firings.not_read", place=f"{span.topic}:{number}", error=str(error))
            return None
        return found

    async def _tell(self, number: int, terms: Terms) -> None:
        """Say what is waited for, as long as it takes; not ready meanwhile."""
        names, began = ", ".join(sorted(map(str, terms))), self._clock.now()
        while True:
            await self._clock.sleep(SLOW)
            waited = (self._clock.now() - began).total_seconds()
            text = (
                f"{names} wait for {self._topics.firings}:{number} to be read back, for {waited:.0f} s "
                "by now; a transaction that a killed process left open ends at its timeout"
            )
            self._slow.add(number)
            self._health.set(CHECK, ok=False, detail=text)
            log.warning("firings.waiting", detail=text)

    def _quiet(self, number: int) -> None:
        self._slow.discard(number)
        if not self._slow:
            self._health.set(CHECK, ok=True, detail="what has fired is known, or not asked for")


def _entity_in(key: bytes) -> bytes:
    """The entity in a firing's key; neither it nor a workflow's id has a slash."""
    parts = key.split(b"/", 2)
    return parts[1] if len(parts) == 3 else b""  # noqa: PLR2004 - workflow, entity, record
