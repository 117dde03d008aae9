"""A publisher whose sent records expired goes on once the broker is back."""

from __future__ import annotations

import asyncio

from runtime.broker import Outgoing, TopicConfig
from runtime.kafka import KafkaBroker
from runtime.settings import Settings
from schemas.errors import BrokerError
from tests.waiting import until

TOPIC = "t-producer-id"


async def is_published(publisher):
    try:
        await publisher.publish(Outgoing(TOPIC, b"k", b"first after"))
    except BrokerError:
        return False
    return True


async def test_a_publisher_recovers_after_a_record_it_had_sent_expired(own_broker):
    # Sent, timed out, waiting to be sent again when it expires: the id is given up then.
    settings = Settings.model_validate(
        {
            "kafka_bootstrap_servers": own_broker.bootstrap_servers,
            "kafka_request_timeout_ms": 1_000,
            "kafka_delivery_timeout_ms": 3_000,
        }
    )
    broker = KafkaBroker(settings)
    admin, publisher = broker.admin(), broker.publisher()
    await admin.create([TopicConfig(TOPIC, 1, {})], 1)
    await admin.close()
    await publisher.start()
    try:
        await publisher.publish(Outgoing(TOPIC, b"k", b"before"))
        own_broker.pause()
        waiting = [
            asyncio.create_task(publisher.publish(Outgoing(TOPIC, b"k", b"%d" % n)))
            for n in range(20)
        ]
        async with asyncio.timeout(60):
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            own_broker.resume()
            # A broker that stood still may need longer than one delivery's time to answer again.
            await until(lambda: is_published(publisher), message="the publisher stays stuck")
            after = [await publisher.publish(Outgoing(TOPIC, b"k", b"after")) for _ in range(3)]
    finally:
        own_broker.resume()
        await publisher.close()

    # All are told in time, although the broker is still away then.
    assert all(isinstance(outcome, BrokerError) for outcome in outcomes)
    assert len({one.offset for one in after}) == 3
    assert publisher.waiting == (0, 0)
