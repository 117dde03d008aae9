"""Whether anything was lost: every action of a window is delivered, waiting, under way or dead.

The order of reading makes it exact while the system runs: first the actions, then what the group has
committed, as of one moment, then the outcomes.  What the group had finished by that moment has its
outcome in the same transaction, and so on record when outcomes are read.  It needs one byte of memory
for each offset of the window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from console.session import Session
from runtime.broker import Position, Received, Span, TopicPartition
from schemas import headers
from webhook_service.dead_letter import STAGE
from webhook_service.offset_map import decode

#: Clocks of producers and services differ: outcomes are looked for from so long before the window.
SKEW: Final = timedelta(minutes=5)
#: Of the actions that are in none, so many are named; all are counted.
MOST_NAMED: Final = 1_000


class State(IntEnum):
    """Where an action is; a higher one is not taken back."""

    ABSENT = 0
    MADE = 1
    UNDER_WAY = 2
    WAITING = 3
    DELIVERED = 4
    DEAD = 5


@dataclass(slots=True)
class Offsets:
    """The states of one partition's actions."""

    start: int = 0
    states: bytearray = field(default_factory=bytearray)

    def add(self, offset: int) -> None:
        """An action was made."""
        if not self.states:
            self.start = offset
        self.states.extend(bytes(offset - self.start - len(self.states)))
        self.states.append(State.MADE)

    def mark(self, offset: int, state: State) -> None:
        """It is there; offsets outside of the window are none of ours."""
        place = offset - self.start
        if 0 <= place < len(self.states) and 0 < self.states[place] < state:
            self.states[place] = state

    def is_lost(self, offset: int) -> bool:
        """Whether an action is in none of the places."""
        place = offset - self.start
        return 0 <= place < len(self.states) and self.states[place] == State.MADE


@dataclass(frozen=True, slots=True)
class Lost:
    """An action that is in none."""

    action_id: str
    webhook: str
    workflow: str
    place: str
    made_at_ms: int


@dataclass(slots=True)
class Audit:
    """What a window of time came to.

    Attributes:
        events, decided, unreadable: Of the window; those whose matching is committed; those that
            are dead letters.
        by_workflow: Actions of the window.
        lost: The first of them.
    """

    since: datetime
    events: int = 0
    decided: int = 0
    unreadable: int = 0
    dry_run: int = 0
    by_workflow: Counter[str] = field(default_factory=Counter)
    states: Counter[State] = field(default_factory=Counter)
    lost: list[Lost] = field(default_factory=list)

    @property
    def made(self) -> int:
        """How many actions there are."""
        return sum(self.states.values())

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "since": self.since,
            "events": self.events,
            "verdicts": {
                "decided": self.decided,
                "behind": self.events - self.decided,
                "dead_letters": self.unreadable,
                "actions_by_workflow": dict(self.by_workflow),
                "dry_run_actions": self.dry_run,
            },
            "actions": {
                "made": self.made,
                "delivered": self.states[State.DELIVERED],
                "waiting": self.states[State.WAITING],
                "under_way": self.states[State.UNDER_WAY],
                "dead": self.states[State.DEAD],
                "in_none": self.states[State.MADE],
            },
            "lost": [
                {
                    "action_id": one.action_id,
                    "webhook": one.webhook,
                    "workflow": one.workflow,
                    "place": one.place,
                    "made_at_ms": one.made_at_ms,
                }
                for one in self.lost
            ],
        }


async def audit(session: Session, since: datetime) -> Audit:
    """Count a window, and name what is nowhere."""
    found = Audit(since)
    look = _Looking(session, since, found)
    await look.at_events()
    await look.at_actions()
    positions = await look.positions(session.settings.webhook_group)
    look.at_what_is_under_way(positions)
    await look.at_attempts()
    await look.at_dead_letters()
    await look.at_tiers(positions)
    await look.conclude()
    return found


@dataclass(slots=True)
class _Looking:
    """One audit under way."""

    session: Session
    since: datetime
    found: Audit
    numbers: dict[int, Offsets] = field(default_factory=dict)
    unplaced: bool = False

    async def positions(self, group: str) -> Mapping[TopicPartition, Position]:
        """What a group has committed, as of one moment."""
        admin = self.session.broker.admin()
        try:
            return await admin.positions(group)
        finally:
            await admin.close()

    async def _records(self, span: Span) -> AsyncIterator[Received]:
        async for batch in self.session.reader.scan_batches(span):
            for record in batch:
                yield record

    async def at_events(self) -> None:
        """Events, how far matching has come with them, and what could not be matched."""
        topics = self.session.topics
        positions = await self.positions(self.session.settings.workflow_group)
        for entity in self.session.catalog.entities:
            async for one in self._records(Span(topics.events(entity), since=self.since)):
                position = positions.get(TopicPartition(one.topic, one.partition))
                self.found.events += 1
                self.found.decided += position is not None and one.offset < position.offset
            dead = Span(topics.dead(topics.events(entity)), since=self.since)
            async for one in self._records(dead):
                self.found.unreadable += not _text(one, headers.RESOLUTION)

    async def at_actions(self) -> None:
        """Actions that were made; those of dry runs are for nobody."""
        topics = self.session.topics
        async for one in self._records(Span(topics.actions, since=self.since, settled=True)):
            self.numbers.setdefault(one.partition, Offsets()).add(one.offset)
            self.found.by_workflow[_text(one, headers.WORKFLOW) or "unnamed"] += 1
        async for _ in self._records(Span(topics.actions_dryrun, since=self.since)):
            self.found.dry_run += 1

    def at_what_is_under_way(self, positions: Mapping[TopicPartition, Position]) -> None:
        """What the group has not finished: not received yet, queued, or being sent."""
        for number, offsets in self.numbers.items():
            position = positions.get(TopicPartition(self.session.topics.actions, number))
            done = position.offset if position else 0
            finished = decode(done, position.metadata if position else "")
            for offset in range(max(done, offsets.start), offsets.start + len(offsets.states)):
                if offset not in finished:
                    offsets.mark(offset, State.UNDER_WAY)

    async def at_attempts(self) -> None:
        """Deliveries on record."""
        async for one in self._outcomes(self.session.topics.attempts):
            if (outcome := _text(one, headers.OUTCOME)) == "delivered":
                self._mark(one, State.DELIVERED)
            self.unplaced |= not outcome

    async def at_dead_letters(self) -> None:
        """Deliveries that were given up."""
        topics = self.session.topics
        async for one in self._outcomes(topics.dead(topics.actions)):
            if _text(one, headers.ERROR_STAGE) == STAGE and not _text(one, headers.RESOLUTION):
                self._mark(one, State.DEAD)

    async def at_tiers(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Deliveries that wait."""
        tiers = tuple(self.session.topics.retries)
        ends = await self.session.reader.ends(tiers, settled=True)
        for place, end in ends.items():
            position = positions.get(place, Position(0))
            if place.partition not in self.numbers or position.offset >= end:
                continue
            finished = decode(position.offset, position.metadata)
            async for one in self._records(Span(*place, offset=position.offset, settled=True)):
                if one.offset not in finished:
                    self._mark(one, State.WAITING)

    async def conclude(self) -> None:
        """Count, and name what is in none of the places."""
        for offsets in self.numbers.values():
            self.found.states.update(
                {state: offsets.states.count(state) for state in State if state}
            )
        if self.found.states[State.MADE]:
            await self._name()
        if self.found.lost and self.unplaced:
            await self._look_again()

    async def _name(self) -> None:
        span = Span(self.session.topics.actions, since=self.since)
        async for one in self._records(span):
            if self.numbers[one.partition].is_lost(one.offset):
                id, webhook, workflow = (_text(one, name) for name in _NAMED)
                lost = Lost(id, webhook, workflow, one.place, one.timestamp_ms)
                self.found.lost.append(lost)
                if len(self.found.lost) == MOST_NAMED:
                    return

    async def _look_again(self) -> None:
        """Look by id at attempts that do not say their place: an earlier release wrote them."""
        missing = {one.action_id.encode(): one for one in self.found.lost}
        async for one in self._outcomes(self.session.topics.attempts):
            if one.key in missing and not _text(one, headers.OUTCOME):
                attempt = await self.session.attempt(one.value)
                if attempt.outcome == "delivered" and (lost := missing.pop(one.key, None)):
                    self.found.lost.remove(lost)
                    self.found.states.update({State.DELIVERED: 1, State.MADE: -1})

    def _outcomes(self, topic: str) -> AsyncIterator[Received]:
        return self._records(Span(topic, since=self.since - SKEW, settled=True))

    def _mark(self, record: Received, state: State) -> None:
        """A record that says where its action stands; it has the same partition number."""
        origin = _text(record, headers.ORIGIN_OFFSET)
        if record.partition in self.numbers and origin.isdecimal():
            self.numbers[record.partition].mark(int(origin), state)


_NAMED: Final = (headers.ACTION_ID, headers.WEBHOOK, headers.WORKFLOW)


def _text(record: Received, wanted: str) -> str:
    """A header's text; empty if there is none."""
    for name, value in record.headers:
        if name == wanted:
            return value.decode(errors="replace")
    return ""
