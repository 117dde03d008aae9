"""Members are killed while few records get many events: each workflow fires once for each, for ever."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from runtime.broker import Outgoing, Position, Span, TopicPartition
from runtime.kafka import KafkaBroker
from runtime.settings import PREFIX, Settings
from schemas.records import Definition
from soak.system import Member
from tests.crm import NOON, catalog, event_of, record_of, workflow_of
from tests.processes import environment
from tests.waiting import until
from workflow_service.assembly import Ground, lay_ground

RECORDS = 40
#: Each record gets its events all at once, so that they meet in batches and on both sides of a kill.
EVENTS_OF_ONE, CHUNK = 100, 500
WORKFLOWS = ("first", "second")
#: A member is killed after these chunks, of eight.
KILLS = (1, 2, 4, 5, 7)


@contextmanager
def members(settings: Settings, folder: Path) -> Iterator[tuple[Member, Member]]:
    """Two members; whatever still runs at the end is ended."""
    environ = environment(
        kafka_bootstrap_servers=",".join(settings.kafka_bootstrap_servers),
        kafka_session_timeout_ms=settings.kafka_session_timeout_ms,
        topic_prefix=settings.topic_prefix,
        topic_partitions=settings.topic_partitions,
        workflow_group=settings.workflow_group,
        workflow_batch=50,
        log_level="warning",
    )
    one, two = (
        Member(environ | {f"{PREFIX}INSTANCE": name}, folder / f"{name}.log")
        for name in ("one", "two")
    )
    try:
        yield one, two
    finally:
        one.close()
        two.close()


@asynccontextmanager
async def ground_of(settings: Settings) -> AsyncIterator[Ground]:
    ground = await lay_ground(KafkaBroker(settings), settings, catalog())
    try:
        await ground.registry.register(catalog().definition)
        await ground.registry.register(catalog().event("lead"))
        yield ground
    finally:
        await ground.close()


async def define(ground: Ground, settings: Settings) -> None:
    specs = {id: workflow_of(id=id, fire="once_per_record").manifest() for id in WORKFLOWS}
    hook = Definition("webhook", "hook", 1, NOON, "test", '{"id":"hook"}')
    value = ground.codec.encode(hook)
    await ground.publisher.publish(Outgoing(settings.topics.webhooks, b"hook", value))
    for id, spec in specs.items():
        definition = Definition("workflow", id, 1, NOON, "test", json.dumps(spec))
        value = ground.codec.encode(definition)
        await ground.publisher.publish(Outgoing(settings.topics.workflows, id.encode(), value))


def events(ground: Ground, settings: Settings, numbers: range) -> list[Outgoing]:
    topic, blank = settings.topics.events("lead"), record_of("lead")

    def outgoing(number: int) -> Outgoing:
        event = event_of(None, blank | {"id": f"lead-{number // EVENTS_OF_ONE}"}, number=number)
        return Outgoing(topic, event.entity_id.encode(), ground.codec.encode(event))

    return [outgoing(number) for number in numbers]


async def firings(ground: Ground, settings: Settings) -> Counter[tuple[str, str]]:
    """How many actions each workflow has for each record, as a read-committed reader sees it."""
    span = Span(settings.topics.actions, settled=True)
    scan = KafkaBroker(settings).reader().scan(span)
    actions = [ground.codec.decode_action(record.value) async for record in scan]
    return Counter((action.workflow_id, action.entity_id) for action in actions)


async def all_read(settings: Settings) -> None:
    admin = KafkaBroker(settings).admin()

    async def read() -> bool:
        lags = await admin.lag(settings.workflow_group)
        topic = settings.topics.events("lead")
        mine = [lag for place, lag in lags.items() if place.topic == topic]
        return len(mine) == settings.topic_partitions and not any(mine)

    try:
        await until(read, within=240)
    finally:
        await admin.close()


class SetsBack:
    """Commits the beginning of every partition it is given."""

    def __init__(self) -> None:
        self.given: set[TopicPartition] = set()

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        self.given |= positions.keys()

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        pass

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        pass


async def set_back(settings: Settings) -> None:
    """As an operator sets a group's offsets back while no member runs."""
    listener, topic = SetsBack(), settings.topics.events("lead")
    consumer = KafkaBroker(settings).consumer(group=settings.workflow_group, topics=[topic])
    await consumer.start(listener)
    try:
        await until(lambda: len(listener.given) == settings.topic_partitions)
        await consumer.commit({one: Position(0) for one in listener.given})
    finally:
        await consumer.close()


@pytest.mark.usefixtures("topics_created")
async def test_each_workflow_fires_once_for_each_record_through_kills_and_a_replay_of_everything(
    settings: Settings, tmp_path: Path
) -> None:
    expected = {(workflow, f"lead-{n}"): 1 for workflow in WORKFLOWS for n in range(RECORDS)}
    count = RECORDS * EVENTS_OF_ONE
    async with ground_of(settings) as ground:
        await define(ground, settings)
        with members(settings, tmp_path) as both:
            for chunk in range(count // CHUNK):
                numbers = range(chunk * CHUNK, (chunk + 1) * CHUNK)
                await ground.publisher.publish_all(events(ground, settings, numbers))
                if chunk in KILLS:
                    both[chunk % 2].kill()
            await all_read(settings)
            await asyncio.gather(*(asyncio.to_thread(member.stop) for member in both))
        after_kills = await firings(ground, settings)

        await set_back(settings)
        with members(settings, tmp_path) as both:
            await all_read(settings)
            both[0].kill()
            await all_read(settings)
        after_replay = await firings(ground, settings)

    assert after_kills == expected, logs(tmp_path)
    assert after_replay == expected, logs(tmp_path)


def logs(folder: Path) -> str:
    """The end of what the members said."""
    return "\n".join(path.read_text()[-3_000:] for path in sorted(folder.glob("*.log")))
