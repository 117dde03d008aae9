"""Killed at any moment between request and acknowledgement, an entity service loses nothing."""

import asyncio
import random
import resource
import signal
from collections import defaultdict
from functools import partial
from typing import Any

import aiohttp
import pytest

from runtime.broker import Span
from tests.entity_process import entity_process
from tests.entity_rig import CODEC
from tests.waiting import until

ROUNDS = 8
RECORDS = [f"r{n}" for n in range(6)]
#: Requests of a round before its kill, at most; and seconds after the last of them, at most, so
#: that every step from its arrival to the broker's acknowledgement is hit some time.
MOST_REQUESTS, LONGEST = 60, 0.03


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as opened:
        yield opened


async def events_on(broker, settings):
    """Every event on the topic, in the order of offsets per partition."""
    topic = settings.topics.events("lead")
    return [
        CODEC.decode_event("lead", record.value)
        async for record in broker.reader().scan(Span(topic))
    ]


def has_asked(ledger, many):
    return len(ledger.asked) >= many


class Ledger:
    """What the service answered, and what it may have done without being able to answer."""

    def __init__(self):
        #: Event id -> the record and version that the answer named.
        self.answered = {}
        #: Marks of changes that were asked for, answered or not.
        self.asked = set()
        self._number = 0

    async def change(self, session, base, record_id):
        """One change; a connection that ends with the service is no answer."""
        self._number += 1
        mark = f"m{self._number}"
        self.asked.add(mark)
        path = f"{base}/leads/{record_id}"
        async with session.patch(path, json={"description": mark}) as answer:
            if answer.status != 404:
                assert answer.status == 200, await answer.text()
                self._note(answer, record_id)
                return
        record = {"id": record_id, "title": "x", "description": mark}
        async with session.post(f"{base}/leads", json=record) as answer:
            assert answer.status in {201, 409}, await answer.text()
            if answer.status == 201:
                self._note(answer, record_id)

    def _note(self, answer, record_id):
        version = int(answer.headers["ETag"].strip('"'))
        self.answered[answer.headers["X-Event-Id"]] = (record_id, version)


async def traffic(ledger, session, base):
    """Change records as fast as they are answered, until the service is gone."""

    async def one(record_id):
        while True:
            try:
                await ledger.change(session, base, record_id)
            except (aiohttp.ClientError, OSError):
                return

    await asyncio.gather(*(one(record_id) for record_id in RECORDS for _ in range(2)))


def check(events, ledger):
    """Every answered change has its event; versions are complete and in order; nothing is invented."""
    first = {}
    for event in events:
        first.setdefault(str(event.event_id), event)
    missing = {
        event_id: change
        for event_id, change in ledger.answered.items()
        if event_id not in first or (first[event_id].entity_id, first[event_id].version) != change
    }
    assert missing == {}
    versions, last = defaultdict(list), {}
    for event in first.values():
        versions[event.entity_id].append(event.version)
        assert event.before == last.get(event.entity_id)
        assert event.after["description"] in ledger.asked
        last[event.entity_id] = event.after
    for record_id, seen in versions.items():
        assert seen == list(range(1, len(seen) + 1)), record_id
    return last


async def test_killed_at_random_moments_it_loses_nothing_and_keeps_the_order(
    settings, broker, topics_created, session, tmp_path
):
    chance = random.Random(20_260_101)
    ledger, database = Ledger(), tmp_path / "leads.db"

    for _ in range(ROUNDS):
        async with entity_process(settings, database) as service:
            await service.has_logged("entity.ready")
            working = asyncio.create_task(traffic(ledger, session, service.base))
            enough = len(ledger.asked) + chance.randint(1, MOST_REQUESTS)
            await until(partial(has_asked, ledger, enough))
            await asyncio.sleep(chance.uniform(0, LONGEST))  # the moment is what is drawn
            await service.end(signal.SIGKILL)
            await working

    async with entity_process(settings, database) as service:
        await service.has_logged("entity.ready")
        kept = {}
        for record_id in RECORDS:
            async with session.get(f"{service.base}/leads/{record_id}") as answer:
                if answer.status == 200:
                    kept[record_id] = (await answer.json())["description"]
        # A stop publishes what is left.
        assert await service.end(signal.SIGTERM) == 0
    last = check(await events_on(broker, settings), ledger)

    assert ledger.answered
    assert {key: after["description"] for key, after in last.items()} == kept


async def test_a_full_disk_refuses_clearly_and_room_is_enough_to_go_on(
    settings, broker, topics_created, session, tmp_path
):
    database, ledger = tmp_path / "leads.db", []
    limit = 400_000

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    async with entity_process(settings, database, before=small_files) as service:
        await service.has_logged("entity.ready")

        async def create():
            record = {"title": "x" * 20_000}
            async with session.post(f"{service.base}/leads", json=record) as answer:
                return answer.status, answer.headers.get("X-Event-Id"), await answer.text()

        refused = None
        while refused is None:
            status, event_id, text = await create()
            if status == 201:
                ledger.append(event_id)
                assert len(ledger) < 1_000
            else:
                refused = (status, text)
        assert refused[0] == 503
        assert "database" in refused[1]
        assert "Nothing was changed" in refused[1]
        assert "Traceback" not in refused[1]

        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

        status, event_id, text = await create()
        assert status == 201, text
        ledger.append(event_id)
        assert await service.end(signal.SIGTERM) == 0
        assert not any("exception" in line for line in service.lines)

    published = [str(event.event_id) for event in await events_on(broker, settings)]
    assert set(published) == set(ledger)


async def test_while_the_broker_is_away_changes_are_kept_and_then_published(
    own_broker, session, tmp_path
):
    from runtime import topics  # noqa: PLC0415 - only this test makes its own
    from runtime.kafka import KafkaBroker  # noqa: PLC0415
    from tests.conftest import unique_settings  # noqa: PLC0415

    settings = unique_settings(own_broker.bootstrap_servers)
    broker = KafkaBroker(settings)
    admin = broker.admin()
    await topics.ensure(admin, settings.topics.all(["lead"]), replication=1)
    await admin.close()
    changes: dict[str, Any] = {
        "kafka_delivery_timeout_ms": "2000",
        "kafka_request_timeout_ms": "2000",
        "stop_timeout_ms": "30000",
    }
    async with entity_process(settings, tmp_path / "leads.db", **changes) as service:
        await service.has_logged("entity.ready")
        own_broker.pause()
        try:
            for n in range(20):
                record = {"id": f"{n % 5}", "title": "x"}
                async with session.post(f"{service.base}/leads", json=record) as answer:
                    assert answer.status == (201 if n < 5 else 409)
                async with session.patch(
                    f"{service.base}/leads/{n % 5}", json={"title": f"t{n}"}
                ) as answer:
                    assert answer.status == 200

            async def tells_the_backlog():
                async with session.get(service.health) as answer:
                    assert answer.status == 200
                    report = await answer.json()
                    return "events wait" in report["checks"]["broker"]["detail"]

            await service.has_logged("relay.failed")
            await until(tells_the_backlog)
        finally:
            own_broker.resume()
        await service.has_logged("relay.recovered")
        assert await service.end(signal.SIGTERM) == 0

    events = await events_on(broker, settings)
    first = {event.event_id: event for event in events}.values()
    for record_id in map(str, range(5)):
        versions = [event.version for event in first if event.entity_id == record_id]
        assert versions == [1, 2, 3, 4, 5]


async def test_a_second_start_on_the_same_port_says_so_in_one_line(
    settings, topics_created, tmp_path
):
    async with entity_process(settings, tmp_path / "leads.db") as first:
        await first.has_logged("entity.ready")
        port = first.base.rpartition(":")[2]

        async with entity_process(settings, tmp_path / "leads.db", entity_port=port) as second:
            assert await asyncio.wait_for(second.process.wait(), 60) == 2
            await second.end(signal.SIGKILL)

        [line] = second.said
        assert f"port {port}" in line
        assert "HOOKLINE_ENTITY_PORT" in line


async def test_two_services_on_one_database_publish_each_record_in_order(
    settings, broker, topics_created, session, tmp_path
):
    ledger, database = Ledger(), tmp_path / "leads.db"
    async with (
        entity_process(settings, database) as first,
        entity_process(settings, database) as second,
    ):
        await first.has_logged("entity.ready")
        await second.has_logged("entity.ready")
        for service in (first, second):
            for record_id in RECORDS:
                await ledger.change(session, service.base, record_id)
        working = [
            asyncio.create_task(traffic(ledger, session, service.base))
            for service in (first, second)
        ]
        await until(lambda: len(ledger.answered) > 60)
        await first.end(signal.SIGKILL)
        answered = len(ledger.answered)
        await until(lambda: len(ledger.answered) > answered + 30)
        await second.end(signal.SIGTERM)
        await asyncio.gather(*working)

    check(await events_on(broker, settings), ledger)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"entity": "leed"}, "lead"),
        ({"entity_database_url": "sqlite:////no/such/place/x.db"}, "no/such/place"),
        ({"topic_prefix": "never-made"}, "never-made.lead.events"),
    ],
    ids=["unknown entity", "no directory", "missing topic"],
)
async def test_what_cannot_run_says_why_in_one_line(settings, tmp_path, changes, says):
    async with entity_process(settings, tmp_path / "leads.db", **changes) as service:
        assert await asyncio.wait_for(service.process.wait(), 60) == 2
        await service.end(signal.SIGKILL)

    [line] = service.said
    assert says in line
    assert not any("exception" in logged for logged in service.lines)


async def test_without_a_broker_at_the_start_it_reads_and_waits(session, tmp_path, unused_tcp_port):
    from tests.conftest import unique_settings  # noqa: PLC0415

    settings = unique_settings(f"127.0.0.1:{unused_tcp_port}")
    async with entity_process(
        settings, tmp_path / "leads.db", kafka_request_timeout_ms="1000"
    ) as service:
        await service.has_logged("broker.waiting")
        async with session.get(f"{service.base}/leads") as answer:
            assert answer.status == 200
        async with session.post(f"{service.base}/leads", json={"title": "x"}) as answer:
            assert answer.status == 503
            assert "Kafka" in await answer.text()
        async with session.get(service.health) as answer:
            assert answer.status == 503
        assert await service.end(signal.SIGTERM) == 0
