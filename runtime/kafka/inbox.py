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
        self._ready: dict[TopicPartition, deque[Records]] = {}
        self._parked: dict[TopicPartition, deque[Records]] = {}
        #: Which partitions are paused; replaced, never changed, so that any thread may read it.
        self.paused: frozenset[TopicPartition] = frozenset()
        #: Records that came in, less those that a pause has set aside, that were taken or dropped.
        self.waiting = 0
        self.parked = 0

    def put(self, partition: TopicPartition, records: Records) -> None:
        """Add what was polled of one partition."""
        if partition in self.paused:
            self._parked.setdefault(partition, deque()).append(records)
            self.parked += len(records)
        else:
            self._ready.setdefault(partition, deque()).append(records)
            self.waiting += len(records)

    def take(self) -> Records:
        """Everything of the partitions that are not paused."""
        if len(self._ready) == 1:
            ((_, chunks),) = self._ready.items()
            taken = chunks[0] if len(chunks) == 1 else [one for chunk in chunks for one in chunk]
        else:
            taken = [one for chunks in self._ready.values() for chunk in chunks for one in chunk]
        self._ready = {}
        self.waiting = 0
        return taken

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Set aside what is here of these, and what comes."""
        self.paused |= set(partitions)
        for partition in partitions:
            if (chunks := self._ready.pop(partition, None)) is not None:
                moved = sum(map(len, chunks))
                self._parked.setdefault(partition, deque()).extend(chunks)
                self.waiting -= moved
                self.parked += moved

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Undo `pause`; what was set aside comes first."""
        self.paused -= set(partitions)
        for partition in partitions:
            if (chunks := self._parked.pop(partition, None)) is not None:
                moved = sum(map(len, chunks))
                self._ready[partition] = chunks
                self.parked -= moved
                self.waiting += moved

    def first_parked(self, partition: TopicPartition) -> int | None:
        """Offset of the first record set aside for a paused partition."""
        chunks = self._parked.get(partition)
        return chunks[0][0].offset if chunks else None

    def drop(self, partition: TopicPartition) -> None:
        """Forget what is here of a partition; whether it is paused stays."""
        self.waiting -= sum(map(len, self._ready.pop(partition, ())))
        self.parked -= sum(map(len, self._parked.pop(partition, ())))

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Drop partitions that are ours no more; when they come back they are not paused."""
        for partition in partitions:
            self.drop(partition)
        self.paused -= set(partitions)
