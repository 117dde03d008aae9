"""Positions as the client takes them."""

from __future__ import annotations

from collections.abc import Mapping

from kafka import TopicPartition as ClientPartition
from kafka.structs import OffsetAndMetadata

from runtime.broker import Position, TopicPartition


def client_offsets(
    positions: Mapping[TopicPartition, Position],
) -> dict[ClientPartition, OffsetAndMetadata]:
    """Offset and metadata per partition; the leader's epoch is left unsaid."""
    return {
        ClientPartition(*partition): OffsetAndMetadata(position.offset, position.metadata, -1)
        for partition, position in positions.items()
    }
