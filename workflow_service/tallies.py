"""What each workflow said about the events of one partition: evaluated, matched, failed and where.

Pure.  An event that is evaluated costs one addition for its entity and operation, however many
workflows there are: a workflow was asked about every event of its stream (its entity, its
operations) since it was taken up, so it needs to remember only how many there were before.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas.records import WorkflowCounts
from workflow_service.quiet import Rhythm

#: Workflows are written in so many records for each partition; one that matches is written with
#: its chunk, not with all others.
CHUNKS = 64
#: The chunk of the record that has the streams.
STREAMS = -1
#: Conditions of one workflow whose failures are told apart.
MAX_CONDITIONS = 200


@dataclass(slots=True)
class Stream:
    """The events of one entity and some operations.

    Attributes:
        events: How many there were.
        minutes: Minutes of the clock in which there were any.
        last_minute: The last of them, counted from 1970.
    """

    entity: str
    operations: tuple[str, ...]
    events: int = 0
    minutes: int = 0
    last_minute: int = 0

    def add(self, events: int, minute: int) -> None:
        """Count events that were processed in a minute."""
        self.events += events
        if minute > self.last_minute:
            self.minutes += 1
            self.last_minute = minute


@dataclass(slots=True)
class Tally:
    """What one version of a workflow has said.

    Attributes:
        events_before, minutes_before: Of the stream when the workflow was taken up.
        minutes_at_match: Minutes of the stream at the last match.
        sampled: Events whose verdict was looked into.
        failed: How many of those failed, by the path of the first condition that did.
    """

    id: str
    version: int
    stream: Stream
    events_before: int = 0
    minutes_before: int = 0
    matched: int = 0
    matched_minutes: int = 0
    minutes_at_match: int = 0
    longest_pause: int = 0
    first_match_minute: int = 0
    last_match_minute: int = 0
    last_event_id: str | None = None
    sampled: int = 0
    failed: dict[str, int] = field(default_factory=dict)

    @property
    def evaluated(self) -> int:
        """Events that it was asked about."""
        return self.stream.events - self.events_before

    @property
    def rhythm(self) -> Rhythm:
        """How regularly it matches."""
        return Rhythm(
            minutes=self.minutes_at_match - self.minutes_before,
            matched=self.matched_minutes,
            longest=self.longest_pause,
            pause=self.stream.minutes - self.minutes_at_match if self.matched else 0,
            first_match=self.first_match_minute,
            last_match=self.last_match_minute,
            last_active=self.stream.last_minute,
        )

    def match(self, event_id: uuid.UUID) -> None:
        """Count a match in the stream's present minute."""
        minute = self.stream.last_minute
        self.matched += 1
        self.last_event_id = str(event_id)
        if minute == self.last_match_minute:
            return
        if self.matched_minutes:
            pause = self.stream.minutes - self.minutes_at_match - 1
            self.longest_pause = max(self.longest_pause, pause)
        else:
            self.first_match_minute = minute
        self.matched_minutes += 1
        self.minutes_at_match = self.stream.minutes
        self.last_match_minute = minute

    def sample(self, failed: str | None) -> None:
        """Count a verdict that was looked into, with the condition that failed first, if one did."""
        self.sampled += 1
        if failed is not None and (failed in self.failed or len(self.failed) < MAX_CONDITIONS):
            self.failed[failed] = self.failed.get(failed, 0) + 1


@dataclass(slots=True)
class Counted:
    """What one batch said; nothing of it counts before the batch is committed.

    Attributes:
        events: How many, by partition, entity and operation.
        matches: Partition, workflow and event of each.
        samples: Partition, workflow, and the path of the first condition that failed, if one did.
    """

    events: dict[tuple[int, str, str], int] = field(default_factory=dict)
    matches: list[tuple[int, str, uuid.UUID]] = field(default_factory=list)
    samples: list[tuple[int, str, str | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class InForce:
    """A workflow as far as counting needs it."""

    id: str
    version: int
    entity: str
    operations: tuple[str, ...]
    saved_at: datetime


class PartitionTallies:
    """The tallies of one partition of the events topics.

    A workflow without a tally has been in force for as long as its stream has been counted, and
    has not matched.
    """

    def __init__(self) -> None:
        """Nothing was counted yet."""
        self._streams: dict[tuple[str, tuple[str, ...]], Stream] = {}
        self._tallies: dict[str, Tally] = {}
        self._changed: set[int] = set()
        self._counted = False

    @property
    def streams(self) -> Iterator[Stream]:
        """What was counted of events."""
        yield from self._streams.values()

    @property
    def tallies(self) -> Iterator[Tally]:
        """Those of the workflows that have one."""
        yield from self._tallies.values()

    def carry_stream(self, stream: Stream) -> None:
        """Go on counting a stream from where it was."""
        self._streams[stream.entity, stream.operations] = stream

    def carry(self, workflow: InForce, row: Mapping[str, Any]) -> bool:
        """Go on with a workflow's tally as it was written; False if that is of another version."""
        place = (row["entity"], tuple(row["operations"]))
        if row["version"] != workflow.version or place != (workflow.entity, workflow.operations):
            return False
        counts = {
            name: value for name, value in row.items() if name not in {"entity", "operations"}
        }
        counts["failed"] = dict(row["failed"])
        self._tallies[workflow.id] = Tally(**counts, stream=self.stream_of(workflow))
        return True

    def stream_of(self, workflow: InForce) -> Stream:
        """The events a workflow looks at."""
        place = (workflow.entity, workflow.operations)
        known = self._streams.get(place)
        if known is None:
            known = self._streams[place] = Stream(*place)
        return known

    def tally_of(self, workflow: InForce) -> Tally:
        """A workflow's tally; that of an older version is dropped."""
        known = self._tallies.get(workflow.id)
        stream = self.stream_of(workflow)
        if known is None or known.version != workflow.version or known.stream is not stream:
            known = self._tallies[workflow.id] = Tally(workflow.id, workflow.version, stream)
        return known

    def taken_up(self, workflow: InForce) -> None:
        """A workflow is in force from now on: what its stream had before does not count."""
        stream = self.stream_of(workflow)
        self._tallies.pop(workflow.id, None)
        if stream.events:
            tally = self.tally_of(workflow)
            tally.events_before, tally.minutes_before = stream.events, stream.minutes
            self._changed.add(chunk_of(workflow.id))

    def dropped(self, workflow_id: str) -> None:
        """A workflow is out of force."""
        if self._tallies.pop(workflow_id, None) is not None:
            self._changed.add(chunk_of(workflow_id))

    def count_events(self, entity: str, operation: str, events: int, minute: int) -> None:
        """Count events that were processed in a minute."""
        for stream in self._streams.values():
            if stream.entity == entity and operation in stream.operations:
                stream.add(events, minute)
                self._counted = True

    def count_match(self, workflow: InForce, event_id: uuid.UUID) -> None:
        """Count a match; its event was counted before."""
        self.tally_of(workflow).match(event_id)
        self._changed.add(chunk_of(workflow.id))

    def count_sample(self, workflow: InForce, failed: str | None) -> None:
        """Count a verdict that was looked into."""
        self.tally_of(workflow).sample(failed)
        self._changed.add(chunk_of(workflow.id))

    def take_changed(self, partition: int, as_of: datetime) -> list[WorkflowCounts]:
        """What to write: the chunks that changed since this was asked last, and the streams."""
        changed: dict[int, list[Mapping[str, Any]]] = {chunk: [] for chunk in sorted(self._changed)}
        self._changed.clear()
        for tally in self._tallies.values():
            chunk = chunk_of(tally.id)
            if chunk in changed:
                changed[chunk].append(_row(tally))
        records = [
            WorkflowCounts(partition, chunk, as_of, (), tuple(rows))
            for chunk, rows in changed.items()
        ]
        if self._counted or records:
            self._counted = False
            streams = tuple(map(_stream, self._streams.values()))
            records.append(WorkflowCounts(partition, STREAMS, as_of, streams, ()))
        return records


def read_back(records: Iterable[WorkflowCounts], in_force: Iterable[InForce]) -> PartitionTallies:
    """The tallies of a partition as whoever counted it before has written them.

    Args:
        records: The last one of each chunk.
        in_force: What is in force now; a version that was saved since they were written begins anew.
    """
    tallies, rows = PartitionTallies(), dict[str, Mapping[str, Any]]()
    as_of = datetime.min.replace(tzinfo=UTC)
    for record in records:
        as_of = max(as_of, record.as_of)
        for stream in record.streams:
            tallies.carry_stream(Stream(**{**stream, "operations": tuple(stream["operations"])}))
        rows |= {row["id"]: row for row in record.workflows}
    for workflow in in_force:
        row = rows.get(workflow.id)
        if row is not None and tallies.carry(workflow, row):
            continue
        if row is not None or workflow.saved_at > as_of:
            tallies.taken_up(workflow)
    return tallies


def _stream(stream: Stream) -> dict[str, Any]:
    """A stream as its record has it."""
    return {name: getattr(stream, name) for name in Stream.__slots__}


def _row(tally: Tally) -> dict[str, Any]:
    """A tally as its record has it."""
    row = {name: getattr(tally, name) for name in Tally.__slots__ if name != "stream"}
    return {**row, "entity": tally.stream.entity, "operations": tally.stream.operations}


def chunk_of(workflow_id: str) -> int:
    """The chunk a workflow is written in; the same everywhere."""
    return zlib.crc32(workflow_id.encode()) % CHUNKS
