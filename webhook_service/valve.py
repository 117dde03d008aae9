"""Which partitions are paused, and for which reasons: resumed when the last reason is gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from runtime.broker import Consumer, TopicPartition

#: `rebuild`: what waits is not known yet; `load`: queues are full; `head`: a tier's head is not due;
#: `crowded`: the commit's map is nearly full.
Reason = Literal["rebuild", "load", "head", "crowded"]


class Valve:
    """Pauses and resumes one consumer's partitions."""

    def __init__(self, consumer: Consumer) -> None:
        """Nothing is paused."""
        self._consumer = consumer
        self._reasons: dict[TopicPartition, set[Reason]] = {}

    def close(self, partitions: Iterable[TopicPartition], reason: Reason) -> None:
        """Pause for a reason."""
        paused = []
        for partition in partitions:
            reasons = self._reasons.setdefault(partition, set())
            if not reasons:
                paused.append(partition)
            reasons.add(reason)
        if paused:
            self._consumer.pause(paused)

    def open(self, partitions: Iterable[TopicPartition], reason: Reason) -> None:
        """Take a reason back; without any left the partition is resumed."""
        resumed = []
        for partition in partitions:
            reasons = self._reasons.get(partition)
            if reasons and reason in reasons:
                reasons.discard(reason)
                if not reasons:
                    resumed.append(partition)
        if resumed:
            self._consumer.resume(resumed)

    def is_closed(self, partition: TopicPartition, reason: Reason) -> bool:
        """Whether it is paused for this reason."""
        return reason in self._reasons.get(partition, ())

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """These are not ours any more."""
        for partition in partitions:
            self._reasons.pop(partition, None)
