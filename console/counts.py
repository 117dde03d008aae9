"""What each workflow has said so far, as the members of the workflow service have written it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from console.session import Session
from runtime.broker import Span
from schemas.errors import ConfigurationError, SchemaError
from schemas.records import Definition, WorkflowCounts
from workflow_service.counting.partition_tallies import latest, read_back
from workflow_service.counting.quiet import is_quiet, together
from workflow_service.counting.tallies import ActiveWorkflow, Tally, failures_of


@dataclass(frozen=True, slots=True)
class Count:
    """What one version of a workflow has said, over all partitions.

    Attributes:
        evaluated: Events of its entity and operations that were processed while it was in force.
        sampled: Events for which it was looked into which condition failed.
        failed: How many of those failed, by the first condition that did; most first.
        last_match: To the minute; None before the first match.
        quiet: It used to match and has gone quiet (`workflow_service.counting.quiet`).
    """

    evaluated: int
    matched: int
    sampled: int
    failed: Mapping[str, int]
    last_match: datetime | None
    last_event_id: str | None
    quiet: bool

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "evaluated": self.evaluated,
            "matched": self.matched,
            "sampled": self.sampled,
            "failed": dict(self.failed),
            "last_match": self.last_match,
            "last_event_id": self.last_event_id,
            "quiet": self.quiet,
        }


async def read(session: Session) -> Mapping[str, Count]:
    """The counts of every workflow that is in force, by id.

    Members write every `HOOKLINE_WORKFLOW_COUNTS_INTERVAL_MS`.  Empty where the topic does not
    exist yet: `hookline topics create` makes it.
    """
    last: dict[int, list[tuple[bytes | None, WorkflowCounts]]] = {}
    try:
        async for record in session.reader.scan(Span(session.topics.workflow_counts)):
            try:
                counts = await session.workflow_counts(record.value)
            except SchemaError:  # of a newer release: its next record replaces it
                continue
            last.setdefault(record.partition, []).append((record.key, counts))
    except ConfigurationError:
        return {}
    in_force = list(_in_force(session.workflows.current))
    found: dict[str, list[Tally]] = {each.id: [] for each in in_force}
    for of_partition in last.values():
        tallies = read_back(latest(of_partition), in_force)
        for each in in_force:
            found[each.id].append(tallies.tally_of(each))
    return {id: _count(tallies) for id, tallies in found.items()}


def _in_force(definitions: Mapping[str, Definition]) -> Iterator[ActiveWorkflow]:
    """The workflows that events are matched with."""
    for id, definition in definitions.items():
        spec = json.loads(definition.spec)
        if spec.get("state", "active") != "paused":
            on = tuple(spec["on"])
            yield ActiveWorkflow(id, definition.version, spec["entity"], on, definition.saved_at)


def _count(tallies: list[Tally]) -> Count:
    """The counts of one workflow's partitions together."""
    rhythm = together(tally.rhythm for tally in tallies)
    latest = max(tallies, key=lambda tally: tally.last_match_minute, default=None)
    minute = rhythm.last_match
    return Count(
        evaluated=sum(tally.evaluated for tally in tallies),
        matched=sum(tally.matched for tally in tallies),
        sampled=sum(tally.sampled for tally in tallies),
        failed=failures_of(tallies),
        last_match=datetime.fromtimestamp(minute * 60, UTC) if minute else None,
        last_event_id=latest.last_event_id if latest else None,
        quiet=is_quiet(rhythm),
    )
