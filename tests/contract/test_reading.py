"""The port's Tables, Reader and Admin: what each sentence of their text promises."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from runtime.broker import Outgoing, Position, Span, TopicConfig, TopicPartition
from schemas.errors import BrokerError, ConfigurationError, IllegalStepError
from tests.contract.conftest import values
from tests.waiting import until


class Seen:
    """A table as its listener builds it."""

    def __init__(self) -> None:
        self.changes: list[tuple[bytes, bytes | None]] = []
        self.offsets: list[int] = []

    def __call__(self, key, value, record) -> None:
        self.changes.append((key, value))
        self.offsets.append(record.offset)


@pytest.fixture
async def tables(world):
    made = world.broker.tables()
    yield made
    await made.close()


async def test_listeners_have_seen_everything_when_the_start_returns(world, tables):
    one, two = await world.topic(cleanup="compact"), await world.topic(cleanup="compact")
    await world.write(one, "1", "2", key="a")
    await world.write(two, "3", key="b")
    first, second, also_first = Seen(), Seen(), Seen()
    tables.follow(one, first)
    tables.follow(two, second)
    tables.follow(one, also_first)

    await tables.start()

    assert first.changes == [(b"a", b"1"), (b"a", b"2")]
    assert also_first.changes == first.changes
    assert second.changes == [(b"b", b"3")]


async def test_an_empty_table_starts_and_none_at_all_too(world, tables):
    topic, seen = await world.topic(cleanup="compact"), Seen()
    tables.follow(topic, seen)
    nothing = world.broker.tables()

    await tables.start()
    await nothing.start()
    await nothing.close()

    assert seen.changes == []


async def test_changes_are_followed_in_order_of_their_offsets(world, tables):
    topic, seen = await world.topic(cleanup="compact"), Seen()
    tables.follow(topic, seen)
    await tables.start()

    await world.write(topic, *map(str, range(100)), key="a")
    publisher = await world.publisher()
    await publisher.publish(Outgoing(topic, b"a", None))
    await until(lambda: len(seen.changes) == 101, message="changes are missing")

    assert seen.changes[-1] == (b"a", None)
    assert seen.offsets == list(range(101))


async def test_catching_up_returns_when_everything_committed_before_was_seen(world, tables):
    topic, seen = await world.topic(cleanup="compact"), Seen()
    tables.follow(topic, seen)
    await tables.start()
    publisher = await world.publisher()

    for n in range(10):
        await publisher.publish(Outgoing(topic, b"k", str(n).encode()))
        await tables.catch_up(topic)
        assert seen.changes[-1] == (b"k", str(n).encode())


async def test_aborted_records_and_markers_neither_show_nor_hold_up_a_table(world, tables):
    topic, seen = await world.topic(cleanup="compact"), Seen()
    publisher = await world.transactional()
    await publisher.transact([Outgoing(topic, b"k", b"yes")])
    with pytest.raises(BrokerError):
        await publisher.transact([Outgoing(topic, b"k", b"no"), Outgoing(topic, b"", b"", (), 9)])
    tables.follow(topic, seen)

    await tables.start()
    assert seen.changes == [(b"k", b"yes")]
    with pytest.raises(BrokerError):
        await publisher.transact([Outgoing(topic, b"k", b"no"), Outgoing(topic, b"", b"", (), 9)])
    await tables.catch_up(topic)

    assert seen.changes == [(b"k", b"yes")]


async def test_a_table_without_a_topic_is_said_at_start(world, tables):
    tables.follow(world.name("missing"), Seen())

    with pytest.raises(ConfigurationError, match="no topic"):
        await tables.start()


async def test_following_after_the_start_or_catching_up_with_a_stranger_is_our_mistake(
    world, tables
):
    topic = await world.topic(cleanup="compact")
    tables.follow(topic, Seen())
    await tables.start()

    with pytest.raises(IllegalStepError):
        tables.follow(topic, Seen())
    with pytest.raises(IllegalStepError):
        await tables.catch_up("elsewhere")


async def scanned(world, span: Span) -> list[str]:
    return [(one.value or b"").decode() async for one in world.broker.reader().scan(span)]


async def test_a_scan_reads_everything_there_is_and_ends(world):
    topic = await world.topic(partitions=2)
    await world.write(topic, "a", "b", partition=0)
    await world.write(topic, "c", partition=1)

    assert sorted(await scanned(world, Span(topic))) == ["a", "b", "c"]
    assert await scanned(world, Span(topic, partition=1)) == ["c"]
    assert await scanned(world, Span(topic, partition=0, offset=1)) == ["b"]
    assert await scanned(world, Span(topic, partition=0, offset=2)) == []


async def test_a_scan_of_an_empty_topic_ends(world):
    assert await scanned(world, Span(await world.topic(partitions=2))) == []


async def test_a_scan_ends_where_markers_or_aborted_records_are_the_last(world):
    topic = await world.topic()
    publisher = await world.transactional()
    await publisher.transact([Outgoing(topic, b"k", b"yes")])
    assert await scanned(world, Span(topic)) == ["yes"]

    with pytest.raises(BrokerError):
        await publisher.transact([Outgoing(topic, b"k", b"no"), Outgoing(topic, b"", b"", (), 9)])

    assert await scanned(world, Span(topic)) == ["yes"]


async def test_a_scan_can_be_bounded_by_time(world):
    topic = await world.topic()
    await world.write(topic, "a")
    (record,) = [one async for one in world.broker.reader().scan(Span(topic))]
    at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    later = at + timedelta(milliseconds=1)

    assert await scanned(world, Span(topic, since=at)) == ["a"]
    assert await scanned(world, Span(topic, since=later)) == []
    assert await scanned(world, Span(topic, until=at)) == []
    assert await scanned(world, Span(topic, since=at, until=later)) == ["a"]


async def test_a_scan_in_batches_gives_the_same_records_and_no_empty_batch(world):
    topic = await world.topic(partitions=2)
    await world.write(topic, *map(str, range(0, 100, 2)), partition=0)
    await world.write(topic, *map(str, range(1, 100, 2)), partition=1)
    (record, *_) = [one async for one in world.broker.reader().scan(Span(topic))]
    later = datetime.fromtimestamp(record.timestamp_ms / 1000 + 3_600, UTC)

    async def batches(span: Span) -> list[list[str]]:
        found = world.broker.reader().scan_batches(span)
        return [[one.value.decode() for one in batch] async for batch in found]

    whole = await batches(Span(topic))

    assert all(whole)
    values = [value for batch in whole for value in batch]
    assert sorted(values, key=int) == [str(n) for n in range(100)]
    assert [v for v in values if int(v) % 2] == [str(n) for n in range(1, 100, 2)]
    assert await batches(Span(topic, until=later)) != []
    assert await batches(Span(topic, since=later)) == []
    assert await batches(Span(topic, partition=0, offset=50)) == []


async def test_a_scan_can_be_left_early(world):
    topic = await world.topic()
    await world.write(topic, *map(str, range(1_000)))

    async with aclosing(world.broker.reader().scan(Span(topic))) as records:
        first = await anext(records)

    assert first.value == b"0"


@pytest.mark.parametrize("span", [Span("missing"), Span("topic", partition=4)], ids=str)
async def test_scanning_what_does_not_exist_is_the_operators_mistake(world, span):
    topic = await world.topic()
    name = topic if span.topic == "topic" else world.name("missing")

    with pytest.raises(ConfigurationError):
        await scanned(world, Span(name, span.partition))


async def test_starts_and_ends_stand_around_what_is_kept(world):
    topic = await world.topic(partitions=2)
    await world.write(topic, "1", "2", partition=1)
    reader = world.broker.reader()

    nothing, something = TopicPartition(topic, 0), TopicPartition(topic, 1)
    assert await reader.starts([topic]) == {nothing: 0, something: 0}
    assert await reader.ends([topic]) == {nothing: 0, something: 2}
    assert await reader.ends([topic], settled=True) == {nothing: 0, something: 2}


async def test_a_tail_gives_what_is_written_after_the_ends_were_asked(world):
    topic = await world.topic(partitions=2)
    await world.write(topic, "before")
    reader = world.broker.reader()
    start = await reader.ends([topic])
    await world.write(topic, "after")

    async with aclosing(reader.tail([topic], start)) as records:
        assert (await anext(records)).value == b"after"
        coming = asyncio.ensure_future(anext(records))
        await world.write(topic, "later")
        assert (await coming).value == b"later"


async def test_a_tail_without_a_start_begins_now(world):
    topic = await world.topic()
    await world.write(topic, "before")
    found: list[bytes] = []

    async def follow() -> None:
        async for record in world.broker.reader().tail([topic]):
            found.append(record.value)  # noqa: PERF401 - it never ends

    following = asyncio.create_task(follow())

    async def write_until_seen() -> bool:
        await world.write(topic, "after")
        return bool(found)

    await until(write_until_seen, message="the tail saw nothing")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert set(found) == {b"after"}


async def test_topics_are_shown_with_their_configuration(world):
    topic = world.name("topic")
    wanted = TopicConfig(topic, 3, {"cleanup.policy": "delete", "retention.ms": "3600000"})

    await world.admin.create([wanted], 1)
    found = (await world.admin.topics())[topic]
    await world.admin.delete([topic])

    assert (found.name, found.partitions) == (topic, 3)
    assert wanted.config.items() <= found.config.items()


async def test_creating_a_topic_that_exists_changes_nothing(world):
    topic, other = await world.topic(partitions=2), world.name("topic")

    await world.admin.create([TopicConfig(topic, 5, {}), TopicConfig(other, 1, {})], 1)
    found = await world.admin.topics()
    await world.admin.delete([other])

    assert found[topic].partitions == 2
    assert other in found


async def test_deleting_what_is_not_there_is_no_mistake(world):
    topic = world.name("topic")
    await world.admin.create([TopicConfig(topic, 1, {})], 1)

    await world.admin.delete([topic, world.name("missing")])

    await until(
        lambda: _is_gone(world, topic),
        message="the topic is still there",
    )


async def _is_gone(world, topic: str) -> bool:
    return topic not in await world.admin.topics()


async def test_lag_is_what_lies_between_the_commit_and_the_end(world):
    topic, group = await world.topic(), world.name("group")
    await world.write(topic, *"abcde")
    consumer, _ = await world.join(group, topic)
    await values(consumer, 5)
    await consumer.commit({TopicPartition(topic, 0): Position(2)})

    assert await world.admin.lag(group) == {TopicPartition(topic, 0): 3}


async def test_a_group_that_is_not_known_has_no_lag(world):
    assert await world.admin.lag(world.name("group")) == {}
