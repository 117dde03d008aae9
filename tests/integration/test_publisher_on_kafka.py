"""Events through the publishers to a real broker, and back as a reader sees them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from producers import EventPublisher, SyncEventPublisher
from runtime.broker import Span
from runtime.registry import registry_from
from schemas.catalog import Catalog
from schemas.codec import Codec
from schemas.errors import BrokerError, SchemaError

pytestmark = pytest.mark.kafka
ADA = {"id": "7", "name": "Ada Lovelace"}


async def published_events(broker, settings, entity="person"):
    """What a process that starts afterwards reads: (record, event) of each."""
    publisher, tables = broker.publisher(), broker.tables()
    registry = registry_from(settings, publisher, tables)
    await tables.start()
    try:
        codec = Codec(Catalog.load(settings.schemas_dir), registry)
        topic = settings.topics.events(entity)
        return [
            (record, codec.decode_event(entity, record.value))
            async for record in broker.reader().scan(Span(topic))
        ]
    finally:
        await tables.close()


async def test_events_arrive_whole_and_in_order(settings, broker, topics_created):
    async with EventPublisher.connect(settings, source_uri="/crm") as publisher:
        first = await publisher.created("person", after=ADA, actor="ann")
        same = await publisher.updated("person", before=ADA, after=ADA, version=2)
        renamed = {**ADA, "name": "Ada King"}
        await publisher.updated("person", before=ADA, after=renamed, version=2)
        await publisher.deleted("person", before=renamed, version=3)

    found = await published_events(broker, settings)

    assert same is None
    assert [event.operation for _, event in found] == ["created", "updated", "deleted"]
    assert [event.version for _, event in found] == [1, 2, 3]
    record, event = found[0]
    assert (record.topic, record.partition, record.offset) == (
        first.topic,
        first.partition,
        first.offset,
    )
    assert event.event_id == first.event_id
    assert dict(record.headers)["ce_subject"] == b"7"
    assert len({record.partition for record, _ in found}) == 1


async def test_many_at_once_are_all_acknowledged(settings, broker, topics_created):
    async with EventPublisher.connect(settings) as publisher:
        published = await asyncio.gather(
            *(
                publisher.created("person", after={"id": str(n), "name": f"P {n}"})
                for n in range(500)
            )
        )

    found = await published_events(broker, settings)

    assert {event.event_id for _, event in found} == {one.event_id for one in published}


async def test_threads_share_the_blocking_publisher(settings, broker, topics_created):
    acknowledged, refused = [], []

    def work(publisher, thread):
        for number in range(20):
            record = {"id": f"{thread}-{number}", "name": "P"}
            acknowledged.append(publisher.created("person", after=record))
        try:
            publisher.created("person", after={"id": "x"})
        except SchemaError as error:
            refused.append(error)

    def everything():
        with SyncEventPublisher.connect(settings) as publisher:
            threads = [threading.Thread(target=work, args=(publisher, n)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return publisher

    publisher = await asyncio.to_thread(everything)
    found = await published_events(broker, settings)

    assert len(acknowledged) == 80
    assert len(refused) == 4
    assert {event.event_id for _, event in found} == {one.event_id for one in acknowledged}
    with pytest.raises(BrokerError, match="closed"):
        await asyncio.to_thread(publisher.created, "person", after=ADA)
    assert "hookline-events" not in {thread.name for thread in threading.enumerate()}


async def test_a_blocking_publisher_that_cannot_connect_says_why_and_leaves_no_thread(settings):
    nowhere = settings.model_copy(
        update={"kafka_bootstrap_servers": ("127.0.0.1:1",), "kafka_request_timeout_ms": 1_000}
    )

    def connect():
        with SyncEventPublisher.connect(nowhere):
            pass

    with pytest.raises(BrokerError):
        await asyncio.to_thread(connect)
    assert "hookline-events" not in {thread.name for thread in threading.enumerate()}
