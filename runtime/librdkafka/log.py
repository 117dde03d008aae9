"""The client's consumer without a group."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from runtime.bridge.failures import no_topic
from runtime.broker import Received, TopicPartition
from runtime.librdkafka.admin import LibrdkafkaAdministration
from runtime.librdkafka.connection import consumer_configuration, reach
from runtime.librdkafka.failures import PASSING, Trouble
from runtime.librdkafka.offsets import checked, client_partitions, ours
from runtime.librdkafka.records import by_partition
from runtime.settings import Settings

Offsets = dict[TopicPartition, int]

#: What the protocol calls the end and the beginning, in place of a time.
LATEST, EARLIEST = -1, -2
#: The client wants one; nothing is ever joined or committed under it.
NO_GROUP = "hookline-reader"
#: An empty fetch returns after it; only then the client says that an end was reached.
FETCH_WAIT_MS = 20
HARMLESS = PASSING | {KafkaError.GROUP_AUTHORIZATION_FAILED}


class LibrdkafkaLog:
    """`runtime.bridge.scanning.LogClient`."""

    def __init__(self, settings: Settings) -> None:
        """Connects."""
        self._settings = settings
        self._timeout_s = settings.kafka_request_timeout_ms / 1000
        self._trouble = Trouble()
        self._active: set[TopicPartition] = set()
        self.raw = Consumer(
            consumer_configuration(settings, self._trouble)
            | {
                "group.id": NO_GROUP,
                "fetch.wait.max.ms": FETCH_WAIT_MS,
                "queued.min.messages": 100_000,
            }
        )
        reach(self.raw, self._trouble, settings)

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """Every partition of the topics, in order."""
        there = self.raw.list_topics(timeout=self._timeout_s).topics
        missing = [one for one in topics if one not in there or there[one].error is not None]
        if missing:
            raise no_topic(missing)
        return [
            TopicPartition(one, number)
            for one in sorted(topics)
            for number in sorted(there[one].partitions)
        ]

    def begins(self, partitions: Collection[TopicPartition]) -> Offsets:
        """The first offset of each."""
        return self._ask(partitions, EARLIEST)

    def ends(self, partitions: Collection[TopicPartition], *, settled: bool) -> Offsets:
        """Where each ends for committed records, or (settled) with open transactions included."""
        admin = LibrdkafkaAdministration(self._settings)
        return admin.ends(partitions, settled=settled)

    def at_time(
        self, partitions: Collection[TopicPartition], since_ms: int
    ) -> Mapping[TopicPartition, int | None]:
        """The first record of each that is not older; None: there is none."""
        found = self._ask(partitions, max(0, since_ms))
        return {one: at if at >= 0 else None for one, at in found.items()}

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Poll these partitions, and no others, each from its offset."""
        self._active = set(starts)
        self.raw.assign([ClientPartition(*one, at) for one, at in starts.items()])

    def poll(
        self, limit: int, timeout_s: float
    ) -> tuple[Mapping[TopicPartition, list[Received]], Offsets]:
        """Some records, and how far each partition has been read where that has changed."""
        first = self.raw.poll(timeout_s)
        self._trouble.check()
        if first is None:
            return {}, {}
        moved: Offsets = {}
        messages = []
        for message in (first, *self.raw.consume(limit - 1, 0)):
            if (error := message.error()) is None:
                messages.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                moved[_at(message)] = message.offset() or 0
            elif error.code() not in HARMLESS:
                raise KafkaException(error)
        found = {at: part for at, part in by_partition(messages).items() if at in self._active}
        for at, part in found.items():
            moved[at] = max(moved.get(at, 0), part[-1].offset + 1)
        return found, moved

    def finish(self, partitions: Collection[TopicPartition]) -> None:
        """Poll these no more."""
        self._active.difference_update(partitions)
        self.raw.pause(client_partitions(partitions))

    def close(self) -> None:
        """Free everything."""
        self.raw.close()

    def _ask(self, partitions: Collection[TopicPartition], time_ms: int) -> Offsets:
        if not partitions:
            return {}
        asked = [ClientPartition(*one, time_ms) for one in partitions]
        found = checked(self.raw.offsets_for_times(asked, timeout=self._timeout_s))
        return {ours(one): one.offset for one in found}


def _at(message: Message) -> TopicPartition:
    return TopicPartition(message.topic() or "", message.partition() or 0)
