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
        ClientPartition(*partition): OffsetAndMetadata(
            position.offset, _ended(position.metadata), -1
        )
        for partition, position in positions.items()
    }


def _ended(metadata: str) -> str:
    """With the final NUL that librdkafka's reader looks for: without it, it reads on behind."""
    return f"{metadata}\0" if metadata else ""


def text(metadata: str | None) -> str:
    """A position's metadata; librdkafka commits it with a final NUL, which is not part of it."""
    return (metadata or "").removesuffix("\0")
