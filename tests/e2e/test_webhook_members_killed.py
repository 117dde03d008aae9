"""Members of the webhook service are killed at random moments: every action arrives at least once."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from aiohttp import web

from runtime.broker import Broker
from runtime.settings import PREFIX, Settings
from tests.delivery_rig import Rig, person_event, receiving, rigged, webhook
from tests.waiting import until

ROOT = Path(__file__).parents[2]
ACTIONS, RECORDS, KILLS = 5_000, 250, 8
CONCURRENCY = 16


def environ_of(settings: Settings, instance: str) -> dict[str, str]:
    """The variables that give a process these settings."""
    values = {
        "KAFKA_BOOTSTRAP_SERVERS": ",".join(settings.kafka_bootstrap_servers),
        "KAFKA_SESSION_TIMEOUT_MS": str(settings.kafka_session_timeout_ms),
        "TOPIC_PREFIX": settings.topic_prefix,
        "TOPIC_PARTITIONS": str(settings.topic_partitions),
        "RETRY_TIERS_MS": "100,400",
        "SECRET_KEYS": settings.secret_keys[0].get_secret_value(),
        "WEBHOOK_GROUP": settings.webhook_group,
        "WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
        "LOG_LEVEL": "warning",
        "INSTANCE": instance,
    }
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return outside | {f"{PREFIX}{name}": value for name, value in values.items()}


class Process:
    """A member that is started again whenever it was killed."""

    def __init__(self, settings: Settings, name: str, log: Path) -> None:
        self._environ = environ_of(settings, name)
        self.log = log
        self.process = self._start()

    def _start(self) -> Popen[bytes]:
        with self.log.open("ab") as log:
            return Popen(
                [sys.executable, "-m", "webhook_service"],
                cwd=ROOT,
                env=self._environ,
                stderr=log,
                stdout=log,
            )

    def kill(self) -> None:
        """End it as a power cut would, and start its successor."""
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def stop(self) -> int:
        """Ask it to finish."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def members(settings: Settings, directory: Path) -> Iterator[list[Process]]:
    """Two members; whatever still runs at the end is ended."""
    started: list[Process] = []
    try:
        started.extend(
            Process(settings, name, directory / f"{name}.log") for name in ("one", "two")
        )
        yield started
    finally:
        for member in started:
            member.process.kill()
            member.process.wait()


def has_got(receiver: Any, many: int) -> bool:
    return len(receiver.arrivals) >= many


@pytest.mark.usefixtures("topics_created")
async def test_every_action_arrives_at_least_once_and_repeats_keep_their_id(
    broker: Broker, settings: Settings, tmp_path: Path, record_testsuite_property
):
    chance = random.Random(7)

    def mood(_: int) -> web.Response:
        return web.Response(status=503 if chance.random() < 0.02 else 200)

    async with receiving() as receiver, rigged(broker, settings) as rig:
        receiver.moods["/hook"] = mood
        retry = {"schedule": ["200ms"] * 20, "jitter": 0.2}
        hook = webhook("hook", f"{receiver.url}/hook", concurrency=CONCURRENCY, retry=retry)
        await rig.save(hook)
        actions = [
            rig.action(person_event(number % RECORDS, 1 + number // RECORDS), "hook")
            for number in range(ACTIONS)
        ]
        expected = {str(action.action_id) for action in actions}

        with members(settings, tmp_path) as processes:
            chunk = ACTIONS // 10
            for first in range(0, ACTIONS, chunk):
                await rig.act(actions[first : first + chunk])
                if first // chunk < KILLS:
                    before = len(receiver.arrivals)
                    after = before + chance.randrange(1, chunk)
                    await until(partial(has_got, receiver, after), within=120)
                    await asyncio.to_thread(processes[chance.randrange(2)].kill)
            await until(
                lambda: {one.webhook_id for one in receiver.arrivals} >= expected,
                within=180,
                message=lambda: f"{len(expected)} expected, {len(receiver.arrivals)} requests came",
            )
            await until(lambda: _settled(rig, expected), within=120)
            codes = [await asyncio.to_thread(process.stop) for process in processes]

        arrived = Counter(one.webhook_id for one in receiver.arrivals)
        attempts = Counter(str(one.action_id) for one in await rig.attempts())
        repeats = sum(arrived.values()) - sum(attempts.values())
        record_testsuite_property("requests sent again after a kill", repeats)
        sys.stdout.write(
            f"{KILLS} kills: {repeats} requests were sent again, with the same webhook-id\n"
        )
        logs = "".join(process.log.read_text() for process in processes)
        assert arrived.keys() == expected
        assert codes == [0, 0], logs
        assert await rig.dead() == []
        assert repeats >= 0


async def _settled(rig: Rig, expected: set[str]) -> bool:
    """Whether every action has a successful attempt on record."""
    attempts = await rig.attempts()
    return {str(one.action_id) for one in attempts if one.outcome == "delivered"} >= expected
