"""What a workflow would have done with the events that are on the topic: nothing is written.

Read without a group and without a trace, and decoded only as far as the conditions look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from console.session import Session
from console.views import place_view
from runtime.broker import Received, Span
from schemas.errors import SchemaError
from schemas.records import Event
from workflow_service.asked import fields_of
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.language.explain import explain_compiled
from workflow_service.language.verdict import Verdict
from workflow_service.matching.judge import judge_of

#: Examples of each kind that are shown.
SAMPLES = 20
#: Rows of the table of requests: beyond them, what was counted by the hour is counted by the day.
MOST_ROWS = 1_000
#: After so many more events that were looked into for near misses only every second, fourth, eighth…
#: is: an explanation costs as much as a hundred matches, and the end of a window counts as its start.
LOOKED_INTO = 100

Read = Callable[[bytes | None], Event]


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        evaluated: Events of the workflow's operations.
        once: It fires once per record, and what fired before the window is not known.
        requests: How many, by webhook and hour of the event.
        by_day: There were too many hours: the requests are by webhook and day.
        matches, only_new, only_old: The first few of each.
        near_misses: A few from all over the window.
        near: Near misses among the events that were looked into: exactly one part failed.
        both, gained, lost: Beside the version in force, event by event; None without one.
    """

    events: int = 0
    evaluated: int = 0
    unreadable: int = 0
    matched: int = 0
    looked_into: int = 0
    near: int = 0
    once: bool = False
    by_day: bool = False
    both: int | None = None
    gained: int | None = None
    lost: int | None = None
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    matches: list[dict[str, Any]] = field(default_factory=list)
    near_misses: list[dict[str, Any]] = field(default_factory=list)
    only_new: list[dict[str, Any]] = field(default_factory=list)
    only_old: list[dict[str, Any]] = field(default_factory=list)

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        compared = None
        if self.both is not None:
            compared = {
                "both": self.both,
                "only_new": self.gained,
                "only_old": self.lost,
                "samples_new": self.only_new,
                "samples_old": self.only_old,
            }
        return {
            "events": self.events,
            "evaluated": self.evaluated,
            "unreadable": self.unreadable,
            "matched": self.matched,
            "once_per_record": self.once,
            "matches": self.matches,
            "looked_into": self.looked_into,
            "near": self.near,
            "near_misses": self.near_misses,
            "requests": [
                {"webhook": webhook, "hour": hour, "requests": count}
                for (webhook, hour), count in sorted(self.requests.items())
            ],
            "requests_per": "day" if self.by_day else "hour",
            "difference": compared,
        }

    def request(self, webhook: str, at: datetime) -> None:
        """Count a request; days take the place of hours once the table would grow too long."""
        row = (webhook, f"{at:%Y-%m-%dT00:00Z}" if self.by_day else f"{at:%Y-%m-%dT%H:00Z}")
        self.requests[row] += 1
        if not self.by_day and len(self.requests) > MOST_ROWS:
            self.by_day, hours = True, self.requests
            self.requests = Counter()
            for (each, hour), count in hours.items():
                self.requests[each, f"{hour[:10]}T00:00Z"] += count


async def backtest(
    session: Session,
    new: CompiledWorkflow,
    old: CompiledWorkflow | None,
    since: datetime | None,
) -> Report:
    """Ask a workflow about every event of its entity.

    Args:
        old: The version in force of the same entity, to compare with.
        since: None takes everything that is kept.
    """
    entity = new.workflow.entity
    wanted = fields_of(new) | (fields_of(old) if old else frozenset())
    read = session.codec.event_reader(entity, wanted)
    trial = _Trial(new, old)
    span = Span(session.topics.events(entity), since=since)
    async for batch in session.reader.scan_batches(span):
        for record in batch:
            event: Event | None
            try:
                event = read(record.value)
            except SchemaError:  # its schema may be known by now
                event = await read_event(session, read, record)
            trial.ask(record, event)
    return trial.report


async def read_event(session: Session, read: Read, record: Received) -> Event | None:
    """The event, or None if it cannot be read even after looking for its schema."""
    try:
        return await session.decoded(lambda: read(record.value))
    except SchemaError:
        return None


class _Trial:
    """One workflow, and the version in force beside it."""

    def __init__(self, new: CompiledWorkflow, old: CompiledWorkflow | None) -> None:
        self.report = Report(once=new.workflow.fire == "once_per_record")
        if old is not None:
            self.report.both = self.report.gained = self.report.lost = 0
        self._new, self._old = new, old
        self._judges = {"new": judge_of(new), "old": old and judge_of(old)}
        self._fired: dict[str, set[str]] = {"new": set(), "old": set()}
        self._passed = 0
        self._chance = Random(0)  # noqa: S311 - which near misses are shown

    def ask(self, record: Received, event: Event | None) -> None:
        """Ask both about one event."""
        report = self.report
        report.events += 1
        if event is None:
            report.unreadable += 1
            return
        matched = self._matches("new", self._new, event)
        if event.operation in self._new.operations:
            report.evaluated += 1
            if matched:
                self._match(record, event)
            else:
                self._miss(record, event)
        if self._old is not None:
            self._compare(record, event, matched, self._matches("old", self._old, event))

    def _matches(self, which: str, compiled: CompiledWorkflow, event: Event) -> bool:
        """Whether it fires; once per record, the first time in this window."""
        judge = self._judges[which]
        if event.operation not in compiled.operations or (judge and not judge(event)):
            return False
        if compiled.workflow.fire != "once_per_record":
            return True
        fired = self._fired[which]
        if event.entity_id in fired:
            return False
        fired.add(event.entity_id)
        return True

    def _miss(self, record: Received, event: Event) -> None:
        """Look into one of so many events without a match."""
        self._passed += 1
        if self._passed >> (self.report.looked_into // LOOKED_INTO):
            self._passed = 0
            self._look_into(record, event)

    def _match(self, record: Received, event: Event) -> None:
        report = self.report
        report.matched += 1
        webhooks = [made.step.webhook for made in self._new.steps if made.takes(event)]
        for webhook in webhooks:
            report.request(webhook, event.occurred_at)
        _keep(report.matches, record, event, webhooks=webhooks)

    def _look_into(self, record: Received, event: Event) -> None:
        """Whether exactly one part kept it from matching, and which."""
        report = self.report
        report.looked_into += 1
        parts = _parts(explain_compiled(self._new, event).verdicts)
        failed = [part for part in parts if part.verdict is not True]
        if len(failed) == 1:
            report.near += 1
            (part,) = failed
            place = self._chance.randrange(report.near)
            if place < SAMPLES == len(report.near_misses):
                del report.near_misses[place]
            _keep(report.near_misses, record, event, path=part.path, condition=part.condition)

    def _compare(self, record: Received, event: Event, new: bool, old: bool) -> None:  # noqa: FBT001
        report = self.report
        if new and old:
            report.both = (report.both or 0) + 1
        elif new:
            report.gained = (report.gained or 0) + 1
            _keep(report.only_new, record, event)
        elif old:
            report.lost = (report.lost or 0) + 1
            _keep(report.only_old, record, event)


def _keep(samples: list[dict[str, Any]], record: Received, event: Event, **more: object) -> None:
    """Keep an example while there is room."""
    if len(samples) < SAMPLES:
        what = {"event_id": event.event_id, "entity_id": event.entity_id, **place_view(record)}
        samples.append({**what, "occurred_at": event.occurred_at, **more})


def _parts(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """The parts that must all hold; those of a group `all` one by one."""
    for verdict in verdicts:
        if verdict.path == "state":
            continue
        if verdict.inner and verdict.inner[0].path.startswith(f"{verdict.path}.all["):
            yield from _parts(verdict.inner)
        else:
            yield verdict
