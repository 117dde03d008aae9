"""Trying workflows out on a real system: backtest, replay that is killed and gone on with, test."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.session import opened
from runtime.broker import Broker, Outgoing, Received, Span
from runtime.settings import Settings
from schemas import headers
from schemas.events import event_headers
from schemas.topics import Topic
from tests.desks import SECRET, lead, lead_event
from tests.processes import ROOT, environment
from tests.waiting import until

LEADS = 40
MANIFESTS = f"""\
kind: Webhook
id: sales
url: http://127.0.0.1:9/hooks/sales
secret: {SECRET}
---
kind: Workflow
id: any-lead
entity: lead
on: [created]
then: [{{webhook: sales}}]
"""
CASES = """\
workflows: hooks.yaml
cases:
  - name: every lead goes to sales
    workflow: any-lead
    event: {after: {id: "7", title: Ship}}
    expect: {actions: [sales]}
"""


@pytest.fixture
def variables(settings: Settings, topics_created: tuple[Topic, ...]) -> dict[str, str]:
    """The test's own topics, for processes."""
    return environment(
        kafka_bootstrap_servers=",".join(settings.kafka_bootstrap_servers),
        topic_prefix=settings.topic_prefix,
        topic_partitions=settings.topic_partitions,
        secret_keys=settings.secret_keys[0].get_secret_value(),
        webhook_allow_networks="127.0.0.0/8",
        workflow_group=settings.workflow_group,
    )


async def begun(variables: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console", *arguments),
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def hookline(variables: dict[str, str], *arguments: str) -> tuple[int, Any, str]:
    """Run a command to its end: its code, its document, and what it said."""
    process = await begun(variables, *arguments, "--json")
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, json.loads(out) if out else None, err.decode()


async def sent(broker: Broker, settings: Settings) -> list[Received]:
    async with aclosing(broker.reader().scan(Span(settings.topics.actions))) as found:
        return [record async for record in found]


async def publish(broker: Broker, settings: Settings) -> None:
    """Leads as their service would have published them."""
    async with opened(settings, broker) as session:
        publisher = await session.publisher()
        await session.registry.register(session.catalog.event("lead"))
        records = []
        for number in range(1, LEADS + 1):
            event = lead_event(
                event_id=uuid.UUID(int=number), entity_id=str(number), after=lead(id=str(number))
            )
            key, value = str(number).encode(), session.codec.encode(event)
            head = event_headers(event, "/test")
            records.append(Outgoing(settings.topics.events("lead"), key, value, head))
        await publisher.publish_all(records)


async def test_backtest_test_and_a_replay_that_is_killed_and_gone_on_with(
    variables: dict[str, str], settings: Settings, broker: Broker, tmp_path: Path
):
    file, cases = tmp_path / "hooks.yaml", tmp_path / "cases.yaml"
    file.write_text(MANIFESTS)
    cases.write_text(CASES)
    began = datetime.now(UTC) - timedelta(seconds=5)
    await publish(broker, settings)
    end = datetime.now(UTC) + timedelta(seconds=1)
    assert (await hookline(variables, "apply", "-f", str(file), "--yes"))[0] == 0

    tested = await hookline(variables, "workflows", "test", str(cases))
    backtested = await hookline(variables, "workflows", "backtest", "any-lead")
    window = ("--from", began.isoformat(), "--to", end.isoformat())
    replay = ("workflows", "replay", "any-lead", *window, "--version", "1", "--yes")

    async def settled() -> bool:
        return datetime.now(UTC) > end + timedelta(seconds=30)

    await until(settled, within=60)
    process = await begun(variables, *replay, "--rate", "4/s")

    async def some() -> bool:
        return len(await sent(broker, settings)) >= 4

    await until(some, within=60)
    process.kill()
    await process.communicate()
    before = len(await sent(broker, settings))
    code, answer, said = await hookline(variables, *replay, "--rate", "500/s")
    records = await sent(broker, settings)

    assert (tested[0], tested[1]["passed"]) == (0, 1)
    assert (backtested[0], backtested[1]["matched"]) == (0, LEADS)
    assert before < LEADS
    assert (code, answer["sent"] + answer["done_before"]) == (0, LEADS), said
    ids = Counter(dict(record.headers)[headers.ACTION_ID] for record in records)
    assert len(ids) == LEADS
    assert set(ids.values()) == {1}
