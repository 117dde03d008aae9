"""A delivery that was committed behind somebody's open transaction keeps its place in the order."""

from __future__ import annotations

import asyncio

import pytest
from kafka import KafkaProducer

from runtime.broker import Broker
from runtime.settings import Settings
from tests.delivery_rig import person_event, receiving, rigged, webhook
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("topics_created")


async def test_a_waiting_delivery_is_not_overtaken_when_its_record_cannot_be_read_yet(
    broker: Broker, settings: Settings
):
    slow = KafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        transactional_id=f"{settings.topic_prefix}-slow",
        transaction_timeout_ms=60_000,
    )
    places = [(tier, partition) for tier in settings.topics.retries for partition in range(3)]

    def begin() -> None:
        slow.init_transactions()
        slow.begin_transaction()
        for tier, partition in places:
            slow.send(tier, b"open", b"k", partition=partition).get(timeout=30)

    async with receiving() as receiver, rigged(broker, settings) as rig:
        receiver.moods["/hook"] = lambda count: 500 if count == 2 else 200
        retry = {"schedule": ["450ms"], "jitter": 0}
        await rig.save(webhook("hook", f"{receiver.url}/hook", retry=retry))
        zeroth, first, second = (rig.action(person_event(1, one), "hook") for one in range(3))
        member = await rig.member()
        await rig.act([zeroth])
        await until(lambda: len(receiver.arrivals) == 1)
        await asyncio.to_thread(begin)
        await rig.act([first])
        await until(lambda: len(receiver.arrivals) == 2)
        await rig.stop(member)
        await rig.act([second])

        await rig.member()
        overtaking = asyncio.create_task(until(lambda: len(receiver.arrivals) > 2))
        done, _ = await asyncio.wait({overtaking}, timeout=4)
        assert not done, [one.webhook_id for one in receiver.arrivals]
        await asyncio.to_thread(slow.abort_transaction)

        await until(lambda: len(receiver.arrivals) == 4)
        await overtaking
        order = [one.webhook_id for one in receiver.arrivals]
        assert order == [str(one.action_id) for one in (zeroth, first, first, second)]
    slow.close()
