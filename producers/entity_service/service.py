"""Runs an entity service: listens at once, takes changes once its schema is known, stops without loss."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from aiohttp import web

from producers.database import Database
from producers.entity_service.app import Routes
from producers.entity_service.entity import Entity
from producers.entity_service.records import Records
from producers.entity_service.request import Door
from producers.gateway.admission import Admission
from producers.outbox import METADATA, Outbox
from producers.relay import Lane, Relay
from runtime.broker import Broker, Headers, Publisher
from runtime.clock import Clock
from runtime.health import listen, serving
from runtime.logs import get_logger
from runtime.process import Stop, patiently
from runtime.registry import registry_from
from runtime.settings import Settings
from schemas.catalog import Catalog
from schemas.codec import Codec
from schemas.errors import ConfigurationError, IllegalStepError
from schemas.events import event_headers
from schemas.records import Event

log = get_logger(__name__)

#: Bodies under way at once: what bounds the service's memory.
IN_FLIGHT_BYTES = 64 * 1024 * 1024
#: In which a body must have arrived.
BODY_TIME = timedelta(seconds=30)


class Sealer:
    """Turns events into what is published; can do so once their schema is registered."""

    def __init__(self, source_uri: str) -> None:
        """Nothing is known yet.

        Args:
            source_uri: `ce_source` of every event.
        """
        self._source_uri = source_uri
        self._codec: Codec | None = None

    def use(self, codec: Codec) -> None:
        """From here on events can be sealed."""
        self._codec = codec

    def why_not(self) -> str:
        """Why events cannot be sealed yet; empty when they can."""
        if self._codec is not None:
            return ""
        return (
            "Kafka has not been reached since the start, so the schema of the events is not "
            "registered yet; nothing was changed. Reading works; repeat the change"
        )

    def seal(self, event: Event) -> tuple[bytes, Headers]:
        """The event as it is published: its bytes, framing included, and its headers."""
        if self._codec is None:
            raise IllegalStepError("an event was raised before its schema was registered")
        return self._codec.encode(event), event_headers(event, self._source_uri)


async def run_entity_service(
    settings: Settings,
    stop: Stop,
    broker: Broker,
    clock: Clock,
    *,
    new_id: Callable[[], uuid.UUID],
) -> None:
    """Serve one entity until asked to stop, then finish what is under way.

    Raises:
        ConfigurationError: The entity, the database or the port cannot be used.
    """
    catalog = Catalog.load(settings.schemas_dir)
    entity = Entity.of(catalog, settings.entity)
    sealer = Sealer(f"/hookline/{entity.plural}")
    news = asyncio.Event()
    async with AsyncExitStack() as stack:
        health = await stack.enter_async_context(serving(settings, "broker"))
        database = await asyncio.to_thread(Database.open, settings.entity_database_url, METADATA)
        stack.push_async_callback(database.close)
        outbox = Outbox(database, entity.name)
        stack.push_async_callback(outbox.close)
        records = Records(database, entity, sealer.seal, now=clock.now, new_id=new_id)
        connection = await stack.enter_async_context(AsyncExitStack())
        routes = Routes(entity, records, _door(settings, sealer), on_change=news.set)
        async with listening(settings, routes):
            publisher, codec = await patiently(
                lambda: connection.enter_async_context(
                    connected(settings, broker, catalog, entity.name)
                ),
                what="publisher",
                stop=stop,
                health=health,
                clock=clock,
            )
            sealer.use(codec)
            relay = Relay(
                outbox,
                publisher,
                news,
                clock=clock,
                health=health,
                lane=lane_of(settings, entity.name),
            )
            relaying = asyncio.create_task(relay.run())
            try:
                log.info("entity.ready", entity=entity.name)
                await _until(stop, relaying)
            except BaseException:
                relaying.cancel()
                raise
        # Nothing is taken any more; what still waits is published while there is time for it.
        await _finish(relay, relaying, settings.stop_timeout_ms / 1000)


async def _until(stop: Stop, work: asyncio.Task[None]) -> None:
    """Wait until asked to stop; work that ends before that has failed, and so do we."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    if work.done():
        work.result()


async def _finish(relay: Relay, relaying: asyncio.Task[None], within_s: float) -> None:
    """Let the relay publish what waits; rows that are left are published after the next start."""
    relay.finish()
    try:
        async with asyncio.timeout(within_s):
            await relaying
    except TimeoutError:
        log.warning("relay.stopped_late", within_s=within_s)


@asynccontextmanager
async def connected(
    settings: Settings, broker: Broker, catalog: Catalog, entity: str
) -> AsyncIterator[tuple[Publisher, Codec]]:
    """A publisher for as long as the block lasts, and a codec whose event schema is registered.

    Raises:
        ConfigurationError: A topic is missing, or the schema is refused.
        BrokerError: Kafka or the registry cannot be reached.
    """
    publisher, tables = broker.publisher(), broker.tables()
    try:
        await publisher.start()
        registry = registry_from(settings, publisher, tables)
        try:
            await _require_topic(broker, settings.topics.events(entity))
            await tables.start()
            await registry.start()
            await registry.register(catalog.event(entity))
        finally:
            # Writing needs them no more: the codec asks for a reference that is in memory.
            await registry.close()
            await tables.close()
        yield publisher, Codec(catalog, registry)
    finally:
        await publisher.close()


async def _require_topic(broker: Broker, topic: str) -> None:
    """Refuse to start without the topic that events are written to."""
    admin = broker.admin()
    try:
        if topic not in await admin.topics():
            raise ConfigurationError(
                f"there is no topic {topic}; `hookline topics create` makes what is missing"
            )
    finally:
        await admin.close()


@asynccontextmanager
async def listening(settings: Settings, routes: Routes) -> AsyncIterator[int]:
    """Listen for as long as the block lasts; yields the port.

    On leaving, what is under way is finished within `HOOKLINE_STOP_TIMEOUT_MS`.

    Raises:
        ConfigurationError: The port is taken.
    """
    runner = web.AppRunner(
        routes.app(),
        access_log=None,
        handle_signals=False,
        auto_decompress=False,
        shutdown_timeout=settings.stop_timeout_ms / 1000,
    )
    await runner.setup()
    try:
        await listen(
            runner, settings.entity_host, settings.entity_port, setting="HOOKLINE_ENTITY_PORT"
        )
        port = int(runner.addresses[0][1])
        log.info("entity.listening", host=settings.entity_host, port=port)
        yield port
    finally:
        await runner.cleanup()


def lane_of(settings: Settings, entity: str) -> Lane:
    """What the relay moves, from the settings."""
    poll = timedelta(milliseconds=settings.relay_poll_ms)
    return Lane(entity, settings.topics.events(entity), settings.relay_batch, poll)


def _door(settings: Settings, sealer: Sealer) -> Door:
    return Door(
        admission=Admission(IN_FLIGHT_BYTES),
        body_bytes=settings.entity_max_body_bytes,
        body_time=BODY_TIME,
        why_not=sealer.why_not,
    )
