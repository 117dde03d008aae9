"""Follows one event: its verdict per workflow, its actions, their attempts, their outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from console import dead_letters, deliveries
from console.dead_letters import DeadLetter
from console.deliveries import Delivery
from console.find_events import Placed
from console.session import Session
from console.verdicts import Opinion, opinion_view, opinions
from console.views import action_view, delivery_view, event_view, letter_view, place_view
from runtime.broker import Received, Span
from schemas.errors import SchemaError
from schemas.records import Action

#: Clocks of producers and brokers differ; what follows from an event is looked for from here on.
SKEW = timedelta(minutes=5)

Stand = Literal["queued", "delivered", "waiting", "dead", "replayed", "discarded"]


@dataclass(frozen=True, slots=True)
class Followed:
    """One action and what became of it.

    Attributes:
        delivery: None before its first attempt.
        letters: Its deaths, oldest first.
    """

    action: Action
    record: Received
    delivery: Delivery | None
    letters: tuple[DeadLetter, ...]

    @property
    def stand(self) -> Stand:
        """Where it stands: the resolution of its death counts until a later attempt is made."""
        if self.delivery is None:
            return "queued"
        if self.delivery.outcome != "dead" or not self.letters:
            return self.delivery.outcome
        resolution = self.letters[-1].resolution
        return resolution.kind if resolution else "dead"

    @property
    def sentence(self) -> str:
        """Where it stands, for people."""
        if self.delivery is None:
            return "queued: no attempt was made yet"
        tries = len(self.delivery.attempts)
        match self.stand:
            case "waiting":
                due = self.delivery.next_due_at
                return f"waiting until {due:%F %T}Z after {tries} attempts" if due else "waiting"
            case "dead":
                address = self.letters[-1].address if self.letters else "not written yet"
                return f"dead after {tries} attempts: dead letter {address}"
            case "replayed" | "discarded" as settled:
                return f"dead letter {self.letters[-1].address} was {settled}"
            case _:
                return f"delivered at attempt {self.delivery.last.attempt}"


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that is known about one event.

    Attributes:
        opinions: By the workflows as they are saved now.
        unread: The event's own dead letters: it could not be matched.
        notes: What could not be read on the way.
    """

    placed: Placed
    opinions: Sequence[Opinion]
    followed: Sequence[Followed]
    unread: Sequence[DeadLetter]
    notes: Sequence[str]

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "event": event_view(self.placed.event, self.placed.record),
            "workflows": [opinion_view(opinion) for opinion in self.opinions],
            "actions": [_followed_view(one) for one in self.followed],
            "dead_letters": [letter_view(letter) for letter in self.unread],
            "notes": list(self.notes),
        }


def _followed_view(one: Followed) -> dict[str, Any]:
    """One action for `--json`."""
    return {
        **action_view(one.action),
        **place_view(one.record),
        "stand": one.stand,
        "sentence": one.sentence,
        "delivery": delivery_view(one.delivery, attempts=True) if one.delivery else None,
        "dead_letters": [letter_view(letter) for letter in one.letters],
    }


async def trace(session: Session, placed: Placed) -> Trace:
    """Follow an event through the topics."""
    event = placed.event
    since = dead_letters.instant(placed.record.timestamp_ms) - SKEW
    actions, notes = await _actions(session, placed, since)
    found = await deliveries.read(
        session.reader,
        session.topics.attempts,
        session.attempt,
        deliveries.Asked(event_id=str(event.event_id)),
        since,
    )
    by_action = {(one.action_id, one.last.webhook_id): one for one in found.deliveries}
    died = await _died(session, event.entity, since)
    followed = [
        Followed(
            action,
            record,
            by_action.get((action.action_id, action.webhook_id)),
            tuple(
                letter
                for letter in died
                if letter.action_id == str(action.action_id) and letter.webhook == action.webhook_id
            ),
        )
        for (action, record) in actions.values()
    ]
    return Trace(
        placed=placed,
        opinions=opinions(session.workflows.current, event, session.catalog),
        followed=followed,
        unread=[letter for letter in died if _is_of(letter, placed.record)],
        notes=(*notes, *found.unreadable),
    )


async def _actions(
    session: Session, placed: Placed, since: datetime
) -> tuple[Mapping[tuple[str, str], tuple[Action, Received]], list[str]]:
    """The event's actions by id and webhook; a replay of one is the same action."""
    found: dict[tuple[str, str], tuple[Action, Received]] = {}
    notes = []
    async for record in session.reader.scan(Span(session.topics.actions, since=since)):
        try:
            action = await session.action(record.value)
        except SchemaError as error:
            notes.append(f"{record.place}: {error}")
            continue
        if action.event_id == placed.event.event_id:
            found.setdefault((str(action.action_id), action.webhook_id), (action, record))
    return found, notes


async def _died(session: Session, entity: str, since: datetime) -> list[DeadLetter]:
    """The dead letters that could be about an event of the entity."""
    topics = dead_letters.topics_of(session.topics, [entity])
    return await dead_letters.read(session.reader, topics, since)


def _is_of(letter: DeadLetter, record: Received) -> bool:
    """Whether the dead letter is this very event."""
    origin = letter_view(letter)["origin"]
    return bool(not letter.is_action and origin == place_view(record))
