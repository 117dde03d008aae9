"""Why a workflow fired for an event or stayed silent: the verdict, and what really happened.

The verdict comes from the code that matching runs.  Beside it stand the version that is explained, the
one that was in force at the time, and the event's fate as the topics tell it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from console import dead_letters
from console.dead_letters import DeadLetter, instant
from console.fate import Fate, fate_of, firing_sentence, letter_sentence, not_found, unreadable
from console.find_events import Place, Placed, find_record, placed_of, record_at
from console.given_event import given_event
from console.history import History, history_of
from console.personal import MASK, masked_event
from console.session import Session
from console.verdicts import Opinion, first_failed, masked_opinion, opinion_of, opinion_view
from console.versions import Then, then_of, version_notes
from console.views import event_view, place_view
from runtime.broker import Received
from schemas import headers
from schemas.errors import SchemaError
from schemas.records import Definition, Event, Firing
from workflow_service.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained.

    Attributes:
        event: An event id, or `topic:partition:offset`.
        text: The event itself as JSON, in place of `event`.
        version: None means the version in force, or the last one of a removed workflow.
        entities: Where the event is looked for; None means the workflow's entity, then all others.
        now: For an event that does not say when it occurred.
    """

    workflow: str
    event: str
    text: str | None
    version: int | None
    entities: tuple[str, ...] | None
    since: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is to say.

    Attributes:
        opinion: Of the version that was asked for; without an event its reason says why.
        event, record: None if it was not found or cannot be read.
        then: The version in force when the event was worked on; None if there was none, or if that
            is no question, because there is no record.
        notes: What a reader must know to take the verdict rightly.
    """

    opinion: Opinion
    event: Event | None
    record: Received | None
    fate: Fate
    in_force: int | None
    then: Then | None = None
    notes: tuple[str, ...] = ()

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **opinion_view(self.opinion),
            "event": event_view(self.event, self.record) if self.event else self._place(),
            "version_in_force": self.in_force,
            "version_then": self.then.view() if self.then else None,
            "fate": self.fate.view(),
            "notes": list(self.notes),
        }

    def masked(self, session: Session) -> Answer:
        """The answer without personal values."""
        if self.event is None:
            return self
        fields = session.catalog.fields(self.event.entity)
        return replace(
            self,
            opinion=masked_opinion(self.opinion),
            event=masked_event(self.event, fields),
        )

    def _place(self) -> dict[str, Any] | None:
        return place_view(self.record) if self.record else None


async def explanation(session: Session, asked: Asked) -> Answer:
    """Explain one workflow and one event.

    Raises:
        NotFoundError: There never was such a workflow, or such a version of it.
        ConfigurationError: The event that was handed over is none.
    """
    history = await history_of(session, asked.workflow)
    definition = _chosen(history, asked.version)
    entity = json.loads(definition.spec).get("entity", "")
    if asked.text is not None:
        event = given_event(asked.text, session.catalog, entity, asked.now)
        return _of_given(session, history, definition, event, masked=MASK in asked.text)
    found = await _found(session, asked, entity)
    if isinstance(found, _Lost):
        return _of_lost(session, history, definition, found)
    once = _is_once(definition)
    fate = await fate_of(session, found, definition.id, once=once)
    opinion = opinion_of(definition, found.event, session.catalog)
    if once:
        opinion = _with_firing(opinion, fate.firing, found.event)
    then = then_of(history, fate.version, instant(found.record.timestamp_ms))
    return Answer(
        opinion,
        found.event,
        found.record,
        fate,
        _in_force(history),
        then,
        (
            *version_notes(history, definition, then, found.record, opinion),
            *_state_notes(opinion),
            *fate.notes,
        ),
    )


def _chosen(history: History, version: int | None) -> Definition:
    """The version to be explained."""
    if version is None and history.last is not None:
        return history.last
    return history.content(version or history.versions[-1].version)


def _in_force(history: History) -> int | None:
    return None if history.removed else history.versions[-1].version


def _is_once(definition: Definition) -> bool:
    return bool(json.loads(definition.spec).get("fire") == "once_per_record")


@dataclass(frozen=True, slots=True)
class _Lost:
    """An event that is not (readable) on its topic.

    Attributes:
        event: As a dead letter still holds it, if one does.
    """

    fate: Fate
    record: Received | None = None
    event: Event | None = None


async def _found(session: Session, asked: Asked, entity: str) -> Placed | _Lost:
    """The event on its topic, or what else is known of it."""
    entities = asked.entities or tuple(
        sorted(session.catalog.entities, key=lambda one: (one != entity, one))
    )
    topics = [session.topics.events(one) for one in entities]
    place = Place.parse(asked.event)
    if place is None:
        record = await find_record(session, asked.event, topics, asked.since)
    else:
        record = await record_at(session, place)
    if record is None:
        return await _among_the_dead(session, asked, place, entities)
    try:
        return await placed_of(session, record)
    except SchemaError as error:
        found = await _letters(session, [session.topics.entity_of(record.topic)], asked.since)
        letters = [one for one in found if _came_from(one, Place(*record[:3]))]
        return _Lost(unreadable(record, error, letters), record)


async def _among_the_dead(
    session: Session, asked: Asked, place: Place | None, entities: Sequence[str]
) -> _Lost:
    """What the dead-letter topics know of an event that its own topic does not hold (any more)."""
    topics = [place.topic] if place else [session.topics.events(one) for one in entities]
    wanted = asked.event
    for letter in await _letters(session, entities, asked.since):
        if _came_from(letter, place) if place else letter.headers.get(headers.CE_ID) == wanted:
            said = f"it is in the dead letters, and not on its topic: {letter_sentence(letter)}"
            fate = Fate("dead_letter", (said,), letters=(letter,))
            try:
                event = await session.event(letter.entity, letter.record.value)
            except SchemaError:
                return _Lost(fate)
            return _Lost(fate, None, event)
    what = f"the event {wanted}" if place is None else f"an event at {wanted}"
    return _Lost(not_found(what, topics, None if place else asked.since))


async def _letters(
    session: Session, entities: Sequence[str], since: datetime | None
) -> list[DeadLetter]:
    """The events of these entities that could not be worked on."""
    topics = dead_letters.topics_of(session.topics, entities)
    del topics[session.topics.dead(session.topics.actions)]
    return await dead_letters.read(session.reader, topics, since)


def _came_from(letter: DeadLetter, place: Place) -> bool:
    """Whether a dead letter stood at a place before."""
    stood = (headers.ERROR_TOPIC, headers.ERROR_PARTITION, headers.ERROR_OFFSET)
    return ":".join(letter.headers.get(name, "") for name in stood) == str(place)


def _of_given(
    session: Session, history: History, definition: Definition, event: Event, *, masked: bool
) -> Answer:
    """The verdict on an event that was handed over."""
    opinion = opinion_of(definition, event, session.catalog)
    notes = list(_state_notes(opinion))
    if history.removed:
        notes += version_notes(history, definition, None, None, opinion)
    if masked:
        notes.append(
            f"the event has {MASK} in place of personal values, and these were judged as they "
            "stand; `hookline events show --personal --json` prints the values"
        )
    if _is_once(definition):
        notes.append("it fires once per record; whether it already has was not looked at")
    fate = Fate("not_published", ("the event was handed over, not read from its topic",))
    return Answer(opinion, event, None, fate, _in_force(history), None, tuple(notes))


def _of_lost(session: Session, history: History, definition: Definition, lost: _Lost) -> Answer:
    """What can be said of an event that is not (readable) on its topic."""
    if lost.event is not None:
        opinion = opinion_of(definition, lost.event, session.catalog)
    else:
        reason = lost.fate.sentences[0]
        opinion = Opinion(definition.id, definition.version, None, reason)
    return Answer(opinion, lost.event, lost.record, lost.fate, _in_force(history))


def _with_firing(opinion: Opinion, firing: Firing | None, event: Event) -> Opinion:
    """The opinion with its last part: has it fired for this record before?"""
    if opinion.matched is None:
        return opinion
    other = firing is not None and firing.event_id != event.event_id
    if firing is None:
        reason = f"it has not fired for {event.entity} {event.entity_id} before"
    else:
        reason = firing_sentence(firing) if other else "it has fired for this very event"
    verdict = Verdict(
        "fire", "fire once_per_record", firing and str(firing.event_id), not other, reason
    )
    refused = bool(opinion.matched) and other
    return replace(
        opinion,
        matched=bool(opinion.matched) and not other,
        reason=reason if refused else opinion.reason,
        verdicts=(*opinion.verdicts, verdict),
    )


def _state_notes(opinion: Opinion) -> tuple[str, ...]:
    """What its state alone keeps a workflow from."""
    state = next((one for one in opinion.verdicts if one.path == "state"), None)
    if state is None or state.verdict is True:
        return ()
    rest = tuple(one for one in opinion.verdicts if one.path != "state")
    failed = first_failed(rest)
    if failed is None:
        return (f"apart from its state ({state.actual}) every part holds: active, it would fire",)
    return (f"apart from its state ({state.actual}), {failed} does not hold either",)
