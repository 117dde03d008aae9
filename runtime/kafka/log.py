"""The client's consumer without a group."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kafka import KafkaConsumer
from kafka import TopicPartition as ClientPartition

from runtime.bridge.failures import no_topic
from runtime.broker import Received, TopicPartition
from runtime.kafka.admin import KafkaAdministration
from runtime.kafka.client import Untyped, build, close_consumer
from runtime.kafka.connection import consumer_arguments
from runtime.kafka.unpacking import unpack
from runtime.settings import Settings

#: How long asking for a position may take; it is known but right after a seek.
POSITION_MS = 100

Offsets = dict[TopicPartition, int]


class KafkaLog:
    """`runtime.bridge.scanning.LogClient`."""

    def __init__(self, settings: Settings) -> None:
        """Connects."""
        self._settings = settings
        self._at: Offsets = {}
        self._active: set[ClientPartition] = set()
        self.raw: Untyped = unpack(
            build(KafkaConsumer, consumer_arguments(settings) | {"group_id": None})
        )

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """Every partition of the topics, in order."""
        numbers = {topic: self.raw.partitions_for_topic(topic) for topic in sorted(topics)}
        missing = [topic for topic, found in numbers.items() if not found]
        if missing:
            raise no_topic(missing)
        return [
            TopicPartition(topic, one) for topic, found in numbers.items() for one in sorted(found)
        ]

    def begins(self, partitions: Collection[TopicPartition]) -> Offsets:
        """The first offset of each."""
        return _ours(self.raw.beginning_offsets(_theirs(partitions))) if partitions else {}

    def ends(self, partitions: Collection[TopicPartition], *, settled: bool) -> Offsets:
        """Where each ends for committed records, or (settled) with open transactions included."""
        if not settled:
            return _ours(self.raw.end_offsets(_theirs(partitions)))
        admin = KafkaAdministration(self._settings)
        try:
            return admin.ends(partitions, settled=True)
        finally:
            admin.close()

    def at_time(
        self, partitions: Collection[TopicPartition], since_ms: int
    ) -> Mapping[TopicPartition, int | None]:
        """The first record of each that is not older; None: there is none."""
        found = self.raw.offsets_for_times(dict.fromkeys(_theirs(partitions), since_ms))
        return {
            TopicPartition(*one): at.offset if at is not None else None for one, at in found.items()
        }

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Poll these partitions, and no others, each from its offset."""
        self._active = set(_theirs(starts))
        self.raw.assign(list(self._active))
        for partition, offset in starts.items():
            self.raw.seek(ClientPartition(*partition), offset)

    def poll(
        self, limit: int, timeout_s: float
    ) -> tuple[Mapping[TopicPartition, list[Received]], Offsets]:
        """Some records, and how far each partition has been read where that has changed."""
        found = self.raw.poll(timeout_ms=round(timeout_s * 1000), max_records=limit)
        moved = {}
        for partition in self._active:
            at = self.raw.position(partition, timeout_ms=POSITION_MS)
            ours = TopicPartition(*partition)
            if at is not None and at != self._at.get(ours):
                moved[ours] = int(at)
        self._at |= moved
        return {TopicPartition(*at): records for at, records in found.items()}, moved

    def finish(self, partitions: Collection[TopicPartition]) -> None:
        """Poll these no more."""
        self._active.difference_update(_theirs(partitions))
        self.raw.pause(*_theirs(partitions))

    def close(self) -> None:
        """Free everything."""
        close_consumer(self.raw, timeout_ms=2_000)


def _theirs(partitions: Collection[TopicPartition]) -> list[ClientPartition]:
    return [ClientPartition(*one) for one in partitions]


def _ours(offsets: Mapping[ClientPartition, int]) -> Offsets:
    return {TopicPartition(*one): offset for one, offset in offsets.items()}
