"""What a batch of events led to: the records to be written, and what is counted and logged of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from runtime.broker import Outgoing, Position, Received, TopicPartition
from schemas.codec import Reference
from workflow_service.counting.tallies import Counted
from workflow_service.dead_letter import Reason


@dataclass(slots=True)
class Produced:
    """What a batch led to.

    Attributes:
        trailing: Unreadable events after the last readable one.
        matches, actions: Without those of dry runs, which are counted beside them.
        unknown: Schemas that events name and nobody knows (yet).
        webhooks: Webhooks that actions name and that are not there (yet).
        counted: What the workflows said, by partition.
        unread: Partitions whose earlier firings must be read back before their events are decided.
        fired: What fires once per record, and now has: digests by topic and partition.
        letters: The dead letters among the records, with their reasons, for the log.
        notes: What a dry run could not show, and why: nobody's dead letter, since nothing is lost.
    """

    records: list[Outgoing] = field(default_factory=list)
    readable: int = 0
    trailing: int = 0
    matches: int = 0
    actions: int = 0
    dry_run_matches: int = 0
    dry_run_actions: int = 0
    unknown: set[Reference] = field(default_factory=set)
    webhooks: set[str] = field(default_factory=set)
    counted: dict[int, Counted] = field(default_factory=dict)
    unread: set[TopicPartition] = field(default_factory=set)
    fired: dict[tuple[str, int], set[bytes]] = field(default_factory=dict)
    letters: list[tuple[Received, Reason]] = field(default_factory=list)
    notes: list[tuple[Received, Reason]] = field(default_factory=list)


def positions_after(records: Iterable[Received]) -> dict[TopicPartition, Position]:
    """What to commit once these are done: for each partition the next offset."""
    last = {(record.topic, record.partition): record.offset for record in records}
    return {TopicPartition(*place): Position(offset + 1) for place, offset in last.items()}


def starts_of(records: Iterable[Received]) -> dict[TopicPartition, int]:
    """Where to begin again if these are not done: for each partition the first offset."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
    return first
