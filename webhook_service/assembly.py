"""Puts the service together on a broker and a clock: tables first, then actions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from runtime.broker import Broker, Publisher, Tables, TransactionalPublisher
from runtime.clock import Clock
from runtime.definitions import DefinitionTable
from runtime.health import Health, serving
from runtime.process import Stop, patiently
from runtime.registry import Registry, registry_from
from runtime.secrets import SecretBox
from runtime.settings import Settings
from runtime.topics import require
from schemas.catalog import Catalog
from schemas.codec import Codec
from schemas.templates import Bodies
from schemas.topics import Topics
from webhook_service.board import Board
from webhook_service.clients import sending
from webhook_service.courier import Courier, Sends
from webhook_service.directory import Directory
from webhook_service.dispatch import Dispatcher
from webhook_service.ledger import Ledger
from webhook_service.letters import Letters
from webhook_service.service import WebhookService

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """What the process takes from outside.

    Attributes:
        chance: Draws a number between 0 and 1.
        seconds: A clock that only rises, for durations.
        instance: This member's own name among live ones.
    """

    broker: Broker
    clock: Clock
    chance: Callable[[], float]
    seconds: Callable[[], float]
    instance: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands before the first action is read: webhooks and schemas, read to their end."""

    publisher: Publisher
    tables: Tables
    registry: Registry
    codec: Codec
    bodies: Bodies
    webhooks: DefinitionTable
    board: Board

    async def close(self) -> None:
        """Free everything."""
        await self.tables.close()
        await self.registry.close()
        await self.publisher.close()


async def run_webhook_service(settings: Settings, stop: Stop, world: World) -> None:
    """Run one member until it is asked to stop.

    Raises:
        ConfigurationError: Topics are missing or not as they should be, or a setting is wrong.
        FencedError: Another process took over this one's name.
    """
    box = SecretBox(settings.secret_keys)
    async with AsyncExitStack() as stack:
        health = await stack.enter_async_context(serving(settings, "broker", "tables"))
        ground = await _patiently(lambda: _ready_ground(settings, world), stop, health, world)
        stack.push_async_callback(ground.close)
        health.set("tables", ok=True, detail="webhooks are read and followed")
        settled = asyncio.create_task(ground.webhooks.keep_settled())
        stack.push_async_callback(_ended, settled)
        telling = asyncio.create_task(ground.board.run())
        stack.push_async_callback(_ended, telling)
        publisher = await _patiently(lambda: _publisher(settings, world), stop, health, world)
        stack.push_async_callback(publisher.close)
        sender = await stack.enter_async_context(sending(settings, world.seconds))
        service = assemble(settings, world, box, ground, publisher, sender, health)
        await service.run(stop)


def assemble(
    settings: Settings,
    world: World,
    box: SecretBox,
    ground: Ground,
    publisher: TransactionalPublisher,
    sender: Sends,
    health: Health,
) -> WebhookService:
    """Wire the parts of the service."""
    directory = Directory(box.open)
    ground.webhooks.listen(directory.on_definition)
    courier = Courier(
        ground.codec,
        ground.registry,
        ground.bodies,
        sender,
        world.clock,
        chance=world.chance,
        retry_after_cap=timedelta(seconds=settings.webhook_retry_after_cap_s),
    )
    ledger = Ledger(publisher, world.seconds)
    dispatcher = Dispatcher(
        directory,
        courier,
        Letters(ground.codec, settings.topics),
        ledger,
        ground.board,
        world.clock,
        chance=world.chance,
        member=world.instance,
        partitions=settings.topic_partitions,
        catch_up=ground.webhooks.catch_up,
        most=settings.webhook_max_in_flight,
    )
    return WebhookService(
        world.broker,
        settings,
        dispatcher=dispatcher,
        ledger=ledger,
        clock=world.clock,
        health=health,
    )


async def _ready_ground(settings: Settings, world: World) -> Ground:
    await check_topics(world.broker, settings.topics)
    return await lay_ground(world.broker, settings)


async def check_topics(broker: Broker, topics: Topics) -> None:
    """Refuse to start on topics that are missing, or whose partitions would not fit together."""
    needed = {topics.actions, topics.dead(topics.actions), topics.attempts, topics.webhooks}
    needed.add(topics.lanes)
    needed |= topics.retries.keys()
    await require(broker, [topic for topic in topics.all(()) if topic.name in needed])


async def lay_ground(broker: Broker, settings: Settings) -> Ground:
    """Read the tables to their end; what was started is freed again if that fails."""
    catalog = Catalog.load(settings.schemas_dir)
    publisher, tables = broker.publisher(), broker.tables()
    registry = registry_from(settings, publisher, tables)
    codec = Codec(catalog, registry)
    topic = settings.topics.webhooks
    webhooks = DefinitionTable(tables, topic, codec.decode_definition, registry)
    board = Board(tables, settings.topics.lanes, codec, registry, publisher)
    ground = Ground(publisher, tables, registry, codec, Bodies(catalog), webhooks, board)
    try:
        await publisher.start()
        await tables.start()
        await registry.start()
        await registry.register(catalog.attempt)
        await registry.register(catalog.lane_state)
        await webhooks.settle()
    except BaseException:
        await ground.close()
        raise
    return ground


async def _publisher(settings: Settings, world: World) -> TransactionalPublisher:
    publisher = world.broker.transactional_publisher(
        f"{settings.topic_prefix}-webhook-{world.instance}"
    )
    try:
        await publisher.start()
    except BaseException:
        await publisher.close()
        raise
    return publisher


async def _patiently(
    attempt: Callable[[], Awaitable[T]], stop: Stop, health: Health, world: World
) -> T:
    return await patiently(attempt, what="broker", stop=stop, health=health, clock=world.clock)


async def _ended(task: asyncio.Task[None]) -> None:
    """End a task that runs beside the service; how it failed, if it did, is raised."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
