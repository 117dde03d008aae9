"""Finds events on their topics: by id, from the CloudEvents headers alone, or by their place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from console.errors import NotFoundError
from console.session import Session
from runtime.broker import Received, Span
from schemas import headers
from schemas.errors import ConfigurationError
from schemas.records import Event

_PLACE = re.compile(r"(?P<topic>.+):(?P<partition>\d+):(?P<offset>\d+)")


@dataclass(frozen=True, slots=True)
class Placed:
    """An event and the record it was read from."""

    event: Event
    record: Received


@dataclass(frozen=True, slots=True)
class Place:
    """`topic:partition:offset`, where a record stands."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The place that a text means; None if it does not look like one."""
        found = _PLACE.fullmatch(text)
        return cls(found["topic"], int(found["partition"]), int(found["offset"])) if found else None

    def __str__(self) -> str:
        """As it is parsed."""
        return f"{self.topic}:{self.partition}:{self.offset}"


async def find(
    session: Session, event_id: str, entities: Iterable[str], since: datetime | None
) -> Placed:
    """The event with an id.

    Raises:
        NotFoundError: None of the topics holds it any more, or yet.
        SchemaError: It is there but cannot be read.
    """
    topics = [session.topics.events(entity) for entity in entities]
    record = await find_record(session, event_id, topics, since)
    if record is None:
        message = f"no event {event_id} on {', '.join(topics)}" + (
            f" since {since:%F %T}Z" if since else ""
        )
        raise NotFoundError(message)
    return await placed_of(session, record)


async def find_record(
    session: Session, event_id: str, topics: Sequence[str], since: datetime | None
) -> Received | None:
    """The first record with an event's id; nothing is decoded."""
    wanted = event_id.encode()
    for topic in topics:
        async with aclosing(session.reader.scan(Span(topic, since=since))) as records:
            async for record in records:
                if (headers.CE_ID, wanted) in record.headers:
                    return record
    return None


async def record_at(session: Session, place: Place) -> Received | None:
    """The record at a place; None if it is not kept any more, is not there yet, or is a marker.

    Raises:
        ConfigurationError: There is no such topic or partition, or it carries no events.
    """
    known = [session.topics.events(entity) for entity in session.catalog.entities]
    if place.topic not in known:
        message = f"{place.topic} is no topic of events; there are {', '.join(known)}"
        raise ConfigurationError(message)
    span = Span(place.topic, partition=place.partition, offset=place.offset)
    async with aclosing(session.reader.scan(span)) as records:
        async for record in records:
            return record if record.offset == place.offset else None
    return None


async def placed_of(session: Session, record: Received) -> Placed:
    """The event that a record of an events topic is.

    Raises:
        SchemaError: It cannot be read.
    """
    entity = session.topics.entity_of(record.topic)
    return Placed(await session.event(entity, record.value), record)
