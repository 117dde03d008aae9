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
        return Lost(unreadable(record, error, letters), record)


async def _among_the_dead(
    session: Session, asked: Asked, place: Place | None, entities: Sequence[str]
) -> Lost:
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
                return Lost(fate)
            return Lost(fate, None, event)
    what = f"the event {wanted}" if place is None else f"an event at {wanted}"
    return Lost(not_found(what, topics, None if place else asked.since))


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
