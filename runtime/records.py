"""What goes through the broker port: records, places and positions, as frozen values.

Those made for each record are named tuples: making one costs a third of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        """As operators write it: `crm.actions:3`."""
        return f"{self.topic}:{self.partition}"


class Received(NamedTuple):
    """One record as it was read.

    Attributes:
        timestamp_ms: The record's own timestamp (CreateTime), Unix milliseconds.
        value: None for a tombstone.
        headers: In wire order; a name may repeat.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def place(self) -> str:
        """`topic:partition:offset`, the record's address in every message to people."""
        return f"{self.topic}:{self.partition}:{self.offset}"


class Outgoing(NamedTuple):
    """One record to be written.

    Attributes:
        partition: None lets the key decide (murmur2, as Java's client does).
        value: None writes a tombstone (compacted topics only).
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


class Acknowledged(NamedTuple):
    """Where the broker put a record, once every in-sync replica has it."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Position:
    """What a group commits for a partition.

    Attributes:
        offset: The next offset to read: last contiguous finished one + 1.
        metadata: Free text of the committer, at most 4,095 bytes: brokers take one more, which
            librdkafka spends on a final NUL.
    """

    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a topic for `Reader.scan`.

    Attributes:
        partition: None reads all.
        since, until: Bounds on the record's timestamp; `until` is exclusive.
        offset: Start here instead; only with a partition.
        settled: Wait for the transactions that are open now: what others committed behind them
            is not seen before they have ended, at their timeout at the latest.
    """

    topic: str
    partition: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    offset: int | None = None
    settled: bool = False


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic as it is, or should be.

    Attributes:
        config: Kafka's own names and values: `cleanup.policy`, `retention.ms`.
    """

    name: str
    partitions: int
    config: Mapping[str, str]
