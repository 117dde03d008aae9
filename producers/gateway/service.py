"""Runs the gateway: listens at once, publishes as soon as Kafka is there, stops without loss."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from aiohttp import web

from producers.gateway.admission import Admission
from producers.gateway.app import Door, app_of
from producers.gateway.auth import Tokens
from producers.gateway.idempotency import Answers
from producers.gateway.intake import Intake, Limits
from producers.gateway.openapi import document
from producers.publisher import EventPublisher
from runtime.broker import Admin, Broker
from runtime.clock import Clock
from runtime.health import Health, listen, serving
from runtime.logs import get_logger
from runtime.process import Stop, patiently
from runtime.settings import Settings
from runtime.topics import check
from schemas.catalog import Catalog
from schemas.errors import BrokerError, ConfigurationError
from schemas.topics import Topic

log = get_logger(__name__)

SOURCE_URI = "/hookline/gateway"
#: How often the broker is asked whether it is there, so that readiness does not wait for a caller.
PROBE_EVERY = timedelta(seconds=5)


async def run_gateway(settings: Settings, stop: Stop, broker: Broker, clock: Clock) -> None:
    """Serve until asked to stop, then finish what is under way.

    Raises:
        ConfigurationError: The port is taken, or a topic is missing.
    """
    catalog = Catalog.load(settings.schemas_dir)
    async with AsyncExitStack() as stack:
        health = await stack.enter_async_context(serving(settings, "broker"))
        intake = intake_of(settings, catalog, clock, health)
        publishing = await stack.enter_async_context(AsyncExitStack())
        await stack.enter_async_context(listening(settings, catalog, intake, health))

        async def connect() -> Admin:
            """Publish from now on: the process must not count as ready before it can."""
            async with AsyncExitStack() as attempt:
                admin = broker.admin()
                attempt.push_async_callback(admin.close)
                await require_topics(admin, settings, catalog)
                publisher = await attempt.enter_async_context(
                    EventPublisher.connect(settings, source_uri=SOURCE_URI, broker=broker)
                )
                await publishing.enter_async_context(attempt.pop_all())
            intake.use(publisher)
            return admin

        admin = await patiently(connect, what="publisher", stop=stop, health=health, clock=clock)
        log.info("gateway.ready", entities=len(catalog.entities))
        await _probe_until(stop, admin, health, clock)


def intake_of(settings: Settings, catalog: Catalog, clock: Clock, health: Health) -> Intake:
    """The intake as the settings bound it."""
    limits = Limits(
        batch=settings.gateway_max_batch,
        event_bytes=settings.gateway_max_event_bytes,
        publish=timedelta(milliseconds=settings.gateway_publish_timeout_ms),
    )
    answers = Answers(
        clock,
        timedelta(seconds=settings.gateway_idempotency_ttl_s),
        settings.gateway_idempotency_bytes,
    )
    return Intake(catalog, answers, clock, limits, health)


@asynccontextmanager
async def listening(
    settings: Settings, catalog: Catalog, intake: Intake, health: Health
) -> AsyncIterator[int]:
    """Listen for as long as the block lasts; yields the port.

    On leaving, what is under way is finished within `HOOKLINE_STOP_TIMEOUT_MS`.

    Raises:
        ConfigurationError: The port is taken.
    """
    tokens = Tokens(token.get_secret_value() for token in settings.gateway_tokens)
    door = Door(
        entities=catalog.entities,
        tokens=tokens,
        admission=Admission(settings.gateway_in_flight_bytes),
        body_bytes=settings.gateway_max_body_bytes,
        body_time=timedelta(milliseconds=settings.gateway_body_timeout_ms),
    )
    described = document(catalog, max_batch=settings.gateway_max_batch, tokens_needed=tokens.needed)
    runner = web.AppRunner(
        app_of(door, intake, described),
        access_log=None,
        handle_signals=False,
        auto_decompress=False,
        shutdown_timeout=settings.stop_timeout_ms / 1000,
    )
    await runner.setup()
    try:
        await listen(
            runner, settings.gateway_host, settings.gateway_port, setting="HOOKLINE_GATEWAY_PORT"
        )
        port = int(runner.addresses[0][1])
        log.info("gateway.listening", host=settings.gateway_host, port=port)
        yield port
        health.set("intake", ok=False, detail="stopping")
    finally:
        await runner.cleanup()


def topics_of(settings: Settings, catalog: Catalog) -> list[Topic]:
    """The topics that the gateway writes to."""
    names = {settings.topics.events(entity) for entity in catalog.entities}
    names.add(settings.topics.schemas)
    return [topic for topic in settings.topics.all(catalog.entities) if topic.name in names]


async def require_topics(admin: Admin, settings: Settings, catalog: Catalog) -> None:
    """Refuse to start without the topics that events are written to; other drift is reported.

    Raises:
        ConfigurationError: Naming every topic that is missing.
    """
    needed = topics_of(settings, catalog)
    there = await admin.topics()
    missing = sorted({topic.name for topic in needed} - there.keys())
    if missing:
        raise ConfigurationError(
            f"missing topics: {', '.join(missing)}; `hookline topics create` makes them"
        )
    for drift in await check(admin, needed):
        log.warning("topics.drift", drift=drift)


async def _probe_until(stop: Stop, admin: Admin, health: Health, clock: Clock) -> None:
    """Keep readiness true to whether the broker is there."""
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stopping.done():
            try:
                await admin.topics()
                health.set("broker", ok=True, detail="the broker answers")
            except BrokerError as error:
                health.set("broker", ok=False, detail=str(error))
            pause = asyncio.create_task(clock.sleep(PROBE_EVERY))
            await asyncio.wait({stopping, pause}, return_when=asyncio.FIRST_COMPLETED)
            pause.cancel()
    finally:
        stopping.cancel()
