"""One command's connection to the system: a reader, the schemas, and the definitions as they are now.

Opened once per command.  Nothing is written unless a command asks `publisher` to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from console.catalogs import catalog_of
from runtime.broker import Broker, Publisher, Reader
from runtime.definitions import DefinitionTable
from runtime.registry import Registry, registry_from
from runtime.settings import Settings
from schemas.catalog import Catalog
from schemas.codec import Codec
from schemas.errors import ConfigurationError, UnknownSchemaError
from schemas.records import Action, Attempt, Definition, Event, Firing, LaneState, WorkflowCounts
from schemas.topics import Topics

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """What the queries work with.

    Attributes:
        workflows, webhooks: The definitions, read to their end when the session was opened.
    """

    settings: Settings
    broker: Broker
    reader: Reader
    catalog: Catalog
    registry: Registry
    codec: Codec
    workflows: DefinitionTable
    webhooks: DefinitionTable
    _publisher: Publisher
    _stack: AsyncExitStack
    _started: list[bool] = field(default_factory=list)

    @property
    def topics(self) -> Topics:
        """The names of the topics."""
        return self.settings.topics

    def known(self, entity: str | None) -> tuple[str, ...]:
        """The entity that is meant, or all of them.

        Raises:
            ConfigurationError: There is no such entity; lists those there are.
        """
        if entity is None:
            return self.catalog.entities
        if entity not in self.catalog.entities:
            message = f"no entity {entity!r}; there are {', '.join(self.catalog.entities)}"
            raise ConfigurationError(message)
        return (entity,)

    async def publisher(self) -> Publisher:
        """The publisher, started on first use; closed with the session."""
        if not self._started:
            await self._publisher.start()
            self._stack.push_async_callback(self._publisher.close)
            self._started.append(True)
        return self._publisher

    async def event(self, entity: str, value: bytes | None) -> Event:
        """Decode an event; a schema not seen yet is looked for first.

        Raises:
            SchemaError: It cannot be read.
        """
        return await self.decoded(lambda: self.codec.decode_event(entity, value))

    async def action(self, value: bytes | None) -> Action:
        """Decode an action; as `event`."""
        return await self.decoded(lambda: self.codec.decode_action(value))

    async def attempt(self, value: bytes | None) -> Attempt:
        """Decode an attempt; as `event`."""
        return await self.decoded(lambda: self.codec.decode_attempt(value))

    async def definition(self, value: bytes | None) -> Definition:
        """Decode a definition; as `event`."""
        return await self.decoded(lambda: self.codec.decode_definition(value))

    async def firing(self, value: bytes | None) -> Firing:
        """Decode a firing; as `event`."""
        return await self.decoded(lambda: self.codec.decode_firing(value))

    async def lane_state(self, value: bytes | None) -> LaneState:
        """Decode a lane's state; as `event`."""
        return await self.decoded(lambda: self.codec.decode_lane_state(value))

    async def workflow_counts(self, value: bytes | None) -> WorkflowCounts:
        """Decode counts of workflows; as `event`."""
        return await self.decoded(lambda: self.codec.decode_workflow_counts(value))

    async def decoded(self, decode: Callable[[], T]) -> T:
        """Decode; if the schema is unknown, catch up once and try again.

        Raises:
            SchemaError: It cannot be read.
        """
        try:
            return decode()
        except UnknownSchemaError as unknown:
            if not await self.registry.catch_up(unknown.reference):  # type: ignore[arg-type]
                raise
        return decode()


@asynccontextmanager
async def opened(settings: Settings, broker: Broker) -> AsyncIterator[Session]:
    """A session for as long as the block lasts.

    Raises:
        BrokerError: Kafka cannot be reached.
        ConfigurationError: A topic that the session reads does not exist.
    """
    catalog = catalog_of(settings.schemas_dir)
    topics = settings.topics
    publisher, tables = broker.publisher(), broker.tables()
    async with AsyncExitStack() as stack:
        registry = registry_from(settings, publisher, tables)
        stack.push_async_callback(registry.close)
        codec = Codec(catalog, registry)
        workflows = DefinitionTable(tables, topics.workflows, codec.decode_definition, registry)
        webhooks = DefinitionTable(tables, topics.webhooks, codec.decode_definition, registry)
        stack.push_async_callback(tables.close)
        await tables.start()
        await registry.start()
        await workflows.settle()
        await webhooks.settle()
        yield Session(
            settings=settings,
            broker=broker,
            reader=broker.reader(),
            catalog=catalog,
            registry=registry,
            codec=codec,
            workflows=workflows,
            webhooks=webhooks,
            _publisher=publisher,
            _stack=stack,
        )
