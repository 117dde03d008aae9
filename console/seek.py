"""Finds the event that an operator asks about, on its topic or among the dead letters.

An event that is nowhere is an answer too: where it was looked for, and where it may have got stuck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console import dead_letters
from console.dead_letters import DeadLetter
from console.fate import Fate, letter_sentence, not_found, unreadable
from console.find_events import Place, Placed, find_record, placed_of, record_at
from console.session import Session
from runtime.broker import Received
from schemas import headers
from schemas.errors import SchemaError
from schemas.records import Event


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
class Lost:
    """An event that is not (readable) on its topic.

    Attributes:
        event: As a dead letter still holds it, if one does.
    """

    fate: Fate
    record: Received | None = None
    event: Event | None = None


async def sought(session: Session, asked: Asked, entity: str) -> Placed | Lost:
    """The event on its topic, or what else is known of it.

    Args:
        entity: That of the workflow: its topic is looked at first.
    """
    entities = asked.entities or tuple(
        sorted(session.catalog.entities, key=lambda one: (one != entity, one))
    )
    place = Place.parse(asked.event)
    if place is not None:
        return await _at(session, place)
    topics = [session.topics.events(one) for one in entities]
    record = await find_record(session, asked.event, topics, asked.since)
    if record is not None:
        return await _read(session, record)
    for letter in await _letters(session, entities, asked.since):
        if letter.headers.get(headers.CE_ID) == asked.event:
            return await _dead(session, letter)
    return Lost(not_found(f"the event {asked.event}", topics, asked.since))


async def _at(session: Session, place: Place) -> Placed | Lost:
    """The event at a place: of its topic, or of the dead letters."""
    dead = {
        session.topics.dead(session.topics.events(one)): one for one in session.catalog.entities
    }
    if place.topic in dead:
        letters = await _letters(session, [dead[place.topic]], None)
        wanted = [one for one in letters if one.record.place == str(place)]
    else:
        record = await record_at(session, place)
        if record is not None:
            return await _read(session, record)
        letters = await _letters(session, [session.topics.entity_of(place.topic)], None)
        wanted = [one for one in letters if _came_from(one, place)]
    if wanted:
        return await _dead(session, wanted[-1])
    return Lost(not_found(f"an event at {place}", [place.topic], None))


async def _read(session: Session, record: Received) -> Placed | Lost:
    """The event that a record is; if it cannot be read, with its dead letter."""
    try:
        return await placed_of(session, record)
    except SchemaError as error:
        found = await _letters(session, [session.topics.entity_of(record.topic)], None)
        letters = [one for one in found if _came_from(one, Place(*record[:3]))]
        return Lost(unreadable(record, error, letters), record)


async def _dead(session: Session, letter: DeadLetter) -> Lost:
    """An event as a dead letter holds it."""
    said = f"it is in the dead letters: {letter_sentence(letter)}"
    fate = Fate("dead_letter", (said,), letters=(letter,))
    try:
        event = await session.event(letter.entity, letter.record.value)
    except SchemaError:
        return Lost(fate)
    return Lost(fate, None, event)


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
