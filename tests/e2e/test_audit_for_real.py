"""`hookline audit` on a real system: the sums come out, and an action that was skipped is named."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from runtime.broker import Broker, Position, TopicPartition
from runtime.kafka import KafkaBroker
from runtime.settings import Settings
from tests.delivery_rig import person_event, receiving, rigged, webhook
from tests.kafka_rig import Remembers
from tests.processes import ROOT, environment_of
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("topics_created")


async def audit(settings: Settings) -> tuple[int | None, dict]:
    """Run the command; its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console.cli", "audit", "--since", "1h", "--json"),
        env=environment_of(settings),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return process.returncode, json.loads(said)


async def skip_everything(settings: Settings) -> None:
    """Commit the ends of the actions for the group, as somebody who resets its offsets does."""
    broker = KafkaBroker(settings)
    topics = settings.topics
    ends = await broker.reader().ends([topics.actions])
    consumer = broker.consumer(group=settings.webhook_group, topics=[topics.actions])
    await consumer.start(Remembers())
    await until(lambda: len(consumer.assignment()) == settings.topic_partitions)
    await consumer.commit({TopicPartition(*one): Position(end) for one, end in ends.items()})
    await consumer.close()


async def test_the_sums_come_out_and_a_lost_action_is_named(broker: Broker, settings: Settings):
    async with receiving() as receiver, rigged(broker, settings) as rig:
        receiver.moods["/bad"] = 400
        receiver.moods["/busy"] = 503
        waits = {"schedule": ["1h"], "jitter": 0}
        await rig.save(webhook("good", f"{receiver.url}/ok"))
        await rig.save(webhook("bad", f"{receiver.url}/bad"))
        await rig.save(webhook("busy", f"{receiver.url}/busy", retry=waits))
        actions = [
            rig.action(person_event(number), hook)
            for hook, many in (("good", 20), ("bad", 3), ("busy", 2))
            for number in range(many)
        ]
        await rig.act(actions)
        member = await rig.member()
        await until(lambda: len(receiver.arrivals) == 25)
        await rig.stop(member)

        code, found = await audit(settings)
        assert code == 0, found
        assert found["actions"] == {
            "made": 25, "delivered": 20, "waiting": 2, "under_way": 0, "dead": 3, "in_none": 0,
        }  # fmt: skip

        lost = rig.action(person_event(99), "good")
        await rig.act([lost])
        code, found = await audit(settings)
        assert (code, found["actions"]["under_way"]) == (0, 1)
        await skip_everything(settings)

        code, found = await audit(settings)
        assert code == 1
        assert [one["action_id"] for one in found["lost"]] == [str(lost.action_id)]
        assert found["actions"]["in_none"] == 1
