"""Finds events on their topics by id: the CloudEvents headers suffice, nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from console.errors import NotFoundError
from console.session import Session
from runtime.broker import Received, Span
from schemas import headers
from schemas.records import Event


@dataclass(frozen=True, slots=True)
class Placed:
    """An event and the record it was read from."""

    event: Event
    record: Received


async def find(
    session: Session, event_id: str, entities: Iterable[str], since: datetime | None
) -> Placed:
    """The event with an id.

    Raises:
        NotFoundError: None of the topics holds it any more, or yet.
        SchemaError: It is there but cannot be read.
    """
    wanted = event_id.encode()
    looked = []
    for entity in entities:
        topic = session.topics.events(entity)
        looked.append(topic)
        async with aclosing(session.reader.scan(Span(topic, since=since))) as records:
            async for record in records:
                if (headers.CE_ID, wanted) in record.headers:
                    return Placed(await session.event(entity, record.value), record)
    message = f"no event {event_id} on {', '.join(looked)}" + (
        f" since {since:%F %T}Z" if since else ""
    )
    raise NotFoundError(message)
