"""The port's Publisher and TransactionalPublisher: what each sentence of their text promises."""

from __future__ import annotations

import asyncio

import pytest

from runtime.broker import Acknowledged, Outgoing, Position, Span, TopicPartition
from schemas.errors import BrokerError, FencedError, IllegalStepError
from tests.contract.conftest import Listener, values


async def test_an_acknowledgement_says_where_the_record_is(world):
    topic = await world.topic(partitions=2)
    publisher = await world.publisher()

    first = await publisher.publish(Outgoing(topic, b"k", b"a", (), 1))
    second = await publisher.publish(Outgoing(topic, b"k", b"b", (), 1))

    assert (first, second) == (Acknowledged(topic, 1, 0), Acknowledged(topic, 1, 1))


@pytest.mark.parametrize(
    ("key", "murmur2"),  # from the tests of Kafka's own Java client
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("abc", 479470107),
    ],
)
async def test_the_key_decides_the_partition_as_in_javas_client(world, key, murmur2):
    topic = await world.topic(partitions=6)
    publisher = await world.publisher()

    written = await publisher.publish(Outgoing(topic, key.encode(), b""))

    assert written.partition == (murmur2 & 0x7FFFFFFF) % 6


async def test_many_records_are_acknowledged_in_the_order_they_were_given(world):
    topic = await world.topic(partitions=3)
    publisher = await world.publisher()
    records = [Outgoing(topic, str(n % 7).encode(), str(n).encode()) for n in range(1_000)]

    places = await publisher.publish_all(records)

    found = {
        (one.partition, one.offset): one.value
        async for one in world.broker.reader().scan(Span(topic))
    }
    assert [found[place.partition, place.offset] for place in places] == [
        record.value for record in records
    ]
    for key in {record.key for record in records}:
        mine = [
            place.offset for record, place in zip(records, places, strict=True) if record.key == key
        ]
        assert mine == sorted(mine)


async def test_publishing_nothing_is_no_mistake(world):
    publisher = await world.publisher()

    assert await publisher.publish_all([]) == []


async def test_calls_side_by_side_are_all_acknowledged(world):
    topic = await world.topic(partitions=3)
    publisher = await world.publisher()

    places = await asyncio.gather(
        *(publisher.publish(Outgoing(topic, str(n).encode(), b"v")) for n in range(200))
    )

    assert len(set(places)) == 200


async def test_a_topic_that_does_not_exist_is_refused(world):
    publisher = await world.publisher()

    with pytest.raises(BrokerError, match="hookline topics create"):
        await publisher.publish(Outgoing(world.name("missing"), b"k", b"v"))


async def test_a_partition_that_does_not_exist_is_refused(world):
    topic = await world.topic()
    publisher = await world.publisher()

    with pytest.raises(BrokerError, match="partition"):
        await publisher.publish(Outgoing(topic, b"k", b"v", (), 5))


async def test_publishing_before_the_start_or_after_the_close_is_our_own_mistake(world):
    publisher = world.broker.publisher()
    with pytest.raises(IllegalStepError):
        await publisher.publish(Outgoing("t", b"k", b"v"))
    await publisher.start()
    await publisher.close()

    with pytest.raises(IllegalStepError):
        await publisher.publish(Outgoing("t", b"k", b"v"))


async def test_a_transaction_writes_its_records_and_commits_the_positions(world):
    source, out, group = await world.topic(), await world.topic(), world.name("group")
    await world.write(source, "a", "b")
    consumer, _ = await world.join(group, source)
    await values(consumer, 2)
    publisher = await world.transactional()

    places = await publisher.transact(
        [Outgoing(out, b"k", b"A"), Outgoing(out, b"k", b"B")],
        {TopicPartition(source, 0): Position(2, "meta")},
        consumer,
    )

    assert places == [Acknowledged(out, 0, 0), Acknowledged(out, 0, 1)]
    await consumer.close()
    _, listener = await world.join(group, source)
    assert listener.positions == {TopicPartition(source, 0): Position(2, "meta")}


async def test_a_transaction_can_be_of_positions_only_or_of_records_only(world):
    source, out, group = await world.topic(), await world.topic(), world.name("group")
    await world.write(source, "a")
    consumer, _ = await world.join(group, source)
    await values(consumer, 1)
    publisher = await world.transactional()

    assert await publisher.transact([], {TopicPartition(source, 0): Position(1)}, consumer) == []
    assert len(await publisher.transact([Outgoing(out, b"k", b"v")])) == 1

    await consumer.close()
    _, listener = await world.join(group, source)
    assert listener.positions == {TopicPartition(source, 0): Position(1)}


async def test_an_aborted_transaction_writes_and_commits_nothing_and_the_next_one_works(world):
    source, out, group = await world.topic(), await world.topic(), world.name("group")
    await world.write(source, "a")
    consumer, _ = await world.join(group, source)
    await values(consumer, 1)
    publisher = await world.transactional()
    positions = {TopicPartition(source, 0): Position(1)}

    with pytest.raises(BrokerError):
        await publisher.transact(
            [Outgoing(out, b"k", b"no"), Outgoing(out, b"k", b"no", (), 9)], positions, consumer
        )

    await publisher.transact([Outgoing(out, b"k", b"yes")])
    found = [one.value async for one in world.broker.reader().scan(Span(out))]
    assert found == [b"yes"]
    await consumer.close()
    _, listener = await world.join(group, source)
    assert listener.positions == {TopicPartition(source, 0): None}


async def test_positions_of_partitions_that_are_not_ours_abort_the_transaction(world):
    source, out = await world.topic(), await world.topic()
    consumer, _ = await world.join(world.name("group"), source)
    publisher = await world.transactional()

    with pytest.raises(BrokerError, match="not ours"):
        await publisher.transact(
            [Outgoing(out, b"k", b"no")], {TopicPartition(source, 8): Position(1)}, consumer
        )

    assert [one async for one in world.broker.reader().scan(Span(out))] == []


async def test_a_successor_fences_whoever_had_the_transactional_id(world):
    topic, name = await world.topic(), world.name("tx")
    zombie = await world.transactional(name)
    await zombie.transact([Outgoing(topic, b"k", b"before")])
    successor = await world.transactional(name)

    with pytest.raises(FencedError):
        await zombie.transact([Outgoing(topic, b"k", b"zombie")])
    with pytest.raises(FencedError):
        await zombie.transact([Outgoing(topic, b"k", b"zombie")])

    await successor.transact([Outgoing(topic, b"k", b"after")])
    found = [one.value async for one in world.broker.reader().scan(Span(topic))]
    assert found == [b"before", b"after"]


async def test_a_transaction_before_the_start_is_our_own_mistake(world):
    with pytest.raises(IllegalStepError):
        await world.broker.transactional_publisher("t").transact([])


async def test_what_a_transaction_wrote_is_received_by_a_group(world):
    topic = await world.topic(partitions=2)
    consumer, _ = await world.join(world.name("group"), topic, listener=Listener())
    publisher = await world.transactional()

    for n in range(5):
        await publisher.transact([Outgoing(topic, b"k", str(n).encode())])

    assert await values(consumer, 5) == ["0", "1", "2", "3", "4"]
