"""Accounts for what happened: records and offsets together, in one transaction per interval."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runtime.broker import Consumer, Outgoing, Position, TopicPartition, TransactionalPublisher
from runtime.logs import get_logger
from schemas.errors import BrokerError, FencedError
from webhook_service import measures
from webhook_service.share import Share

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One received record is done with, and this is what must be written for it.

    Attributes:
        topic, offset: Where it stood.
        records: Its attempt, and where it stands from now on, if anywhere.
    """

    share: Share
    topic: str
    offset: int
    records: tuple[Outgoing, ...]


class Ledger:
    """What is not committed yet.

    Entries are kept until their transaction has committed: an abort is followed by another try,
    never by another delivery.
    """

    def __init__(self, publisher: TransactionalPublisher, seconds: Callable[[], float]) -> None:
        """Empty.

        Args:
            seconds: A clock that only rises, for the measure of how long a transaction takes.
        """
        self._publisher = publisher
        self._seconds = seconds
        self._entries: list[Entry] = []
        self._touched: dict[Share, None] = {}
        self._writing = asyncio.Lock()
        self._something = asyncio.Event()

    @property
    def open(self) -> int:
        """How many entries are not committed."""
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Note that a record is done with."""
        entry.share.progress[entry.topic].finish(entry.offset)
        self._entries.append(entry)
        self.touch(entry.share)

    def touch(self, share: Share) -> None:
        """Note that a share's position may have changed."""
        self._touched[share] = None
        self._something.set()

    async def wait(self) -> None:
        """Return when there is something to account for."""
        await self._something.wait()

    async def account(self, consumer: Consumer) -> int:
        """Commit what there is in one transaction; returns how many entries that were.

        A transaction cannot be broken off: who stops waiting leaves it to end by itself, and the
        next one begins after it; otherwise the same entries would be written twice.

        Raises:
            BrokerError: It was aborted; everything is kept for the next time.
            FencedError: Another process took over.
        """
        return await asyncio.shield(self._account(consumer))

    async def _account(self, consumer: Consumer) -> int:
        async with self._writing:
            self._something.clear()
            batch = [entry for entry in self._entries if entry.share.alive]
            dropped = len(self._entries) - len(batch)
            if dropped:
                measures.REPEATED.inc(dropped)
                self._entries = batch.copy()
            touched = [share for share in self._touched if share.alive]
            self._touched.clear()
            positions = _positions(touched)
            if batch or positions:
                await self._transact(consumer, batch, positions, touched)
            return len(batch)

    async def _transact(
        self,
        consumer: Consumer,
        batch: list[Entry],
        positions: dict[TopicPartition, Position],
        touched: Iterable[Share],
    ) -> None:
        records = [record for entry in batch for record in entry.records]
        begun = self._seconds()
        try:
            await self._publisher.transact(records, positions, consumer)
        except BrokerError as error:
            for share in touched:
                self.touch(share)
            if not isinstance(error, FencedError):
                measures.ACCOUNT_FAILURES.inc()
            raise
        measures.ACCOUNTED.observe(self._seconds() - begun)
        del self._entries[: len(batch)]
        for topic, number in positions:
            for share in touched:
                if share.number == number:
                    share.progress[topic].committed()


def _positions(shares: Iterable[Share]) -> dict[TopicPartition, Position]:
    """What the shares have to commit."""
    found: dict[TopicPartition, Position] = {}
    for share in shares:
        for topic, progress in share.progress.items():
            position = progress.position()
            if position is not None:
                found[TopicPartition(topic, share.number)] = Position(*position)
    return found
