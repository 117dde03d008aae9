"""Learns what waits in the tiers when shares come to a member, before anything of them is attempted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Final

from runtime.broker import Position, Reader, Span, TopicPartition
from runtime.clock import Clock
from runtime.logs import get_logger
from schemas.errors import BrokerError
from webhook_service.beside import Beside
from webhook_service.dispatch import Dispatcher
from webhook_service.share import InTier, Share
from webhook_service.waiting import wait_in

log = get_logger(__name__)

#: Scans side by side; each has a connection of its own.
MOST_SCANS: Final = 8

#: After a restart it is usual that a waiting record's origin is not reached yet: no hurry.
_LOOK_BACK: Final = timedelta(seconds=5)


class Rebuild:
    """Reads the tiers' records that are not finished, beside everything else.

    What a member that is gone committed last may stand behind a transaction that is still open; so
    the ends are those with open transactions included, and the scan waits for these to end, at most
    for their timeout.
    """

    def __init__(
        self,
        reader: Reader,
        dispatcher: Dispatcher,
        clock: Clock,
        actions: str,
        tiers: Collection[str],
    ) -> None:
        """Nothing is read yet.

        Args:
            actions, tiers: Names of topics.
        """
        self._reader = reader
        self._dispatcher = dispatcher
        self._clock = clock
        self._actions = actions
        self._tiers = tuple(tiers)
        self._beside = Beside()
        self._looks_again = clock.now()

    def start(
        self,
        shares: Collection[Share],
        positions: Mapping[TopicPartition, Position | None],
        ready: Callable[[Share], Awaitable[None]],
    ) -> None:
        """Learn what waits of these shares.

        Args:
            ready: Called with each whose waiting records are known.
        """
        self._beside.start(self._read(shares, positions, ready))

    def cancel(self) -> None:
        """Read nothing more."""
        self._beside.cancel()

    async def failed(self) -> None:
        """Raise what a reading failed of: its shares would be paused for good."""
        await self._beside.failed()

    async def _read(
        self,
        shares: Collection[Share],
        positions: Mapping[TopicPartition, Position | None],
        ready: Callable[[Share], Awaitable[None]],
    ) -> None:
        """Read all at once, as far as there is room; a share that goes is not waited for."""
        ends = await self._reader.ends(self._tiers, settled=True)
        room = asyncio.Semaphore(MOST_SCANS)
        async with asyncio.TaskGroup() as tasks:
            for share in shares:
                starts = {}
                for topic in self._tiers:
                    partition = TopicPartition(topic, share.number)
                    committed = positions[partition]
                    start = 0 if committed is None else committed.offset
                    if start < ends.get(partition, 0):
                        starts[partition] = start
                tasks.create_task(self._read_share(share, starts, room, ready))

    async def _read_share(
        self,
        share: Share,
        starts: Mapping[TopicPartition, int],
        room: asyncio.Semaphore,
        ready: Callable[[Share], Awaitable[None]],
    ) -> None:
        scans = [
            asyncio.create_task(self._read_from(share, partition, start, room))
            for partition, start in starts.items()
        ]
        gone = asyncio.create_task(share.gone())
        all_read = asyncio.create_task(_all(scans))
        try:
            await asyncio.wait({all_read, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                all_read.result()
                await ready(share)
        finally:
            for task in (gone, all_read, *scans):
                task.cancel()
            await asyncio.gather(gone, all_read, *scans, return_exceptions=True)

    async def _read_from(
        self, share: Share, partition: TopicPartition, start: int, room: asyncio.Semaphore
    ) -> None:
        progress = share.progress[partition.topic]
        span = Span(*partition, offset=start, settled=True)
        async with room, aclosing(self._reader.scan_batches(span)) as batches:
            async for records in batches:
                for record in records:
                    if not progress.was_finished(record.offset):
                        wait = wait_in(record.headers, record.offset, record.timestamp_ms)
                        self._dispatcher.restore(share, record, InTier(record, wait))
                await asyncio.sleep(0)

    async def look_back(self, shares: Collection[Share]) -> None:
        """Learn where the actions begin if a record waits for what retention may have removed."""
        asking = [share for share in shares if share.asks]
        if not asking or self._clock.now() < self._looks_again:
            return
        self._looks_again = self._clock.now() + _LOOK_BACK
        try:
            starts = await self._reader.starts([self._actions])
        except BrokerError as error:
            log.info("actions.start_unknown", error=str(error))
            return
        for share in asking:
            share.asks = False
            share.begins = starts.get(TopicPartition(self._actions, share.number), 0)


async def _all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Return when all have ended, or raise what the first failed of."""
    await asyncio.gather(*tasks)
