"""Publishes what happened: from a record's fields to an acknowledged event, or an exception.

```python
import asyncio

from producers import EventPublisher


async def main() -> None:
    async with EventPublisher.connect() as publisher:
        ada = {"id": "7", "name": "Ada Lovelace", "emails": [], "tags": []}
        published = await publisher.created("person", after=ada, actor="import-42", source="import")
        print(published.event_id, published.topic, published.partition, published.offset)


asyncio.run(main())
```
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self, TypedDict, Unpack

from producers.cause import cause_from
from producers.change import event_of
from producers.connection import connected
from runtime.broker import Acknowledged, Broker, Outgoing
from runtime.clock import SystemClock
from runtime.settings import Settings
from schemas.catalog import Catalog, NamedSchema
from schemas.codec import Codec
from schemas.errors import SchemaError
from schemas.events import event_headers
from schemas.records import Event, Source
from schemas.topics import Topics

#: `ce_source` of events whose publisher does not name itself.
DEFAULT_SOURCE_URI = "/hookline/publisher"

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """An event that every in-sync replica has, and where it stands."""

    event_id: uuid.UUID
    topic: str
    partition: int
    offset: int


class About(TypedDict, total=False):
    """What can be said about a change besides the record's fields.

    Attributes:
        actor: Who did it; None where nobody is known.
        source: `ui`, `api`, `import`, `webform`, `workflow` or `system`; the default is `workflow`
            for a change that names its cause and `api` for any other.
        occurred_at: When the change was committed, aware; the default is now.
        caused_by: The headers of the delivery on whose account the change is made, as they came:
            all that there is to say of what it follows from.
        correlation_id, causation_id, hops, chain: The same one by one; they win over `caused_by`.
            See `schemas.records.Event`.
        entity_id: The record's id, for an entity whose fields have no `id`.
        event_id: To publish a change again as the same event; the default is a new id.
    """

    actor: str | None
    source: Source
    occurred_at: datetime
    correlation_id: uuid.UUID
    causation_id: uuid.UUID
    hops: int
    chain: Sequence[str]
    caused_by: Mapping[str, str]
    entity_id: str
    event_id: uuid.UUID


class RecordPublisher(Protocol):
    """What publishing needs of Kafka, and no more."""

    async def publish(self, record: Outgoing) -> Acknowledged:
        """Write one record and wait for its acknowledgement."""

    async def publish_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Write many, pipelined, in order per key."""


class SchemaRegistrar(Protocol):
    """What publishing needs of the registry, and no more."""

    async def register(self, schema: NamedSchema) -> object:
        """Make the schema known to every reader."""


class Now(Protocol):
    """What publishing needs of the clock, and no more."""

    def now(self) -> datetime:
        """The present instant."""


class EventPublisher:
    """Publishes events, each on its entity's topic, keyed by record id.

    Its memory is bounded by `HOOKLINE_PUBLISH_BUFFER_*`: while the broker is away it waits, then
    refuses.  An event whose publishing raised BrokerError may be on the topic all the same.
    """

    def __init__(
        self,
        publisher: RecordPublisher,
        codec: Codec,
        registry: SchemaRegistrar,
        clock: Now,
        source_uri: str = DEFAULT_SOURCE_URI,
        *,
        catalog: Catalog,
        topics: Topics,
    ) -> None:
        """Use collaborators that were started already; `connect` makes and starts them."""
        self._publisher = publisher
        self._codec = codec
        self._registry = registry
        self._clock = clock
        self._source_uri = source_uri
        self._catalog = catalog
        self._topics = {entity: topics.events(entity) for entity in catalog.entities}
        self._registered: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        settings: Settings | None = None,
        *,
        source_uri: str = DEFAULT_SOURCE_URI,
        broker: Broker | None = None,
    ) -> AsyncIterator[Self]:
        """A publisher for as long as the block lasts; leaving it waits for what is under way.

        Args:
            settings: None reads `HOOKLINE_*` from the environment.
            source_uri: Who publishes, as `ce_source` says it.
            broker: None connects to the Kafka that the settings name.

        Raises:
            ConfigurationError: A setting or topic must be mended first.
            BrokerError: Kafka cannot be reached.
        """
        settings = settings or Settings.from_env(os.environ)
        async with connected(settings, broker) as parts:
            yield cls(
                parts.publisher,
                parts.codec,
                parts.registry,
                SystemClock(),
                source_uri,
                catalog=parts.catalog,
                topics=settings.topics,
            )

    @property
    def catalog(self) -> Catalog:
        """The entities that can be published, with their fields."""
        return self._catalog

    async def created(
        self, entity: str, *, after: Fields, version: int = 1, **about: Unpack[About]
    ) -> Published:
        """Publish that a record was created.

        Raises:
            SchemaError: The entity is unknown or a field is wrong; names its path.
            BrokerFullError: The bound was reached and no room came in time; nothing was written.
            BrokerError: Not acknowledged in time; the event may or may not be there.
        """
        return _certain(await self._change(entity, None, after, version, about))

    async def updated(
        self, entity: str, *, before: Fields, after: Fields, version: int, **about: Unpack[About]
    ) -> Published | None:
        """Publish that a record was updated; None, and no event, where nothing changed.

        Raises:
            SchemaError, BrokerFullError, BrokerError: As in `created`.
        """
        return await self._change(entity, before, after, version, about)

    async def deleted(
        self, entity: str, *, before: Fields, version: int, **about: Unpack[About]
    ) -> Published:
        """Publish that a record was deleted.

        Raises:
            SchemaError, BrokerFullError, BrokerError: As in `created`.
        """
        return _certain(await self._change(entity, before, None, version, about))

    async def publish(self, event: Event) -> Acknowledged:
        """Publish an event that exists already, as it is.

        Raises:
            SchemaError, BrokerFullError, BrokerError: As in `created`.
        """
        await self._register((event,))
        return await self._publisher.publish(self._outgoing(event))

    async def publish_all(self, events: Sequence[Event]) -> list[Acknowledged]:
        """Publish many events, pipelined; those of one record in the order given.

        All are encoded before the first is written, so a SchemaError means that none was.

        Raises:
            SchemaError, BrokerFullError, BrokerError: As in `created`; after a BrokerError some
                of the events may be there.
        """
        return await self.write_all(await self.encode(events))

    async def write_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Write what `encode` made; raises as `publish_all`."""
        return await self._publisher.publish_all(records)

    async def encode(self, events: Sequence[Event]) -> list[Outgoing]:
        """The records that `publish_all` writes, schemas registered: for checks ahead of it.

        Raises:
            SchemaError: The entity is unknown or a field is wrong; names its path.
        """
        await self._register(events)
        return [self._outgoing(event) for event in events]

    def _outgoing(self, event: Event) -> Outgoing:
        """One event as a record of its topic."""
        return Outgoing(
            self._topics[event.entity],
            event.entity_id.encode(),
            self._codec.encode(event),
            event_headers(event, self._source_uri),
        )

    async def _register(self, events: Iterable[Event]) -> None:
        """Make the entities' schemas known before the first event of each is written."""
        for event in events:
            if event.entity not in self._registered:
                if event.entity not in self._topics:
                    raise unknown_entity(event.entity, self._catalog.entities)
                await self._registry.register(self._catalog.event(event.entity))
                self._registered.add(event.entity)

    async def _change(
        self,
        entity: str,
        before: Fields | None,
        after: Fields | None,
        version: int,
        about: About,
    ) -> Published | None:
        """Publish one change, unless it changed nothing."""
        event_id = about.get("event_id") or new_event_id()
        now = about.get("occurred_at") or self._clock.now()
        origin = cause_from(about).origin(version, now)
        entity_id = about.get("entity_id")
        event = event_of(entity, event_id, origin, before=before, after=after, entity_id=entity_id)
        if event is None:
            return None
        there = await self.publish(event)
        return Published(event.event_id, there.topic, there.partition, there.offset)


def new_event_id() -> uuid.UUID:
    """The one place where an event gets an id by chance."""
    return uuid.uuid4()


def unknown_entity(entity: str, known: Iterable[str]) -> SchemaError:
    """One sentence about an entity that has no schema."""
    return SchemaError(f"entity: {entity!r} is not known; known are {', '.join(known)}")


def _certain(published: Published | None) -> Published:
    """Only an update can change nothing."""
    if published is None:
        message = "before and after: a creation or deletion always changes something"
        raise SchemaError(message)
    return published
