"""The traps of the Kafka client, each sprung on a real broker: without its protection, each fails."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import pytest

from runtime.bridge.handover import Polled
from runtime.bridge.transacting import TransactionPublisher
from runtime.bridge.watchdog import Watchdog
from runtime.broker import Outgoing, Position, Span, TopicPartition
from runtime.kafka import KafkaBroker
from runtime.kafka.client import Untyped
from runtime.kafka.transactions import KafkaTransactor
from runtime.settings import Settings
from schemas.errors import BrokerError, BrokerFullError, FencedError
from tests.kafka_rig import Remembers, member, publish, receive, settings_for, topic
from tests.waiting import until


@pytest.fixture
def quick(kafka_servers: str) -> Settings:
    return settings_for(kafka_servers)


@pytest.fixture
async def name(quick: Settings) -> AsyncIterator[str]:
    async with topic(quick) as made:
        yield made


async def test_a_poison_record_arrives_as_bytes_and_those_behind_it_too(quick, name):
    poison = b"\xc3\x01\xff\xfe not Avro, not UTF-8 \x00"
    await publish(quick, name, b"before", poison, b"", b"after")

    async with member(quick, name, name) as consumer:
        assert await receive(consumer, 4) == [b"before", poison, b"", b"after"]


async def test_any_exception_of_a_poll_rebuilds_the_consumer_and_the_service_is_told(quick, name):
    listener = Remembers()
    await publish(quick, name, b"a")
    async with member(quick, name, name, listener=listener) as consumer:
        assert await receive(consumer, 1) == [b"a"]
        await consumer.commit({TopicPartition(name, 0): Position(1)})

        def fail(*_: object, **__: object) -> None:
            raise ValueError("no exception is too strange")

        consumer._poller.client.raw.poll = fail
        await until(lambda: listener.told == ["assigned", "lost", "assigned"], message="no rebuild")
        await publish(quick, name, b"b")

        assert listener.positions == {TopicPartition(name, 0): Position(1)}
        assert await receive(consumer, 1) == [b"b"]


async def test_a_consumer_that_fails_again_and_again_gives_up_and_says_why(
    quick, name, monkeypatch
):
    monkeypatch.setattr("runtime.bridge.poller.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("runtime.bridge.poller.LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr("runtime.bridge.poller.MOST_FAILURES", 3)
    async with member(quick, name, name) as consumer:

        def fail(_: object) -> None:
            raise ValueError("a checksum, say")

        monkeypatch.setattr(consumer._poller, "_cycle", fail)

        with pytest.raises(BrokerError, match="a checksum, say") as failure:
            await asyncio.wait_for(consumer.receive(), 60)
    assert name in str(failure.value)


async def test_lag_without_progress_rebuilds_the_consumer(quick, name):
    listener = Remembers()
    async with member(quick, name, name, listener=listener) as consumer:
        await until(lambda: listener.told, message="no assignment")
        consumer._poller.client._watchdog = Watchdog(0.3)
        fetcher = consumer._poller.client.raw._fetcher
        fetcher.send_fetches = list
        fetcher._completed_fetches.clear()
        await publish(quick, name, *[b"a"] * 3)

        assert len(await receive(consumer, 3)) >= 3
        assert "lost" in listener.told


async def test_what_is_not_received_stays_within_the_bound(kafka_servers, name):
    small = settings_for(kafka_servers, fetch_buffer_records=50)
    await publish(small, name, *(b"%d" % n for n in range(1_000)))
    most = 0
    async with member(small, name, name) as consumer:
        await until(lambda: consumer._inbox.ready >= 50, message="the buffer does not fill")
        found: list[bytes] = []
        while len(found) < 1_000:
            most = max(most, consumer._inbox.waiting(consumer._poller._relay.handed))
            found += await receive(consumer, 1)

    assert most <= 50
    assert found == [b"%d" % n for n in range(1_000)]


async def test_pausing_many_full_partitions_keeps_within_twice_the_bound(kafka_servers):
    small = settings_for(kafka_servers, fetch_buffer_records=50)
    async with topic(small, partitions=4) as made:
        for number in range(4):
            await publish(small, made, *[b"%d" % n for n in range(200)], partition=number)
        async with member(small, made, made) as consumer:
            await until(consumer.assignment, message="no assignment")
            for number in range(4):
                await until(lambda: consumer._inbox.ready >= 40, message="nothing is fetched")
                consumer.pause([TopicPartition(made, number)])
                if consumer._inbox.parked + consumer._inbox.ready > 100:
                    pytest.fail(f"{consumer._inbox.parked} records are set aside")
                if number == 3:
                    break
            consumer.resume(consumer.assignment())
            found = await receive(consumer, 800)

    assert sorted(found) == sorted([b"%d" % n for n in range(200)] * 4)


async def test_commits_in_a_rebalance_fail_harmlessly_and_go_on_after_it(quick, name):
    here = TopicPartition(name, 0)
    await publish(quick, name, b"a", b"b")
    async with member(quick, name, name) as consumer:
        await receive(consumer, 2)
        stop, failures = asyncio.Event(), 0

        async def commit_without_end() -> None:
            nonlocal failures
            while not stop.is_set():
                try:
                    await consumer.commit({here: Position(1)})
                except BrokerError:
                    failures += 1
                    await asyncio.sleep(0)

        committing = asyncio.create_task(commit_without_end())
        for _ in range(3):
            async with member(quick, name, name, listener=(other := Remembers())) as second:
                await until(
                    lambda: other.told or consumer.assignment(),
                    message="no rebalance",
                )
                del second
        await until(consumer.assignment, message="not back")
        stop.set()
        await committing

        await consumer.commit({here: Position(2)})


async def test_a_result_of_an_earlier_assignment_is_not_committed(quick):
    async with topic(quick, partitions=2) as made:
        both = {TopicPartition(made, 0), TopicPartition(made, 1)}
        async with member(quick, made, made) as first:
            await until(lambda: first.assignment() == both, message="no assignment")
            async with member(quick, made, made) as second:
                await until(lambda: len(second.assignment()) == 1, message="no sharing")
                await until(lambda: len(first.assignment()) == 1, message="no sharing")
                (moved,) = second.assignment()
                await second.commit({moved: Position(7, "the owner's")})

                with pytest.raises(BrokerError, match="not ours"):
                    await first.commit({moved: Position(3, "stale")})
                with pytest.raises(BrokerError, match="not ours"):
                    first.membership([moved])

        listener = Remembers()
        async with member(quick, made, made, listener=listener):
            await until(lambda: len(listener.positions) == 2, message="no assignment")
        assert listener.positions[moved] == Position(7, "the owner's")


async def test_records_polled_under_an_earlier_assignment_are_dropped(quick, name):
    async with member(quick, name, name) as consumer:
        await until(consumer.assignment, message="no assignment")
        here = TopicPartition(name, 0)
        await publish(quick, name, b"a")
        assert await receive(consumer, 1) == [b"a"]
        old = consumer._epoch

        consumer.on_lost(old + 1, [here])
        consumer.on_assigned(old + 2, {here: None})
        stale = [Polled(here, 0, list(await _scan(quick, name)))]
        consumer._poller._relay.handed += 1
        consumer.take_in(old, stale)

        assert consumer._inbox.ready == 0
        consumer._epoch = old


async def _scan(settings: Settings, name: str) -> list:
    return [one async for one in KafkaBroker(settings).reader().scan(Span(name))]


async def test_a_revocation_beyond_its_budget_is_cut_short_and_others_go_on(kafka_servers):
    hasty = settings_for(kafka_servers, rebalance_budget_ms=300)
    async with topic(hasty, partitions=2) as made:
        slow = Remembers()
        slow.linger = asyncio.Event()
        async with member(hasty, made, made, listener=slow) as first:
            await until(lambda: len(first.assignment()) == 2, message="no assignment")
            async with member(hasty, made, made) as second:
                await until(lambda: len(second.assignment()) == 1, message="the group is held up")
                assert slow.cancelled
                slow.linger = None


async def test_a_publisher_without_a_broker_says_so_and_leaves_nothing_behind():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        nowhere = settings_for(
            f"127.0.0.1:{reserved.getsockname()[1]}", kafka_request_timeout_ms=1_000
        )
        broker, before = KafkaBroker(nowhere), set(threading.enumerate())
        for start in (
            broker.publisher().start,
            broker.transactional_publisher("t").start,
            lambda: broker.consumer(group="g", topics=["t"]).start(Remembers()),
            broker.admin().topics,
        ):
            with pytest.raises(BrokerError, match=r"127\.0\.0\.1:\d+.*broker up") as failure:
                await start()
            assert not isinstance(failure.value, BrokerFullError)

        def left() -> list[threading.Thread]:
            return [
                one
                for one in threading.enumerate()
                if one not in before and not one.name.startswith("hookline-")
            ]

        await until(lambda: not left(), message=lambda: f"still running: {left()}")


async def test_a_zombie_in_the_middle_of_a_transaction_is_fenced_and_its_successor_is_not(
    quick, name
):
    written, taken_over = threading.Event(), threading.Event()

    class Zombie(KafkaTransactor):
        _first: Untyped

        def _send(self, record: Outgoing) -> object:
            if record.value == b"late":
                self._first.get(timeout=10)
                written.set()
                taken_over.wait(60)
            future = super()._send(record)
            self._first = future
            return future

    zombie = TransactionPublisher(quick, "zombie", Zombie(quick, f"{name}-tx"))
    successor = KafkaBroker(quick).transactional_publisher(f"{name}-tx")
    await zombie.start()
    records = [Outgoing(name, b"k", b"early"), Outgoing(name, b"k", b"late")]
    transacting = asyncio.create_task(zombie.transact(records))
    await until(written.is_set, message="the zombie wrote nothing")
    await successor.start()
    taken_over.set()

    with pytest.raises(FencedError, match="taken over"):
        await transacting
    await successor.transact([Outgoing(name, b"k", b"successor")])

    assert [one.value for one in await _scan(quick, name)] == [b"successor"]
    await zombie.close()
    await successor.close()


async def test_a_member_that_was_thrown_out_cannot_commit_in_a_transaction(
    quick, name, monkeypatch
):
    here = TopicPartition(name, 0)
    await publish(quick, name, b"a")
    publisher = KafkaBroker(quick).transactional_publisher(f"{name}-tx")
    await publisher.start()
    listener = Remembers()
    async with member(quick, name, name, listener=listener) as consumer:
        await receive(consumer, 1)
        stale = consumer.membership([here])
        async with member(quick, name, name, listener=(other := Remembers())):
            await until(
                lambda: listener.told.count("revoked") or other.told, message="no rebalance"
            )
        await until(
            lambda: listener.told[-1] == "assigned" and len(listener.told) > 2, message="not back"
        )
        monkeypatch.setattr(consumer, "membership", lambda _: stale)

        with pytest.raises(BrokerError, match="no longer in") as failure:
            await publisher.transact([Outgoing(name, b"k", b"x")], {here: Position(1)}, consumer)

        assert not isinstance(failure.value, FencedError)
        await publisher.transact([Outgoing(name, b"k", b"fine")])
    await publisher.close()
    assert [one.value for one in await _scan(quick, name)] == [b"a", b"fine"]
