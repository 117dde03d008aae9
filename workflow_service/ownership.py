"""Which partitions are ours, and since when: what was received under an earlier assignment is stale."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from runtime.broker import Position, Received, TopicPartition
from runtime.logs import get_logger
from workflow_service import measures

log = get_logger(__name__)

#: How often each partition has changed hands, as of one moment.
Terms = Mapping[TopicPartition, int]


class Ownership:
    """Listens to rebalances, and makes them wait for the batch that is being written.

    Attributes:
        writing: Held while a batch is matched and written.
    """

    def __init__(self, forget: Callable[[Collection[TopicPartition]], None]) -> None:
        """Nothing is ours yet.

        Args:
            forget: Told of partitions that begin a new term or go: nothing known of them counts.
        """
        self._forget_state = forget
        self.writing = asyncio.Lock()
        self._terms: dict[TopicPartition, int] = {}
        self._current: set[TopicPartition] = set()

    @property
    def current(self) -> AbstractSet[TopicPartition]:
        """The partitions that are ours now."""
        return self._current

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        """A new term begins for these."""
        self._next_term(positions.keys())
        self._current |= positions.keys()
        log.info("partitions.assigned", partitions=sorted(map(str, positions)))

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Let the batch under way finish; what was received and not begun is dropped."""
        try:
            async with self.writing:
                pass
        finally:
            self._next_term(partitions)
            self._forget(partitions)
            log.info("partitions.revoked", partitions=sorted(map(str, partitions)))

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Drop what was received of these."""
        self._next_term(partitions)
        self._forget(partitions)
        log.warning("partitions.lost", partitions=sorted(map(str, partitions)))

    def terms_of(self, records: Iterable[Received]) -> Terms:
        """The current terms of the records' partitions; to be taken when they are received."""
        places = {(record.topic, record.partition) for record in records}
        return {
            partition: self._terms.get(partition, 0)
            for partition in (TopicPartition(*place) for place in places)
        }

    def is_current(self, partition: TopicPartition, terms: Terms) -> bool:
        """Whether a partition is in the same term still."""
        return self._terms.get(partition, 0) == terms[partition]

    def still_ours(self, records: Sequence[Received], terms: Terms) -> Sequence[Received]:
        """The records whose partitions have not changed hands since the terms were taken."""
        gone = {partition for partition in terms if not self.is_current(partition, terms)}
        if not gone:
            return records
        return [record for record in records if (record.topic, record.partition) not in gone]

    def _next_term(self, partitions: Collection[TopicPartition]) -> None:
        self._forget_state(partitions)
        for partition in partitions:
            self._terms[partition] = self._terms.get(partition, 0) + 1

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        for topic, partition in partitions:
            self._current.discard(TopicPartition(topic, partition))
            measures.LAG.labels(topic, partition).set(0)
