"""The tallies of one partition of the events topics, and the records they are written in.

Pure.  A partition's tallies belong to whoever owns the partition, and are handed on with it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from schemas.records import WorkflowCounts
from workflow_service.counting.tallies import ActiveWorkflow, Counted, Stream, Tally

#: Workflows are written in so many records for each partition; one that matches is written with
#: its chunk, not with all others.
CHUNKS = 64
#: The chunk of the record that has the streams.
STREAMS = -1


class PartitionTallies:
    """The tallies of one partition of the events topics.

    A workflow without a tally has been in force for as long as its stream has been counted, and
    has not matched.
    """

    def __init__(self, epoch: int = 0) -> None:
        """Nothing was counted yet.

        Args:
            epoch: Of this owner of the partition; higher than that of any before.
        """
        self.epoch = epoch
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

    def carry(self, workflow: ActiveWorkflow, row: Mapping[str, Any]) -> bool:
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

    def stream_of(self, workflow: ActiveWorkflow) -> Stream:
        """The events a workflow looks at."""
        place = (workflow.entity, workflow.operations)
        known = self._streams.get(place)
        if known is None:
            known = self._streams[place] = Stream(*place)
        return known

    def tally_of(self, workflow: ActiveWorkflow) -> Tally:
        """A workflow's tally; that of an older version is dropped."""
        known = self._tallies.get(workflow.id)
        stream = self.stream_of(workflow)
        if known is None or known.version != workflow.version or known.stream is not stream:
            known = self._tallies[workflow.id] = Tally(workflow.id, workflow.version, stream)
        return known

    def taken_up(self, workflow: ActiveWorkflow) -> None:
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

    def count(self, counted: Counted, in_force: Mapping[str, ActiveWorkflow], minute: int) -> None:
        """Count what a batch said that was committed in this minute."""
        for (entity, operation), events in counted.events.items():
            for stream in self._streams_with(entity, operation):
                stream.add(events, minute)
        for id, event_id in counted.matches:
            if id in in_force:
                self.tally_of(in_force[id]).match(event_id)
                self._changed.add(chunk_of(id))
        for id, failed in counted.samples:
            if id in in_force:
                self.tally_of(in_force[id]).sample(failed)
                self._changed.add(chunk_of(id))
        self._counted = True

    def _streams_with(self, entity: str, operation: str) -> list[Stream]:
        """The streams that an event is in."""
        return [
            stream
            for stream in self._streams.values()
            if stream.entity == entity and operation in stream.operations
        ]

    def take_changed(self, partition: int, as_of: datetime) -> list[WorkflowCounts]:
        """What to write: the chunks that changed since this was asked last, and the streams."""
        changed: dict[int, list[Mapping[str, Any]]] = {chunk: [] for chunk in sorted(self._changed)}
        self._changed.clear()
        for tally in self._tallies.values():
            chunk = chunk_of(tally.id)
            if chunk in changed:
                changed[chunk].append(_row(tally))
        records = [
            WorkflowCounts(partition, chunk, as_of, self.epoch, (), tuple(rows))
            for chunk, rows in changed.items()
        ]
        if self._counted or records:
            self._counted = False
            streams = tuple(map(_stream, self._streams.values()))
            records.append(WorkflowCounts(partition, STREAMS, as_of, self.epoch, streams, ()))
        return records

    def mark_changed(self, counts: WorkflowCounts) -> None:
        """What was taken could not be written: it has still to be."""
        if counts.chunk == STREAMS:
            self._counted = True
        else:
            self._changed.add(counts.chunk)


def latest(records: Iterable[tuple[bytes | None, WorkflowCounts]]) -> list[WorkflowCounts]:
    """The record of each key that counts, of one partition's in their order.

    The last one; but what a former owner wrote late never takes the place of its successor's.
    """
    found: dict[bytes | None, WorkflowCounts] = {}
    for key, counts in records:
        known = found.get(key)
        if known is None or counts.epoch >= known.epoch:
            found[key] = counts
    return list(found.values())


def read_back(
    records: Iterable[WorkflowCounts], in_force: Iterable[ActiveWorkflow]
) -> PartitionTallies:
    """The tallies of a partition as whoever counted it before has written them.

    Args:
        records: The last one of each chunk.
        in_force: What is in force now; a version that was saved since they were written begins anew.
    """
    records = list(records)
    tallies = PartitionTallies(1 + max((record.epoch for record in records), default=0))
    rows: dict[str, Mapping[str, Any]] = {}
    as_of = datetime.min.replace(tzinfo=UTC)
    for record in records:
        as_of = max(as_of, record.as_of)
        for stream in record.streams:
            tallies.carry_stream(Stream(**{**stream, "operations": tuple(stream["operations"])}))
        rows |= {row["id"]: row for row in record.workflows}
    for workflow in in_force:
        tallies.stream_of(workflow)
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
