"""Partitions and positions as the client takes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from confluent_kafka import KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from runtime.broker import Position, TopicPartition


def client_offsets(positions: Mapping[TopicPartition, Position]) -> list[ClientPartition]:
    """Offset and metadata per partition."""
    return [
        ClientPartition(topic, number, position.offset, metadata=position.metadata)
        for (topic, number), position in positions.items()
    ]


def client_partitions(partitions: Collection[TopicPartition]) -> list[ClientPartition]:
    """Partitions without an offset."""
    return [ClientPartition(topic, number) for topic, number in partitions]


def ours(partition: ClientPartition) -> TopicPartition:
    """One of the client's."""
    return TopicPartition(partition.topic, partition.partition)


def checked(partitions: Collection[ClientPartition]) -> Collection[ClientPartition]:
    """An answer, unless one of its partitions failed.

    Raises:
        KafkaException: The first failure.
    """
    for one in partitions:
        if one.error is not None:
            raise KafkaException(one.error)
    return partitions
