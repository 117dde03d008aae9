"""The workflow service as a process: how it starts, takes changes up, and ends."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.apply import Author, apply, remove
from console.session import Session, opened
from runtime.broker import Outgoing, Span
from runtime.clock import SystemClock
from runtime.kafka import KafkaBroker
from runtime.manifests import read_texts
from runtime.settings import PREFIX, Settings
from schemas.records import Action
from tests.crm import catalog, lead_event
from tests.waiting import until

ROOT = Path(__file__).parents[2]
HOOK = "kind: Webhook\nid: hook\nurl: http://127.0.0.1:9/\n---\n"
FLOW = "kind: Workflow\nid: flow\nentity: lead\non: [created]\ndescription: v{}\nthen: [webhook: hook]\n"


def environ_of(settings: Settings, **changes: str) -> dict[str, str]:
    values = {
        "KAFKA_BOOTSTRAP_SERVERS": ",".join(settings.kafka_bootstrap_servers),
        "KAFKA_SESSION_TIMEOUT_MS": str(settings.kafka_session_timeout_ms),
        "TOPIC_PREFIX": settings.topic_prefix,
        "TOPIC_PARTITIONS": str(settings.topic_partitions),
        "WORKFLOW_GROUP": settings.workflow_group,
        **changes,
    }
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return outside | {f"{PREFIX}{name}": value for name, value in values.items()}


async def start(settings: Settings, **changes: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workflow_service",
        cwd=ROOT,
        env=environ_of(settings, **changes),
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await start(settings, LOG_LEVEL="warning")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def publish(session: Session, *numbers: int) -> None:
    publisher = await session.publisher()
    await session.registry.register(catalog().event("lead"))
    topic = session.topics.events("lead")
    for number in numbers:
        value = session.codec.encode(lead_event(number))
        await publisher.publish(Outgoing(topic, b"1", value))


async def actions(session: Session) -> list[Action]:
    span = Span(session.topics.actions)
    return [await session.action(record.value) async for record in session.reader.scan(span)]


@pytest.mark.usefixtures("topics_created")
async def test_changes_of_definitions_are_in_force_within_a_second(settings: Settings) -> None:
    author = Author("test", SystemClock())
    async with running(settings) as process, opened(settings, KafkaBroker(settings)) as session:
        versions = []
        for version in (1, 2, 3):
            texts = [("m.yaml", HOOK + FLOW.format(version))]
            await apply(session, read_texts(texts), author)
            saved_at = time.monotonic()
            # Events go on all the time; the first that meets the new version says how long it took.
            number = version * 1_000
            while not versions or versions[-1] != version:
                number += 1
                await publish(session, number)
                versions = [action.workflow_version for action in await actions(session)]
                assert time.monotonic() - saved_at < 60
        await remove(session, "workflow", ["flow"], author)
        later = itertools.count(10_000)
        await until(lambda: goes_unmatched(session, settings, next(later)))
        process.terminate()
        code = await process.wait()

    assert versions == sorted(versions)
    assert code == 0


async def goes_unmatched(session: Session, settings: Settings, number: int) -> bool:
    """Publish one more event, and see whether it leads to nothing."""
    before = len(await actions(session))
    await publish(session, number)
    await until(lambda: nothing_left(settings))
    return len(await actions(session)) == before


async def nothing_left(settings: Settings) -> bool:
    admin = KafkaBroker(settings).admin()
    try:
        lags = await admin.lag(settings.workflow_group)
    finally:
        await admin.close()
    return bool(lags) and not any(lags.values())


async def test_missing_topics_stop_the_start_with_one_clear_line(settings: Settings) -> None:
    process = await start(settings, LOG_LEVEL="error")

    _, said = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 2
    assert f"{settings.topic_prefix}.lead.events does not exist" in said.decode()
    assert "`hookline topics create` makes what is missing" in said.decode()
    assert "Traceback" not in said.decode()


@pytest.mark.usefixtures("topics_created")
async def test_a_wrong_number_of_partitions_stops_the_start(settings: Settings) -> None:
    process = await start(settings, LOG_LEVEL="error", TOPIC_PARTITIONS="7")

    _, said = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 2
    assert f"{settings.topic_prefix}.actions has 3 partitions, expected 7" in said.decode()


@pytest.mark.usefixtures("topics_created")
async def test_it_ends_cleanly_before_anything_was_read_too(settings: Settings) -> None:
    process = await start(settings, LOG_LEVEL="info")
    assert process.stderr is not None
    while b"health.listening" not in await process.stderr.readline():
        pass

    process.terminate()
    _, said = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 0, said.decode()
