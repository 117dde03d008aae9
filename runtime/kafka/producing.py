"""The client's idempotent producer."""

from __future__ import annotations

from kafka import KafkaProducer

from runtime.bridge.producing import Settled, Slot
from runtime.broker import Outgoing
from runtime.kafka.client import Untyped, build, close_producer
from runtime.kafka.connection import producer_arguments
from runtime.kafka.partitioner import RememberingPartitioner
from runtime.kafka.producer_id import renew_producer_ids
from runtime.settings import Settings


class KafkaProducing:
    """`runtime.bridge.producing.ProducerClient`."""

    def __init__(self, settings: Settings) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._producer: Untyped = None
        self._settled: Untyped = None

    def connect(self, settled: Settled) -> None:
        """Connect; raises if there is no broker."""
        arguments = producer_arguments(self._settings) | {"partitioner": RememberingPartitioner()}
        self._settled = settled
        self._producer = build(KafkaProducer, arguments)
        renew_producer_ids(self._producer)

    def knows(self, topic: str) -> bool:
        """Whether `send` would not have to look the topic up."""
        return self._producer._metadata.partitions_for_topic(topic) is not None  # noqa: SLF001

    def look_up(self, topic: str) -> None:
        """Learn of a topic; raises if it does not exist."""
        self._producer.partitions_for(topic)

    def send(self, record: Outgoing, slot: Slot) -> None:
        """Take one record; `settled` is called on the client's thread."""
        future = self._producer.send(
            record.topic, record.value, record.key, list(record.headers), record.partition
        )
        future.add_callback(self._settled, slot)
        future.add_errback(self._settled, slot)

    def close(self, timeout_s: float) -> None:
        """Flush within the timeout, then free everything."""
        close_producer(self._producer, timeout_s)
