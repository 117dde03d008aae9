"""The relay between a real outbox and a broker that fails on demand."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from producers.outbox import Outbox
from producers.relay import Lane, Relay
from runtime.broker import Acknowledged, Outgoing
from runtime.clock import SystemClock
from runtime.health import Health
from schemas.errors import BrokerError, FencedError
from tests.entity_rig import CODEC, rig
from tests.waiting import until

TOPIC = "crm.lead.events"


class Broker:
    """Takes records; can be away, lose answers, or be held up."""

    def __init__(self) -> None:
        self.written: list[Outgoing] = []
        self.calls: list[list[Outgoing]] = []
        self.failures: list[Exception] = []
        #: Records of a call that arrive although it fails.
        self.arrive_anyway = 0
        self.open = asyncio.Event()
        self.open.set()

    async def publish_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        self.calls.append(list(records))
        await self.open.wait()
        if self.failures:
            self.written += records[: self.arrive_anyway]
            raise self.failures.pop(0)
        self.written += records
        return [Acknowledged(record.topic, 0, n) for n, record in enumerate(records)]

    def events(self):
        return [CODEC.decode_event("lead", record.value) for record in self.written]


@pytest.fixture
async def service(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/x.db") as running:
        yield running


@asynccontextmanager
async def relaying(service, broker, *, batch=100, poll_s=3600.0):
    """A relay at work; it is told of changes only through `news`, unless it polls."""
    outbox, news, health = Outbox(service.database, "lead"), asyncio.Event(), Health()
    relay = Relay(
        outbox,
        broker,
        news,
        clock=SystemClock(),
        health=health,
        lane=Lane("lead", TOPIC, batch, timedelta(seconds=poll_s)),
    )
    running = asyncio.create_task(relay.run())
    try:
        yield relay, outbox, news, health, running
    finally:
        broker.open.set()
        relay.finish()
        await asyncio.gather(running, return_exceptions=True)
        await outbox.close()


async def create(service, *ids):
    for record_id in ids:
        await service.client.post("/leads", json={"id": record_id, "title": "x"})


def first_order(events):
    """Versions per record in the order of their first occurrence."""
    seen = {}
    for event in events:
        versions = seen.setdefault(event.entity_id, [])
        if event.version not in versions:
            versions.append(event.version)
    return seen


async def test_what_waited_before_the_start_is_published(service):
    await create(service, "1", "2")
    broker = Broker()

    async with relaying(service, broker) as (_, outbox, *_rest):
        await until(lambda: len(broker.written) == 2)
        await until(lambda: _empty(outbox))

    record = broker.written[0]
    assert (record.topic, record.key) == (TOPIC, b"1")
    assert dict(record.headers)["ce_type"] == b"crm.lead.created"
    assert CODEC.decode_event("lead", record.value).entity_id == "1"


async def _empty(outbox):
    return (await outbox.backlog()).events == 0


async def test_news_wake_the_relay_without_a_poll(service):
    broker = Broker()
    async with relaying(service, broker) as (_, _outbox, news, *_rest):
        await until(lambda: not news.is_set())
        await create(service, "1")
        assert broker.written == []

        news.set()

        await until(lambda: len(broker.written) == 1)


async def test_what_another_process_commits_is_found_by_the_poll(service):
    broker = Broker()
    async with relaying(service, broker, poll_s=0.02):
        await create(service, "1")

        await until(lambda: len(broker.written) == 1)


async def test_rows_are_marked_only_once_acknowledged(service):
    await create(service, "1", "2")
    broker = Broker()
    broker.open.clear()

    async with relaying(service, broker) as (_, outbox, *_rest):
        await until(lambda: broker.calls)
        assert (await outbox.backlog()).events == 2

        broker.open.set()

        await until(lambda: _empty(outbox))


async def test_while_the_broker_is_away_rows_wait_and_the_service_stays_ready(service):
    await create(service, "1")
    broker = Broker()
    broker.failures = [BrokerError("the broker is away")] * 3

    async with relaying(service, broker) as (_, outbox, _news, health, _running):
        await until(lambda: len(broker.calls) == 2)
        assert health.ready
        detail = health.report()["checks"]["broker"]["detail"]
        assert "1 event waits" in detail
        assert "the broker is away" in detail
        assert (await service.client.post("/leads", json={"title": "y"})).status == 201

        await until(lambda: len(broker.written) == 2)
        await until(lambda: _empty(outbox))
        await until(
            lambda: "no event waits" in health.report()["checks"]["broker"]["detail"],
        )


async def test_an_answer_that_was_lost_repeats_the_same_event_and_keeps_the_order(service):
    await create(service, "1", "2")
    await service.client.patch("/leads/1", json={"title": "y"})
    await service.client.delete("/leads/1")
    broker = Broker()
    broker.failures = [BrokerError("no answer in time")]
    broker.arrive_anyway = 1

    async with relaying(service, broker) as (_, outbox, *_rest):
        await until(lambda: _empty(outbox))

    events = broker.events()
    assert first_order(events) == {"1": [1, 2, 3], "2": [1]}
    assert len(events) == 5
    assert len({event.event_id for event in events}) == 4


async def test_a_records_next_event_waits_for_the_acknowledgement_of_the_last(service):
    await create(service, "1", "2")
    await service.client.patch("/leads/1", json={"title": "y"})
    broker = Broker()
    broker.open.clear()

    async with relaying(service, broker) as (_, outbox, *_rest):
        await until(lambda: broker.calls)
        assert [record.key for record in broker.calls[0]] == [b"1", b"2"]
        broker.open.set()
        await until(lambda: _empty(outbox))

    assert [[record.key for record in call] for call in broker.calls] == [[b"1", b"2"], [b"1"]]


async def test_a_large_backlog_goes_in_batches(service):
    await create(service, *map(str, range(25)))
    broker = Broker()

    async with relaying(service, broker, batch=10) as (_, outbox, *_rest):
        await until(lambda: _empty(outbox))

    assert [len(call) for call in broker.calls] == [10, 10, 5]


async def test_of_two_relays_one_publishes_and_the_other_takes_over(service):
    broker = Broker()
    async with relaying(service, broker, poll_s=0.02) as first:
        await create(service, "1")
        await until(lambda: len(broker.written) == 1)
        async with relaying(service, broker, poll_s=0.02) as second:
            await until(lambda: "another process" in str(second[3].report()))
            await create(service, "2")
            await until(lambda: len(broker.written) == 2)

            first[0].finish()
            await first[4]
            first[1]._turn.give_back()
            await create(service, "3")
            await until(lambda: len(broker.written) == 3)

    assert [event.entity_id for event in broker.events()] == ["1", "2", "3"]


async def test_finishing_publishes_what_waits_and_then_ends(service):
    broker = Broker()
    async with relaying(service, broker) as (relay, outbox, _news, _health, running):
        await create(service, "1", "2", "3")

        relay.finish()
        await running

        assert len(broker.written) == 3
        assert await _empty(outbox)


async def test_finishing_does_not_wait_for_a_broker_that_is_away(service):
    await create(service, "1")
    broker = Broker()
    broker.failures = [BrokerError("away")] * 1_000

    async with relaying(service, broker) as (relay, outbox, _news, _health, running):
        await until(lambda: broker.calls)
        relay.finish()
        await running
        assert (await outbox.backlog()).events == 1


async def test_a_publisher_that_was_fenced_ends_the_relay(service):
    await create(service, "1")
    broker = Broker()
    broker.failures = [FencedError("a successor took over")]

    async with relaying(service, broker) as (*_rest, running):
        with pytest.raises(FencedError):
            await running
