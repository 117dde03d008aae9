"""What was fetched and not yet received: in order per partition, paused ones kept aside.

Used on one loop only; the poller reads two of its numbers from its own thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from runtime.broker import Received, TopicPartition

Records = list[Received]


class Inbox:
    """Records between the poller and `receive`."""

    def __init__(self) -> None:
        """Empty, nothing paused."""
        self._chunks: dict[TopicPartition, deque[Records]] = {}
        self._parked: dict[TopicPartition, deque[Records]] = {}
        #: Which partitions are paused; replaced, never changed, so that any thread may read it.
        self.paused: frozenset[TopicPartition] = frozenset()
        self.ready = 0
        self.parked = 0
        self._arrived = 0

    def waiting(self, handed: int) -> int:
        """Records not received yet, those on their way here included; any thread may ask.

        Args:
            handed: How many were handed over in all.
        """
        return self.ready + handed - self._arrived

    def arrive(self, records: int) -> None:
        """So many that were handed over are here now, kept or dropped."""
        self._arrived += records

    def put(self, partition: TopicPartition, records: Records) -> None:
        """Add what was polled of one partition."""
        if partition in self.paused:
            self._parked.setdefault(partition, deque()).append(records)
            self.parked += len(records)
        else:
            self._chunks.setdefault(partition, deque()).append(records)
            self.ready += len(records)

    def take(self) -> Records:
        """Everything of the partitions that are not paused."""
        if len(self._chunks) == 1:
            ((_, chunks),) = self._chunks.items()
            taken = chunks[0] if len(chunks) == 1 else [one for chunk in chunks for one in chunk]
        else:
            taken = [one for chunks in self._chunks.values() for chunk in chunks for one in chunk]
        self._chunks = {}
        self.ready = 0
        return taken

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Set aside what is here of these, and what comes."""
        self.paused |= set(partitions)
        for partition in partitions:
            if (chunks := self._chunks.pop(partition, None)) is not None:
                moved = sum(map(len, chunks))
                self._parked.setdefault(partition, deque()).extend(chunks)
                self.ready -= moved
                self.parked += moved

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Undo `pause`; what was set aside comes first."""
        self.paused -= set(partitions)
        for partition in partitions:
            if (chunks := self._parked.pop(partition, None)) is not None:
                moved = sum(map(len, chunks))
                self._chunks[partition] = chunks
                self.parked -= moved
                self.ready += moved

    def first_parked(self, partition: TopicPartition) -> int | None:
        """Offset of the first record set aside for a paused partition."""
        chunks = self._parked.get(partition)
        return chunks[0][0].offset if chunks else None

    def drop(self, partition: TopicPartition) -> None:
        """Forget what is here of a partition; whether it is paused stays."""
        self.ready -= sum(map(len, self._chunks.pop(partition, ())))
        self.parked -= sum(map(len, self._parked.pop(partition, ())))

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Drop partitions that are ours no more; when they come back they are not paused."""
        for partition in partitions:
            self.drop(partition)
        self.paused -= set(partitions)
