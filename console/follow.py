"""What an event led to: its actions, what became of each, and the dead letters on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from console import dead_letters, deliveries
from console.dead_letters import DeadLetter
from console.deliveries import Delivery
from console.find_events import Placed
from console.holding import Holding, holding_of
from console.session import Session
from console.views import action_view, delivery_view, letter_view, place_view
from runtime.broker import Received, Span
from schemas import headers
from schemas.errors import ConfigurationError, SchemaError
from schemas.records import Action

#: Clocks of producers and brokers differ; what follows from an event is looked for from here on.
SKEW = timedelta(minutes=5)

Stand = Literal["dry_run", "queued", "delivered", "waiting", "dead", "replayed", "discarded"]


@dataclass(frozen=True, slots=True)
class Followed:
    """One action and what became of it.

    Attributes:
        delivery: None before its first attempt.
        letters: Its deaths, oldest first.
        dry_run: Its workflow was only tried out: nobody delivers it.
        holding: What it waits for, if it waits before its first attempt.
    """

    action: Action
    record: Received
    delivery: Delivery | None = None
    letters: tuple[DeadLetter, ...] = ()
    dry_run: bool = False
    holding: Holding | None = None

    @property
    def stand(self) -> Stand:
        """Where it stands: the resolution of its death counts until a later attempt is made."""
        if self.dry_run:
            return "dry_run"
        if self.delivery is None:
            return "queued"
        if self.delivery.outcome != "dead" or not self.letters:
            return self.delivery.outcome
        resolution = self.letters[-1].resolution
        return resolution.kind if resolution else "dead"

    @property
    def sentence(self) -> str:
        """Where it stands, for people."""
        if self.dry_run:
            return "dry run: it would have been sent; nothing was"
        if self.delivery is None:
            return self.holding.sentence if self.holding else "queued: no attempt was made yet"
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

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **action_view(self.action),
            **place_view(self.record),
            "stand": self.stand,
            "sentence": self.sentence,
            "delivery": delivery_view(self.delivery, attempts=True) if self.delivery else None,
            "dead_letters": [letter_view(letter) for letter in self.letters],
            "held": self.holding.view() if self.holding else None,
        }


@dataclass(frozen=True, slots=True)
class Following:
    """What an event led to.

    Attributes:
        followed: Its actions, those of dry runs last.
        letters: Dead letters of the event itself: it, or an action of it, could not be made.
        notes: What could not be read on the way.
    """

    followed: tuple[Followed, ...]
    letters: tuple[DeadLetter, ...]
    notes: tuple[str, ...]


async def follow(session: Session, placed: Placed, workflow: str | None = None) -> Following:
    """Follow an event through the topics.

    Args:
        workflow: Only what this workflow made of it.
    """
    since = dead_letters.instant(placed.record.timestamp_ms) - SKEW
    look = _Looking(session, placed, since, workflow)
    made = await look.actions(session.topics.actions)
    tried = await look.actions(session.topics.actions_dryrun)
    found = await deliveries.read(
        session.reader,
        session.topics.attempts,
        session.attempt,
        deliveries.Asked(event_id=str(placed.event.event_id), workflow=workflow),
        since,
    )
    by_action = {(one.action_id, one.last.webhook_id): one for one in found.deliveries}
    topics = dead_letters.topics_of(session.topics, [placed.event.entity])
    died = await dead_letters.read(session.reader, topics, since)
    followed = [
        Followed(
            action,
            record,
            by_action.get((action.action_id, action.webhook_id)),
            tuple(letter for letter in died if _died(letter, action)),
        )
        for action, record in made
    ]
    followed = [await _held(session, one) for one in followed]
    followed += [Followed(action, record, dry_run=True) for action, record in tried]
    return Following(
        tuple(followed),
        tuple(letter for letter in died if look.is_of(letter)),
        (*look.notes, *found.unreadable),
    )


async def _held(session: Session, one: Followed) -> Followed:
    """With what it waits for, if there is no attempt yet."""
    if one.delivery is not None or one.letters:
        return one
    return replace(one, holding=await holding_of(session, one.record))


@dataclass(frozen=True, slots=True)
class _Looking:
    """One search for what an event led to."""

    session: Session
    placed: Placed
    since: datetime
    workflow: str | None
    notes: list[str] = field(default_factory=list)

    async def actions(self, topic: str) -> Sequence[tuple[Action, Received]]:
        """The event's actions on a topic; a replay of one is the same action."""
        found: dict[tuple[str, str], tuple[Action, Received]] = {}
        try:
            async for record in self.session.reader.scan(Span(topic, since=self.since)):
                action = await self._wanted(record)
                if action is not None:
                    key = (str(action.action_id), action.webhook_id)
                    found.setdefault(key, (action, record))
        except ConfigurationError as error:
            self.notes.append(str(error))  # a system from before there was such a topic
        return list(found.values())

    async def _wanted(self, record: Received) -> Action | None:
        """The action that a record is, if it is one of the event's."""
        if self.workflow is not None and _names_another(record, self.workflow):
            return None
        try:
            action = await self.session.action(record.value)
        except SchemaError as error:
            self.notes.append(f"{record.place}: {error}")
            return None
        ours = self.workflow in {None, action.workflow_id}
        return action if ours and action.event_id == self.placed.event.event_id else None

    def is_of(self, letter: DeadLetter) -> bool:
        """Whether a dead letter says that this very event could not be worked on."""
        origin: Mapping[str, Any] = letter_view(letter)["origin"]
        ours = self.workflow is None or letter.workflow in {None, self.workflow}
        return ours and origin == place_view(self.placed.record)


def _names_another(record: Received, workflow: str) -> bool:
    """Whether a record says in its headers that another workflow made it."""
    named = [value for name, value in record.headers if name == headers.WORKFLOW]
    return bool(named) and workflow.encode() not in named


def _died(letter: DeadLetter, action: Action) -> bool:
    """Whether a dead letter is this action."""
    return letter.action_id == str(action.action_id) and letter.webhook == action.webhook_id
