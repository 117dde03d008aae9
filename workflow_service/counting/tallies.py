"""What each workflow said about the events of one partition: evaluated, matched, failed and where.

Pure.  An event that is evaluated costs one addition for its entity and operation, however many
workflows there are: a workflow was asked about every event of its stream (its entity, its
operations) since it was taken up, so it needs to remember only how many there were before.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from workflow_service.counting.quiet import Rhythm

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
    """What one batch said about one partition; nothing of it counts before the batch is committed.

    Attributes:
        events: How many, by entity and operation.
        matches: Workflow and event of each.
        samples: Workflow, and the path of the first condition that failed, if one did.
    """

    events: dict[tuple[str, str], int] = field(default_factory=dict)
    matches: list[tuple[str, uuid.UUID]] = field(default_factory=list)
    samples: list[tuple[str, str | None]] = field(default_factory=list)

    def add_event(self, entity: str, operation: str) -> None:
        """Count an event that workflows were asked about."""
        place = (entity, operation)
        self.events[place] = self.events.get(place, 0) + 1


@dataclass(frozen=True, slots=True)
class ActiveWorkflow:
    """A workflow as far as counting needs it."""

    id: str
    version: int
    entity: str
    operations: tuple[str, ...]
    saved_at: datetime


def failures_of(tallies: Iterable[Tally]) -> dict[str, int]:
    """How many sampled events failed, by condition, over several partitions; most first."""
    counts = Counter[str]()
    for tally in tallies:
        counts.update(tally.failed)
    return dict(counts.most_common())
