"""A broker that is paused, killed or damaged: what was acknowledged stays, what waits is bounded."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from runtime.broker import Outgoing, Span
from runtime.kafka import KafkaBroker
from runtime.local_broker import JvmBroker
from runtime.settings import Settings
from schemas.errors import BrokerError, BrokerFullError, ConfigurationError
from tests.kafka_rig import Remembers, member, publish, receive, settings_for, topic
from tests.waiting import until

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def node() -> Iterator[JvmBroker]:
    """One node for all of these; each test leaves it running."""
    try:
        with JvmBroker(os.environ) as broker:
            yield broker
    except ConfigurationError as error:
        pytest.skip(str(error))


@pytest.fixture
def quick(node: JvmBroker) -> Settings:
    return settings_for(node.bootstrap_servers)


@pytest.fixture
async def name(quick: Settings) -> AsyncIterator[str]:
    async with topic(quick) as made:
        yield made


class _Byte:
    """One byte of a partition's log on the node's disk."""

    def __init__(self, node: JvmBroker, name: str, needle: bytes) -> None:
        (self._path,) = Path(node.data_dir).glob(f"{name}-0/*.log")
        raw = self._path.read_bytes()
        self._at = raw.index(needle)
        self._sound = raw[self._at]

    def damage(self) -> None:
        self._write(self._sound ^ 0xFF)

    def mend(self) -> None:
        self._write(self._sound)

    def _write(self, byte: int) -> None:
        with self._path.open("r+b") as file:
            file.seek(self._at)
            file.write(bytes([byte]))


async def test_a_wrong_checksum_rebuilds_the_consumer_and_the_record_is_never_delivered_wrong(
    node, quick, name
):
    for value in (b"sound", b"damaged-on-disk", b"behind"):
        await publish(quick, name, value)
    byte = _Byte(node, name, b"damaged-on-disk")
    byte.damage()
    listener = Remembers()
    async with member(quick, name, name, listener=listener) as consumer:
        found = await receive(consumer, 1)
        await until(lambda: "lost" in listener.told, message="no rebuild")
        byte.mend()
        while b"behind" not in found:
            found += await receive(consumer, 1)

    assert set(found) == {b"sound", b"damaged-on-disk", b"behind"}
    assert found[-3:] == [b"sound", b"damaged-on-disk", b"behind"]


async def test_a_consumer_that_is_built_anew_gets_its_partitions_each_time(quick, name):
    await publish(quick, name, b"a")
    listener = Remembers()
    async with member(quick, name, name, listener=listener) as consumer:
        for times in range(1, 11):

            def assigned_again(times: int = times) -> bool:
                return listener.told.count("assigned") == times

            await until(assigned_again, message=f"nothing assigned after {times - 1} rebuilds")

            def fail(*_: object, **__: object) -> None:
                raise ValueError("again")

            await receive(consumer, 1)
            consumer._poller.client.raw.poll = fail


async def test_a_publisher_without_its_broker_stays_within_its_bounds_and_then_goes_on(
    node, quick, name
):
    bounded = quick.model_copy(
        update={
            "publish_buffer_records": 100,
            "publish_wait_ms": 300,
            "kafka_delivery_timeout_ms": 60_000,
        }
    )
    publisher = KafkaBroker(bounded).publisher()
    await publisher.start()
    await publisher.publish(Outgoing(name, b"k", b"warm"))
    node.pause()
    try:
        tasks = [
            asyncio.create_task(publisher.publish(Outgoing(name, b"k", b"%d" % n)))
            for n in range(300)
        ]
        await until(lambda: sum(task.done() for task in tasks) == 200, message="none is refused")
        refused = [task.exception() for task in tasks if task.done()]
        assert {type(error) for error in refused} == {BrokerFullError}
        assert "100 records" in str(refused[0])
        assert publisher.waiting[0] == 100
    finally:
        node.resume()

    await until(lambda: all(task.done() for task in tasks), message="it does not go on")
    places = [task.result() for task in tasks if task.exception() is None]
    assert len(set(places)) == 100
    assert publisher.waiting == (0, 0)
    await publisher.publish(Outgoing(name, b"k", b"again"))
    await publisher.close()


async def test_the_bound_holds_for_bytes_too(node, quick, name):
    bounded = quick.model_copy(update={"publish_buffer_bytes": 10_000, "publish_wait_ms": 200})
    publisher = KafkaBroker(bounded).publisher()
    await publisher.start()
    await publisher.publish(Outgoing(name, b"k", b"warm"))
    node.pause()
    try:
        records = [Outgoing(name, b"k", bytes(1_000))] * 50
        with pytest.raises(BrokerFullError, match="bytes"):
            await publisher.publish_all(records)
        assert 5_000 < publisher.waiting[1] <= 10_000
        with pytest.raises(BrokerFullError, match="HOOKLINE_PUBLISH_BUFFER_BYTES"):
            await publisher.publish(Outgoing(name, b"k", bytes(20_000)))
    finally:
        node.resume()
    await until(lambda: publisher.waiting == (0, 0), message="it does not go on")
    await publisher.close()


async def test_a_topic_nobody_knows_blocks_only_its_own_caller_while_the_broker_is_paused(
    node, quick, name
):
    publisher = KafkaBroker(quick).publisher()
    await publisher.start()
    node.pause()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    try:
        with pytest.raises(BrokerError, match=name):
            await publisher.publish(Outgoing(name, b"k", b"v"))
        assert turns > 10
        assert publisher.waiting == (0, 0)
    finally:
        counting.cancel()
        node.resume()
    await publisher.publish(Outgoing(name, b"k", b"v"))
    await publisher.close()


async def test_a_record_that_is_not_acknowledged_in_time_fails_and_the_next_one_works(
    node, quick, name
):
    hasty = quick.model_copy(update={"kafka_delivery_timeout_ms": 1_000})
    publisher = KafkaBroker(hasty).publisher()
    await publisher.start()
    await publisher.publish(Outgoing(name, b"k", b"warm"))
    node.pause()
    try:
        with pytest.raises(BrokerError):
            await publisher.publish(Outgoing(name, b"k", b"too late"))
        assert publisher.waiting == (0, 0)
    finally:
        node.resume()

    async def works() -> bool:
        try:
            await publisher.publish(Outgoing(name, b"k", b"again"))
        except BrokerError:
            return False
        return True

    await until(works, message="the publisher does not recover")
    await publisher.close()


async def test_a_batch_that_ran_out_of_time_is_never_part_of_a_committed_transaction(
    node, quick, name
):
    hasty = quick.model_copy(update={"kafka_delivery_timeout_ms": 1_000})
    publisher = KafkaBroker(hasty).transactional_publisher(f"{name}-tx")
    await publisher.start()
    await publisher.transact([Outgoing(name, b"k", b"warm")])
    node.pause()
    transacting = asyncio.create_task(publisher.transact([Outgoing(name, b"k", b"lost")] * 3))
    await asyncio.wait([transacting], timeout=3)
    node.resume()
    with pytest.raises(BrokerError):
        await transacting

    restarted = KafkaBroker(quick).transactional_publisher(f"{name}-tx")
    await restarted.start()
    await restarted.transact([Outgoing(name, b"k", b"again")])
    found = [one.value async for one in KafkaBroker(quick).reader().scan(Span(name))]
    assert found == [b"warm", b"again"]
    await restarted.close()
    await publisher.close()


async def test_a_service_that_receives_nothing_for_long_stays_in_its_group(node, quick, name):
    strict = quick.model_copy(
        update={
            "kafka_session_timeout_ms": 1_000,
            "kafka_max_poll_interval_ms": 1_500,
            "fetch_buffer_records": 10,
        }
    )
    await publish(quick, name, *(b"%d" % n for n in range(100)))
    listener = Remembers()
    async with member(strict, name, name, listener=listener) as consumer:
        await until(lambda: consumer._inbox.ready >= 10, message="the buffer does not fill")
        never = asyncio.get_running_loop().create_future()
        await asyncio.wait([never], timeout=4)

        assert listener.told == ["assigned"]
        assert await receive(consumer, 100) == [b"%d" % n for n in range(100)]


async def test_a_broker_killed_and_restarted_loses_nothing_acknowledged_and_all_go_on(
    node, quick, name
):
    patient = quick.model_copy(update={"kafka_delivery_timeout_ms": 60_000})
    publisher = KafkaBroker(patient).publisher()
    tables, table = KafkaBroker(patient).tables(), []
    await publisher.start()
    tables.follow(name, lambda _key, value, _record: table.append(value))
    await tables.start()
    acknowledged: list[bytes] = []
    stop = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            batch = [b"%d" % (number + n) for n in range(20)]
            number += len(batch)
            try:
                await publisher.publish_all([Outgoing(name, b"k", one) for one in batch])
            except BrokerError:
                continue
            acknowledged.extend(batch)
            await asyncio.sleep(0)

    async with member(patient, name, name) as consumer:
        writing = asyncio.create_task(write())
        seen: set[bytes] = set()

        async def read() -> None:
            while True:
                seen.update(one.value or b"" for one in await consumer.receive())

        reading = asyncio.create_task(read())
        await until(lambda: len(acknowledged) > 100, message="nothing is written")
        node.kill()
        restarting = threading.Thread(target=node.restart)
        restarting.start()
        before = len(acknowledged)
        await until(lambda: not restarting.is_alive(), within=120, message="no restart")
        await until(lambda: len(acknowledged) > before + 100, message="the publisher stays away")
        stop.set()
        await writing
        await until(lambda: seen.issuperset(acknowledged), message="the consumer stays away")
        await tables.catch_up(name)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    found = [one.value async for one in KafkaBroker(quick).reader().scan(Span(name))]
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found)), "an idempotent producer wrote something twice"
    assert set(table) == set(found)
    await tables.close()
    await publisher.close()
