"""Puts the service together on a broker and a clock: tables first, then events."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Self

from runtime.broker import Broker, Publisher, Tables
from runtime.clock import Clock
from runtime.definitions import DefinitionTable
from runtime.health import Health, serving
from runtime.process import Stop, patiently
from runtime.registry import Registry, registry_from
from runtime.settings import Settings
from runtime.topics import require
from schemas.catalog import Catalog
from schemas.codec import Codec
from workflow_service import measures
from workflow_service.batches import Batches
from workflow_service.counting.counts import Counting
from workflow_service.counting.series import WorkflowSeries
from workflow_service.firings import Firings
from workflow_service.library import Library
from workflow_service.matching.match import Matcher
from workflow_service.ownership import Ownership
from workflow_service.recall import Recall
from workflow_service.service import WorkflowService
from workflow_service.stage import Stage


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands before the first event is read: definitions and schemas, read to their end."""

    publisher: Publisher
    tables: Tables
    registry: Registry
    codec: Codec
    workflows: DefinitionTable
    webhooks: DefinitionTable

    async def keep_settled(self) -> None:
        """Read definitions that come before their schema, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.workflows.keep_settled())
            group.create_task(self.webhooks.keep_settled())

    async def close(self) -> None:
        """Free everything."""
        await self.tables.close()
        await self.registry.close()
        await self.publisher.close()


@dataclass(frozen=True, slots=True)
class Works:
    """What decides and writes, on one ground."""

    matcher: Matcher
    library: Library
    ownership: Ownership
    recall: Recall
    counting: Counting
    batches: Batches

    @classmethod
    def on(
        cls,
        ground: Ground,
        broker: Broker,
        settings: Settings,
        catalog: Catalog,
        clock: Clock,
        health: Health,
    ) -> Self:
        """Put the parts together; nothing is compiled or read yet."""
        matcher, firings, topics = Matcher(), Firings(), settings.topics
        ownership = Ownership(firings.forget)
        counting = Counting(
            broker,
            ground.publisher,
            ground.codec,
            ground.registry,
            lambda: ownership.current,
            settings=settings,
            clock=clock,
        )
        library = Library(catalog, matcher, ground.workflows, ground.webhooks, counting)
        stage = Stage(
            ground.codec, topics, matcher, library.webhooks, settings.max_hops, firings, counting
        )
        measures.REMEMBERED.set_function(lambda: len(firings))
        recall = Recall(
            broker.reader(), firings, ownership, topics=topics, clock=clock, health=health
        )
        batches = Batches(
            stage,
            ground.registry,
            library,
            ownership,
            firings,
            recall,
            counting,
            settings=settings,
            clock=clock,
            health=health,
        )
        return cls(matcher, library, ownership, recall, counting, batches)


async def run_workflow_service(
    settings: Settings, stop: Stop, broker: Broker, clock: Clock, instance: str
) -> None:
    """Run one member until it is asked to stop.

    Args:
        instance: Its own name among live members.

    Raises:
        ConfigurationError: Topics are missing or not as they should be, or a setting is wrong.
        FencedError: Another process took over this one's name.
    """
    catalog = Catalog.load(settings.schemas_dir)
    async with AsyncExitStack() as stack:
        health = await stack.enter_async_context(serving(settings, "broker", "tables"))

        async def prepare() -> Ground:
            await check_topics(broker, settings, catalog)
            return await lay_ground(broker, settings, catalog)

        ground = await patiently(prepare, what="tables", stop=stop, health=health, clock=clock)
        stack.push_async_callback(ground.close)
        works = Works.on(ground, broker, settings, catalog, clock, health)
        await works.library.load()
        health.set("tables", ok=True, detail="definitions are read and followed")
        service = WorkflowService(
            broker,
            settings,
            works.batches,
            works.ownership,
            clock=clock,
            health=health,
            entities=catalog.entities,
            instance=instance,
        )
        stack.push_async_callback(works.recall.close)
        stack.enter_context(
            WorkflowSeries(works.counting.tallies, settings.workflow_series).shown()
        )
        for beside in (
            service.watch_lag(),
            ground.keep_settled(),
            works.library.keep_up(),
            works.counting.keep(),
        ):
            stack.push_async_callback(_ended, asyncio.create_task(beside))
        await service.run(stop)


async def check_topics(broker: Broker, settings: Settings, catalog: Catalog) -> None:
    """Refuse to start on topics that are missing, or whose partitions would not fit together."""
    topics = settings.topics
    names = {topics.actions, topics.dead(topics.actions), topics.workflows, topics.webhooks}
    names |= {topics.actions_dryrun, topics.firings, topics.workflow_counts}
    for entity in catalog.entities:
        names |= {topics.events(entity), topics.dead(topics.events(entity))}
    wanted = [topic for topic in topics.all(catalog.entities) if topic.name in names]
    await require(broker, wanted)


async def lay_ground(broker: Broker, settings: Settings, catalog: Catalog) -> Ground:
    """Read the tables to their end; what was started is freed again if that fails."""
    publisher, tables = broker.publisher(), broker.tables()
    registry = registry_from(settings, publisher, tables)
    codec = Codec(catalog, registry)
    decode, topics = codec.decode_definition, settings.topics
    ground = Ground(
        publisher,
        tables,
        registry,
        codec,
        DefinitionTable(tables, topics.workflows, decode, registry),
        DefinitionTable(tables, topics.webhooks, decode, registry),
    )
    try:
        await publisher.start()
        await tables.start()
        await registry.start()
        await registry.register(catalog.action)
        await registry.register(catalog.firing)
        await registry.register(catalog.workflow_counts)
        await ground.workflows.settle()
        await ground.webhooks.settle()
    except BaseException:
        await ground.close()
        raise
    return ground


async def _ended(task: asyncio.Task[None]) -> None:
    """End a task that runs beside the service; how it failed, if it did, is raised."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
