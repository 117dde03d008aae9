"""The port's Consumer: what each sentence of its text promises."""

from __future__ import annotations

import asyncio

import pytest

from runtime.broker import Outgoing, Position, TopicPartition
from schemas.errors import BrokerError, ConfigurationError, IllegalStepError
from tests.contract.conftest import Listener, values
from tests.waiting import until


async def test_the_first_assignment_arrives_through_the_listener(world):
    topic = await world.topic(partitions=2)

    consumer, listener = await world.join(world.name("group"), topic)

    every = {TopicPartition(topic, 0), TopicPartition(topic, 1)}
    assert listener.positions == dict.fromkeys(every)
    assert consumer.assignment() == every


async def test_an_assignment_brings_what_the_group_last_committed_with_its_metadata(world):
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, "a", "b")
    first, _ = await world.join(group, topic)
    await first.commit({TopicPartition(topic, 0): Position(1, "holes: none")})
    await first.close()

    second, listener = await world.join(group, topic)

    assert listener.positions == {TopicPartition(topic, 0): Position(1, "holes: none")}
    assert await values(second, 1) == ["b"]


async def test_no_record_is_received_before_the_assignment_was_taken_note_of(world):
    topic = await world.topic()
    await world.write(topic, "a")
    ready, listener = asyncio.Event(), Listener()
    entered = asyncio.Event()

    async def take_note(positions) -> None:
        entered.set()
        await ready.wait()

    listener.on_assigned = take_note
    consumer, _ = await world.join(world.name("group"), topic, listener=listener, wait=False)
    receiving = asyncio.create_task(consumer.receive())
    await entered.wait()
    done, _ = await asyncio.wait([receiving], timeout=0.5)
    assert not done

    ready.set()

    assert [one.value for one in await receiving] == [b"a"]


async def test_a_record_arrives_as_it_was_written(world):
    topic = await world.topic(partitions=2)
    headers = (("content-type", b"application/avro"), ("twice", b"1"), ("twice", b"\x00\xff"))
    publisher = await world.publisher()
    written = await publisher.publish(Outgoing(topic, b"\xff key", b"\x00value", headers, 1))
    consumer, _ = await world.join(world.name("group"), topic)

    (received,) = await consumer.receive()

    assert (received.key, received.value, received.headers) == (b"\xff key", b"\x00value", headers)
    assert (received.topic, received.partition, received.offset) == (topic, 1, written.offset)
    assert received.timestamp_ms > 1_600_000_000_000
    assert received.place == f"{topic}:1:{written.offset}"


async def test_a_tombstone_has_no_value(world):
    topic = await world.topic(cleanup="compact")
    publisher = await world.publisher()
    await publisher.publish(Outgoing(topic, b"k", None))
    consumer, _ = await world.join(world.name("group"), topic)

    (received,) = await consumer.receive()

    assert received.value is None


async def test_records_come_in_order_per_partition_without_gaps(world):
    topic = await world.topic(partitions=3)
    publisher = await world.publisher()
    wanted = [Outgoing(topic, b"k", str(n).encode(), (), n % 3) for n in range(3_000)]
    await publisher.publish_all(wanted)
    consumer, _ = await world.join(world.name("group"), topic)

    found = []
    while len(found) < len(wanted):
        found += await consumer.receive()

    for partition in range(3):
        mine = [one for one in found if one.partition == partition]
        assert [one.offset for one in mine] == list(range(1_000))
        assert [int(one.value) for one in mine] == list(range(partition, 3_000, 3))


async def test_receive_waits_until_there_is_something(world):
    topic = await world.topic()
    consumer, _ = await world.join(world.name("group"), topic)
    receiving = asyncio.create_task(consumer.receive())
    done, _ = await asyncio.wait([receiving], timeout=0.3)
    assert not done

    await world.write(topic, "a")

    assert [one.value for one in await receiving] == [b"a"]


async def test_a_paused_partition_gives_nothing_until_resumed_and_others_go_on(world):
    topic = await world.topic(partitions=2)
    consumer, _ = await world.join(world.name("group"), topic)
    consumer.pause([TopicPartition(topic, 0)])
    await world.write(topic, "paused", partition=0)
    await world.write(topic, "active", partition=1)

    assert await values(consumer, 1) == ["active"]
    receiving = asyncio.create_task(consumer.receive())
    done, _ = await asyncio.wait([receiving], timeout=0.5)
    assert not done
    consumer.resume([TopicPartition(topic, 0)])

    assert [one.value for one in await receiving] == [b"paused"]


async def test_records_fetched_before_a_pause_are_kept_for_later(world):
    topic = await world.topic(partitions=2)
    await world.write(topic, *map(str, range(2_000)), partition=0)
    consumer, _ = await world.join(world.name("group"), topic)
    found = await values(consumer, 1)

    consumer.pause([TopicPartition(topic, 0)])
    await world.write(topic, "other", partition=1)
    assert await values(consumer, 1) == ["other"]
    consumer.resume([TopicPartition(topic, 0)])
    found += await values(consumer, 2_000 - len(found))

    assert found == list(map(str, range(2_000)))


async def test_pausing_what_is_not_ours_is_ignored(world):
    topic = await world.topic()
    consumer, _ = await world.join(world.name("group"), topic)

    consumer.pause([TopicPartition(topic, 7), TopicPartition("elsewhere", 0)])
    consumer.resume([TopicPartition("elsewhere", 0)])
    await world.write(topic, "a")

    assert await values(consumer, 1) == ["a"]


@pytest.mark.parametrize("offset", [0, 3])
async def test_seek_goes_on_from_the_offset_and_drops_what_was_fetched(world, offset):
    topic = await world.topic()
    await world.write(topic, *"abcde")
    consumer, _ = await world.join(world.name("group"), topic)
    assert await values(consumer, 5) == list("abcde")

    await consumer.seek(TopicPartition(topic, 0), offset)

    assert await values(consumer, 5 - offset) == list("abcde")[offset:]


async def test_a_seek_while_the_assignment_is_taken_note_of_decides_where_reading_begins(world):
    topic, listener = await world.topic(), Listener()
    await world.write(topic, *"abcde")
    consumer = world.broker.consumer(group=world.name("group"), topics=[topic])

    async def skip(positions) -> None:
        await consumer.seek(TopicPartition(topic, 0), 3)

    listener.on_assigned = skip
    await consumer.start(listener)

    assert await values(consumer, 2) == ["d", "e"]
    await consumer.close()


async def test_seeking_what_is_not_ours_is_refused(world):
    topic = await world.topic()
    consumer, _ = await world.join(world.name("group"), topic)

    with pytest.raises(BrokerError, match="not ours"):
        await consumer.seek(TopicPartition(topic, 9), 0)


async def test_only_what_is_given_is_committed_not_what_was_read(world):
    topic, group = await world.topic(partitions=2), world.name("group")
    await world.write(topic, "a", "b", "c", partition=0)
    await world.write(topic, "d", partition=1)
    consumer, _ = await world.join(group, topic)
    await values(consumer, 4)

    await consumer.commit({TopicPartition(topic, 0): Position(1)})
    await consumer.close()

    _, listener = await world.join(group, topic)
    assert listener.positions == {
        TopicPartition(topic, 0): Position(1),
        TopicPartition(topic, 1): None,
    }


async def test_committing_for_what_is_not_ours_is_refused(world):
    topic = await world.topic()
    consumer, _ = await world.join(world.name("group"), topic)

    with pytest.raises(BrokerError, match="not ours"):
        await consumer.commit({TopicPartition(topic, 5): Position(0)})


async def test_metadata_beyond_the_brokers_limit_is_refused(world):
    topic = await world.topic()
    consumer, _ = await world.join(world.name("group"), topic)
    await consumer.commit({TopicPartition(topic, 0): Position(0, "x" * 4_095)})

    with pytest.raises(BrokerError):
        await consumer.commit({TopicPartition(topic, 0): Position(0, "x" * 4_097)})


async def test_two_members_share_and_have_the_same_numbers_of_every_topic(world):
    one, two = await world.topic(partitions=4), await world.topic(partitions=4)
    group = world.name("group")
    first, _ = await world.join(group, one, two)
    second, _ = await world.join(group, one, two)
    await until(lambda: len(first.assignment()) == 4, message="no sharing")

    for member in (first, second):
        numbers = [{p.partition for p in member.assignment() if p.topic == t} for t in (one, two)]
        assert numbers[0] == numbers[1]
        assert len(numbers[0]) == 2
    assert not first.assignment() & second.assignment()


async def test_a_commit_in_a_revocation_is_where_the_next_owner_starts(world):
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, "a", "b", "c")
    listener = Listener()
    consumer, _ = await world.join(group, topic, listener=listener)
    await values(consumer, 3)

    async def finish(partitions) -> None:
        await consumer.commit({one: Position(2, "in time") for one in partitions})

    listener.on_revoked = finish
    _, second = await world.join(group, topic, wait=False)
    await until(lambda: len(listener.names) >= 3 or second.names, message="no rebalance")
    await consumer.close()
    await until(lambda: second.positions, message="no takeover")

    assert "revoked" in listener.names
    assert second.positions == {TopicPartition(topic, 0): Position(2, "in time")}


async def test_nothing_is_received_of_partitions_once_they_are_being_revoked(world):
    topic, group = await world.topic(partitions=2), world.name("group")
    listener, started, go_on = Listener(), asyncio.Event(), asyncio.Event()
    consumer, _ = await world.join(group, topic, listener=listener)

    async def linger(partitions) -> None:
        started.set()
        await go_on.wait()

    listener.on_revoked = linger
    joining = asyncio.create_task(world.join(group, topic, wait=False))
    await started.wait()
    await world.write(topic, "late", partition=0)
    await world.write(topic, "late", partition=1)
    receiving = asyncio.create_task(consumer.receive())
    done, _ = await asyncio.wait([receiving], timeout=0.5)
    go_on.set()

    assert not done
    assert {one.value for one in await receiving} == {b"late"}
    second, _ = await joining
    assert await values(second, 1) == ["late"]


async def test_a_transaction_works_in_a_revocation(world):
    topic, out, group = await world.topic(), await world.topic(), world.name("group")
    listener = Listener()
    consumer, _ = await world.join(group, topic, listener=listener)
    publisher = await world.transactional()

    async def finish(partitions) -> None:
        positions = {one: Position(0, "by transaction") for one in partitions}
        await publisher.transact([Outgoing(out, b"k", b"last")], positions, consumer)

    listener.on_revoked = finish
    await consumer.close()

    _, second = await world.join(group, topic)
    assert second.positions == {TopicPartition(topic, 0): Position(0, "by transaction")}
    reader, _ = await world.join(world.name("group"), out)
    assert await values(reader, 1) == ["last"]


async def test_closing_awaits_the_revocation_and_leaves_the_group(world):
    topic, group = await world.topic(), world.name("group")
    first, listener = await world.join(group, topic)

    await first.close()

    assert listener.names == ["assigned", "revoked"]
    assert first.assignment() == frozenset()
    second, _ = await world.join(group, topic)
    assert len(second.assignment()) == 1


async def test_pauses_do_not_outlive_an_assignment(world):
    topic, group = await world.topic(), world.name("group")
    consumer, listener = await world.join(group, topic)
    consumer.pause(consumer.assignment())
    other, _ = await world.join(group, topic, wait=False)
    await until(lambda: "revoked" in listener.names, message="no rebalance")
    await other.close()
    await until(consumer.assignment, message="not back")

    await world.write(topic, "a")

    assert await values(consumer, 1) == ["a"]


async def test_nothing_of_an_aborted_transaction_is_received(world):
    topic = await world.topic()
    publisher = await world.transactional()
    with pytest.raises(BrokerError):
        await publisher.transact(
            [Outgoing(topic, b"k", b"no"), Outgoing(topic, b"k", b"no", (), 9)]
        )
    await publisher.transact([Outgoing(topic, b"k", b"yes")])
    consumer, _ = await world.join(world.name("group"), topic)

    assert await values(consumer, 1) == ["yes"]


async def test_a_topic_that_does_not_exist_is_said_at_start(world):
    consumer = world.broker.consumer(group=world.name("group"), topics=[world.name("missing")])

    with pytest.raises(ConfigurationError, match="no topic"):
        await consumer.start(Listener())


async def test_receiving_before_the_start_is_our_own_mistake(world):
    with pytest.raises(IllegalStepError):
        await world.broker.consumer(group="g", topics=["t"]).receive()


async def test_a_listener_that_fails_is_heard_of_by_who_receives(world):
    topic, listener = await world.topic(), Listener()

    async def fail(positions) -> None:
        raise ValueError("no such state")

    listener.on_assigned = fail
    consumer, _ = await world.join(world.name("group"), topic, listener=listener, wait=False)

    with pytest.raises(ValueError, match="no such state"):
        await consumer.receive()
