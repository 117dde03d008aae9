"""Members of the workflow service are killed while events flow: every action exactly once, in order."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import groupby
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from runtime.broker import Outgoing, Span, TopicPartition
from runtime.kafka import KafkaBroker
from runtime.settings import PREFIX, Settings
from schemas.records import Action, Definition
from tests.crm import NOON, catalog, event_id_of, event_of, record_of, workflow_of
from tests.waiting import until
from workflow_service.assembly import Ground, lay_ground

ROOT = Path(__file__).parents[2]
EVENTS, RECORDS, CHUNK = 20_000, 100, 1_000
#: A member is killed after these chunks: early, in the middle of a backlog, and twice in a row.
KILLS = (2, 5, 6, 9, 13, 17)


def environ_of(settings: Settings, instance: str) -> dict[str, str]:
    """The variables that give a process these settings."""
    shared = {
        "KAFKA_BOOTSTRAP_SERVERS": ",".join(settings.kafka_bootstrap_servers),
        "KAFKA_SESSION_TIMEOUT_MS": str(settings.kafka_session_timeout_ms),
        "TOPIC_PREFIX": settings.topic_prefix,
        "TOPIC_PARTITIONS": str(settings.topic_partitions),
        "WORKFLOW_GROUP": settings.workflow_group,
        "LOG_LEVEL": "warning",
        "INSTANCE": instance,
    }
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return outside | {f"{PREFIX}{name}": value for name, value in shared.items()}


class Member:
    """A process of the service that is started again whenever it was killed."""

    def __init__(self, settings: Settings, name: str, log: Path) -> None:
        self._environ = environ_of(settings, name)
        self._log = log.open("ab")
        self.process = self._start()

    def _start(self) -> Popen[bytes]:
        return Popen(
            [sys.executable, "-m", "workflow_service"],
            cwd=ROOT,
            env=self._environ,
            stderr=self._log,
            stdout=self._log,
        )

    def kill(self) -> None:
        """End it as a power cut would, and start its successor."""
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def stop(self) -> int:
        """Ask it to finish."""
        self.process.terminate()
        code = self.process.wait(60)
        self._log.close()
        return code


@contextmanager
def members(settings: Settings, directory: Path) -> Iterator[list[Member]]:
    """Two members; whatever still runs at the end is ended."""
    started: list[Member] = []
    try:
        started.append(Member(settings, "one", directory / "one.log"))
        started.append(Member(settings, "two", directory / "two.log"))
        yield started
    finally:
        for member in started:
            member.process.kill()
            member.process.wait()


@asynccontextmanager
async def ground_of(settings: Settings) -> AsyncIterator[Ground]:
    ground = await lay_ground(KafkaBroker(settings), settings, catalog())
    try:
        yield ground
    finally:
        await ground.close()


async def define(ground: Ground, settings: Settings) -> None:
    """One webhook, and two workflows of which every event matches one or both."""
    await ground.registry.register(catalog().definition)
    topics = settings.topics
    even = workflow_of(id="even", only_if={"field": "after.tags", "contains": "even"})
    for kind, id, topic, spec in (
        ("webhook", "hook", topics.webhooks, {"id": "hook"}),
        ("workflow", "every", topics.workflows, workflow_of(id="every").manifest()),
        ("workflow", "even", topics.workflows, even.manifest()),
    ):
        definition = Definition(kind, id, 1, NOON, "test", json.dumps(spec))  # type: ignore[arg-type]
        value = ground.codec.encode(definition)
        await ground.publisher.publish(Outgoing(topic, id.encode(), value))


def events(ground: Ground, settings: Settings, first: int, last: int) -> list[Outgoing]:
    """Events with these numbers, which are their versions too."""
    topic = settings.topics.events("lead")
    blank = record_of("lead")

    def outgoing(number: int) -> Outgoing:
        tags = ["even" if number % 2 == 0 else "odd"]
        after = blank | {"id": f"lead-{number % RECORDS}", "tags": tags}
        event = event_of(None, after, number=number)
        return Outgoing(topic, event.entity_id.encode(), ground.codec.encode(event))

    return [outgoing(number) for number in range(first, last)]


async def actions(ground: Ground, settings: Settings) -> list[tuple[int, Action]]:
    """What a read-committed reader sees, with the partition."""
    reader = KafkaBroker(settings).reader()
    return [
        (record.partition, ground.codec.decode_action(record.value))
        async for record in reader.scan(Span(settings.topics.actions))
    ]


async def lag_of(settings: Settings) -> dict[TopicPartition, int]:
    admin = KafkaBroker(settings).admin()
    try:
        return dict(await admin.lag(settings.workflow_group))
    finally:
        await admin.close()


@pytest.mark.usefixtures("topics_created")
async def test_every_action_exactly_once_and_in_order_while_members_are_killed(
    settings: Settings, tmp_path: Path
) -> None:
    async with ground_of(settings) as ground:
        await ground.registry.register(catalog().event("lead"))
        await define(ground, settings)
        with members(settings, tmp_path) as (one, two):
            for chunk in range(EVENTS // CHUNK):
                records = events(ground, settings, chunk * CHUNK, (chunk + 1) * CHUNK)
                await ground.publisher.publish_all(records)
                if chunk in KILLS:
                    (one if chunk % 2 else two).kill()

            async def all_read() -> bool:
                lags = await lag_of(settings)
                committed = {tp for tp in lags if tp.topic == settings.topics.events("lead")}
                return len(committed) == settings.topic_partitions and not any(lags.values())

            await until(all_read, within=240, message=lambda: logs(tmp_path))
            codes = await asyncio.gather(*(asyncio.to_thread(each.stop) for each in (one, two)))
        found = await actions(ground, settings)

    counts = Counter((action.event_id, action.workflow_id) for _, action in found)
    assert len(found) == len(counts) == EVENTS + EVENTS // 2, missing(counts) + logs(tmp_path)
    assert set(counts.values()) == {1}
    assert order_violations(found) == []
    assert codes == [0, 0], logs(tmp_path)


def missing(counts: Counter[tuple[uuid.UUID, str]]) -> str:
    """Which events have no action, in runs of numbers."""
    numbers = [n for n in range(EVENTS) if (event_id_of(n), "every") not in counts]
    runs = [list(run) for _, run in groupby(enumerate(numbers), key=lambda one: one[1] - one[0])]
    return f"missing {len(numbers)}: {[(run[0][1], run[-1][1]) for run in runs][:50]}\n"


def order_violations(found: list[tuple[int, Action]]) -> list[Any]:
    """Actions of a record and workflow that come before an earlier one, or on another partition."""
    last: dict[tuple[str, str], tuple[int, int]] = {}
    wrong: list[Any] = []
    for partition, action in found:
        key = (action.entity_id, action.workflow_id)
        before = last.get(key, (partition, -1))
        if before[0] != partition or before[1] >= action.event_offset:
            wrong.append((key, before, partition, action.event_offset))
        last[key] = (partition, action.event_offset)
    return wrong


def logs(directory: Path) -> str:
    """The end of what the members said."""
    return "\n".join(path.read_text()[-4000:] for path in sorted(directory.glob("*.log")))
