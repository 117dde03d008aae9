"""The real command line against a real broker: each command a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from console.receiver import Receiver, application
from console.session import opened
from runtime.broker import Broker, Outgoing, Received, Span
from runtime.clock import SystemClock
from runtime.settings import Settings
from schemas.records import action_key_of
from schemas.topics import Topic
from tests.desks import SECRET, death, lead_action, lead_event

MANIFESTS = """\
kind: Webhook
id: sales
url: {url}
secret: {secret}
---
kind: Workflow
id: big-lead
entity: lead
on: [created]
only_if: {{field: after.lead_value, at_least: 10000}}
then: [{{webhook: sales}}]
"""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document it printed."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs commands with the variables of one system."""

    variables: dict[str, str]

    async def __call__(self, *arguments: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "console",
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **self.variables},
        )
        out, err = await asyncio.wait_for(process.communicate(), 120)
        return Ended(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def hookline(settings: Settings) -> Shell:
    """The command line on the test's own topics."""
    return Shell(
        {
            "HOOKLINE_KAFKA_BOOTSTRAP_SERVERS": ",".join(settings.kafka_bootstrap_servers),
            "HOOKLINE_TOPIC_PREFIX": settings.topic_prefix,
            "HOOKLINE_TOPIC_PARTITIONS": str(settings.topic_partitions),
            "HOOKLINE_RETRY_TIERS_MS": "100,400",
            "HOOKLINE_SECRET_KEYS": settings.secret_keys[0].get_secret_value(),
            "HOOKLINE_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
        }
    )


@pytest.fixture
async def receiver() -> AsyncIterator[TestServer]:
    """A receiver with one endpoint."""
    server = TestServer(application(Receiver({"sales": SECRET}, SystemClock())))
    await server.start_server()
    yield server
    await server.close()


async def records(broker: Broker, topic: str) -> list[Received]:
    """Every record of a topic."""
    async with aclosing(broker.reader().scan(Span(topic))) as found:
        return [record async for record in found]


async def die(broker: Broker, settings: Settings, count: int) -> None:
    """Write so many dead letters, as the webhook service does."""
    async with opened(settings, broker) as session:
        publisher = await session.publisher()
        await session.registry.register(session.catalog.action)
        await session.registry.register(session.catalog.event("lead"))
        event = session.codec.encode(lead_event())
        for number in range(count):
            action, headers = death(lead_action(entity_id=str(number)))
            key = action_key_of("sales", "lead", str(number))
            value = session.codec.encode(replace(action, event=event))
            topic = settings.topics.dead(settings.topics.actions)
            await publisher.publish(Outgoing(topic, key, value, headers))


async def test_from_a_manifest_to_an_explained_event(
    hookline: Shell, topics_created: tuple[Topic, ...], receiver: TestServer, tmp_path: Path
):
    file = tmp_path / "hooks.yaml"
    file.write_text(MANIFESTS.format(url=receiver.make_url("/hooks/sales"), secret=SECRET))

    checked = await hookline("topics", "check", "--json")
    applied = await hookline("apply", "-f", str(file), "--json")
    tested = await hookline("webhooks", "test", "sales", "--entity", "lead", "--json")
    lead = '{"id": "7", "title": "Engine", "lead_value": "12000"}'
    published = await hookline("events", "publish", "lead", "--after", lead, "--json")
    event_id = published.json["event_id"]
    explained = await hookline("workflows", "explain", "big-lead", event_id, "--json")
    traced = await hookline("trace", event_id, "--entity", "lead", "--json")
    removed = await hookline("webhooks", "remove", "sales")

    assert (checked.code, checked.json["drift"]) == (0, []), checked
    assert [one["what"] for one in applied.json["changes"]] == ["create", "create"], applied
    assert (tested.code, tested.json["status"]) == (0, 200), tested
    assert json.loads(tested.json["response_body"])["verified"] is True
    assert explained.json["matched"] is True, explained
    assert traced.json["event"]["offset"] == published.json["offset"], traced
    assert traced.json["actions"] == []
    assert (removed.code, "big-lead" in removed.err) == (1, True), removed


async def test_two_operators_at_once_replay_every_dead_letter_exactly_once(
    hookline: Shell, topics_created: tuple[Topic, ...], broker: Broker, settings: Settings
):
    await die(broker, settings, 30)
    listed = await hookline("dead-letters", "list", "--json")
    assert listed.json["open"] == 30, listed

    replay = ("dead-letters", "replay", "--all-open", "--rate", "20/s", "--yes")
    ended = await asyncio.gather(hookline(*replay), hookline(*replay))

    # One of them may have been fenced; whoever is asked next finishes what it left.
    assert {one.code for one in ended} <= {0, 1, 4}, ended
    await hookline(*replay)
    replayed = await records(broker, settings.topics.actions)
    assert sorted(one.key or b"" for one in replayed) == sorted(
        f"sales/lead/{number}".encode() for number in range(30)
    )
    again = await hookline("dead-letters", "list", "--json")
    assert (again.json["open"], again.json["resolved"]) == (0, 30), again


async def test_a_dead_letter_is_shown_and_discarded(
    hookline: Shell, topics_created: tuple[Topic, ...], broker: Broker, settings: Settings
):
    await die(broker, settings, 1)
    listed = await hookline("dead-letters", "list", "--each", "--json")
    (letter,) = listed.json["dead_letters"]

    shown = await hookline("dead-letters", "show", letter["address"], "--json")
    gone = await hookline("dead-letters", "discard", letter["address"], "--reason", "x", "--yes")
    again = await hookline("dead-letters", "discard", letter["address"], "--reason", "x", "--yes")

    assert shown.json["event"]["after"]["title"] == "Engine", shown
    assert gone.code == 0, gone
    assert (again.code, "discarded already" in again.err) == (1, True), again


async def test_a_tail_can_be_cut_off_by_its_reader(
    hookline: Shell, topics_created: tuple[Topic, ...]
):
    published = await hookline("events", "publish", "lead", "--after", '{"id": "7", "title": "T"}')
    assert published.code == 0, published

    tailed = await hookline("events", "tail", "--since", "1h", "--count", "1", "--json")

    assert tailed.json["entity_id"] == "7", tailed


async def test_without_a_broker_a_command_says_so_in_one_line_and_ends_with_3(tmp_path: Path):
    hookline = Shell(
        {
            "HOOKLINE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "HOOKLINE_KAFKA_REQUEST_TIMEOUT_MS": "1000",
        }
    )

    for arguments in (("topics", "check"), ("dead-letters", "list"), ("workflows", "list")):
        ended = await hookline(*arguments)

        assert ended.code == 3, ended
        assert "127.0.0.1:1" in ended.err
        assert ended.err.count("\n") == 1, ended.err
        assert ended.out == ""


async def test_topics_that_are_missing_are_named(hookline: Shell, kafka_servers: str):
    ended = await hookline("workflows", "list")

    assert ended.code == 2, ended
    assert hookline.variables["HOOKLINE_TOPIC_PREFIX"] in ended.err
    assert ended.err.count("\n") == 1, ended.err
