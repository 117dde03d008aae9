"""Members of the workflow service on a broker in memory, and what a test needs to feed and read them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from runtime import topics
from runtime.broker import Outgoing, Received
from runtime.health import Health
from runtime.process import Stop
from runtime.settings import Settings
from schemas.records import Action, Definition, DefinitionKind, Event
from tests.crm import NOON, catalog, workflow_of
from tests.fakes import InMemoryBroker, VirtualClock
from workflow_service.assembly import Ground, Works, lay_ground
from workflow_service.counting.counts import Counting
from workflow_service.library import Library
from workflow_service.matching.match import Matcher
from workflow_service.service import WorkflowService

SETTINGS = Settings(topic_partitions=2, workflow_group="workflows", workflow_batch=10)


@dataclass
class Member:
    """One running member."""

    health: Health
    stop: Stop
    task: asyncio.Task[None]
    matcher: Matcher
    library: Library
    counting: Counting


@dataclass
class Rig:
    """A broker with topics, and a way of writing to it."""

    settings: Settings
    clock: VirtualClock
    broker: InMemoryBroker
    ground: Ground
    versions: dict[str, int] = field(default_factory=dict)

    async def save(self, kind: DefinitionKind, id: str, spec: str | dict[str, object]) -> None:
        """Write the next version of a definition."""
        version = self.versions[id] = self.versions.get(id, 0) + 1
        text = spec if isinstance(spec, str) else json.dumps(spec)
        value = self.ground.codec.encode(Definition(kind, id, version, NOON, "test", text))
        topic = getattr(self.settings.topics, f"{kind}s")
        await self.ground.publisher.publish(Outgoing(topic, id.encode(), value))

    async def workflow(self, **content: object) -> None:
        """Save a workflow; `tests.crm.workflow_of` says what is left out."""
        workflow = workflow_of(**content)
        await self.save("workflow", workflow.id, workflow.manifest())

    async def webhook(self, id: str = "hook") -> None:
        """Save a webhook; the workflow service asks for no more than its id."""
        await self.save("webhook", id, {"id": id})

    async def publish(self, *events: Event) -> None:
        """Write events as their services would."""
        await self.ground.publisher.publish_all(
            [
                Outgoing(
                    self.settings.topics.events(event.entity),
                    event.entity_id.encode(),
                    self.ground.codec.encode(event),
                )
                for event in events
            ]
        )

    async def publish_raw(self, *values: bytes | None, partition: int = 0) -> None:
        """Write anything to the topic of leads."""
        topic = self.settings.topics.events("lead")
        headers = (("x", b"1"), ("x", b"2"))
        await self.ground.publisher.publish_all(
            [Outgoing(topic, b"key", value, headers, partition) for value in values]
        )

    @property
    def actions(self) -> list[Action]:
        """What was asked to be delivered."""
        topic = self.settings.topics.actions
        return [self.ground.codec.decode_action(one.value) for one in self.broker.written(topic)]

    def dead(self, topic: str | None = None) -> list[Received]:
        """The dead letters of a topic; of the leads' events if none is named."""
        topics_ = self.settings.topics
        return self.broker.written(topics_.dead(topic or topics_.events("lead")))

    def done(self) -> bool:
        """Whether every event was accounted for."""
        committed = self.broker.committed(self.settings.workflow_group)
        storage = self.broker.storage
        ends = {
            partition: storage.logs[partition].end
            for partition in storage.partitions(self.settings.topics.events("lead"))
        }
        return all(
            end == 0 or (partition in committed and committed[partition].offset >= end)
            for partition, end in ends.items()
        )

    @asynccontextmanager
    async def member(self, name: str = "one") -> AsyncIterator[Member]:
        """A member for as long as the block lasts; then it is asked to stop and does."""
        ground = await lay_ground(self.broker, self.settings, catalog())
        health, stop = Health(), Stop()
        works = Works.on(ground, self.broker, self.settings, catalog(), self.clock, health)
        await works.library.load()
        service = WorkflowService(
            self.broker,
            self.settings,
            works.batches,
            works.ownership,
            clock=self.clock,
            health=health,
            entities=catalog().entities,
            instance=name,
        )
        task = asyncio.create_task(service.run(stop))
        keeping = asyncio.create_task(works.library.keep_up())
        counting = asyncio.create_task(works.counting.keep())
        try:
            yield Member(health, stop, task, works.matcher, works.library, works.counting)
        finally:
            stop.request()
            if not task.done():
                await asyncio.wait_for(task, 10)
            for beside in (keeping, counting):
                beside.cancel()
            await asyncio.gather(keeping, counting, return_exceptions=True)
            await works.recall.close()
            await ground.close()


@asynccontextmanager
async def rig(settings: Settings = SETTINGS) -> AsyncIterator[Rig]:
    """A broker in memory with all topics, and a ground of the test's own to write through."""
    clock = VirtualClock()
    wanted = settings.topics.all(catalog().entities)
    broker = InMemoryBroker([topics.config_of(topic) for topic in wanted], clock=clock)
    ground = await lay_ground(broker, settings, catalog())
    for schema in (catalog().definition, catalog().event("lead"), catalog().event("person")):
        await ground.registry.register(schema)
    try:
        yield Rig(settings, clock, broker, ground)
    finally:
        await ground.close()
