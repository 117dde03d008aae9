"""The gateway as a process, through faults of the broker and of itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil

from producers.gateway.service import topics_of
from runtime import topics
from runtime.broker import Span
from runtime.kafka import KafkaBroker
from runtime.local_broker.jvm import free_ports
from runtime.registry import registry_from
from runtime.settings import PREFIX, Settings
from schemas.catalog import Catalog
from schemas.codec import Codec
from tests.waiting import until

ROOT = Path(__file__).parents[2]
ADA = {"id": "7", "name": "Ada Lovelace"}
CREATED = {"operation": "created", "after": ADA}


class Gateway:
    """A running `python -m producers.gateway`."""

    def __init__(self, process, port, health_port, session, log):
        self.process, self.session, self.log = process, session, log
        self.url = f"http://127.0.0.1:{port}"
        self.health = f"http://127.0.0.1:{health_port}/health/ready"

    async def post(self, body, path="/events/person", key=None):
        headers = {"Idempotency-Key": key} if key else {}
        async with self.session.post(self.url + path, json=body, headers=headers) as response:
            return response.status, response.headers, await response.json(content_type=None)

    async def get(self, path):
        async with self.session.get(self.url + path) as response:
            return await response.json()

    async def ready(self):
        try:
            async with self.session.get(self.health) as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def answers(self):
        try:
            return bool(await self.get("/openapi.json"))
        except aiohttp.ClientError:
            return False


def environment(servers, prefix, **changes):
    names = {
        "kafka_bootstrap_servers": servers,
        "kafka_request_timeout_ms": 5_000,
        "topic_prefix": prefix,
        "topic_partitions": 3,
        **changes,
    }
    mine = {f"{PREFIX}{name.upper()}": str(value) for name, value in names.items()}
    others = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    return others, mine


async def spawn(others, mine, log):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "producers.gateway", env=others | mine, cwd=ROOT, stderr=log
    )


@asynccontextmanager
async def gateway(servers, prefix, tmp_path, **changes):
    port, health_port = free_ports(2)
    others, mine = environment(
        servers, prefix, gateway_port=port, health_port=health_port, **changes
    )
    path = tmp_path / f"{uuid.uuid4().hex}.log"
    with path.open("wb") as log:
        process = await spawn(others, mine, log)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(90)) as session:
            it = Gateway(process, port, health_port, session, path)
            await until(it.answers, message=path.read_text)
            yield it
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 60)
            except TimeoutError:
                process.kill()
                await process.wait()


@asynccontextmanager
async def system(servers, schemas_dir=None):
    """Topics of the test's own, and what reads their events."""
    values = {"kafka_bootstrap_servers": servers, "topic_prefix": f"t-{uuid.uuid4().hex[:10]}"}
    settings = Settings.model_validate(values | {"topic_partitions": 3, "schemas_dir": schemas_dir})
    catalog = Catalog.load(schemas_dir)
    admin = KafkaBroker(settings).admin()
    try:
        await topics.ensure(admin, topics_of(settings, catalog), replication=1)
        yield settings
        names = [n for n in await admin.topics() if n.startswith(f"{settings.topic_prefix}.")]
        await admin.delete(names)
    finally:
        await admin.close()


async def events(settings, entity="person"):
    """Every event on the entity's topic, in the order read."""
    broker = KafkaBroker(settings)
    tables = broker.tables()
    registry = registry_from(settings, broker.publisher(), tables)
    await tables.start()
    try:
        codec = Codec(Catalog.load(settings.schemas_dir), registry)
        topic = settings.topics.events(entity)
        return [
            codec.decode_event(entity, record.value)
            async for record in broker.reader().scan(Span(topic))
        ]
    finally:
        await tables.close()


def ids_of(answer):
    return [uuid.UUID(item["event_id"]) for item in answer["events"]]


async def answered(it, body, key):
    """As a client does it that is told to come again: a slow broker is asked once more."""
    async with asyncio.timeout(60):
        while (answer := await it.post(body, key=key))[0] == 503:
            pass
    return answer


async def test_nothing_acknowledged_is_lost_while_the_broker_is_away(own_broker, tmp_path):
    servers = own_broker.bootstrap_servers
    bounds = {
        "kafka_delivery_timeout_ms": 4_000,
        "gateway_publish_timeout_ms": 2_000,
        "publish_wait_ms": 1_000,
        "publish_buffer_records": 200,
    }

    def person(number):
        after = {"id": str(number), "name": f"Person {number}", "job_title": "x" * 20_000}
        return {"operation": "created", "after": after}

    async with (
        system(servers) as settings,
        gateway(servers, settings.topic_prefix, tmp_path, **bounds) as it,
    ):
        await until(it.ready)
        before = [await it.post(person(n), key=f"k-{n}") for n in range(10)]
        process = psutil.Process(it.process.pid)
        resident = process.memory_info().rss

        own_broker.pause()
        try:
            during = await asyncio.gather(
                *(it.post(person(n), key=f"k-{n}") for n in range(10, 1_010))
            )
            grown = process.memory_info().rss - resident
            await until(lambda: not_ready(it))
        finally:
            own_broker.resume()
        await until(it.ready, message=lambda: it.log.read_text()[-3_000:])
        after = [await it.post(person(n), key=f"k-{n}") for n in range(1_010)]

        found = await events(settings)

    assert {status for status, _, _ in before} == {202}
    assert {status for status, _, _ in during} == {503}
    assert all(int(headers["Retry-After"]) > 0 for _, headers, _ in during)
    assert grown < 150_000_000
    assert {status for status, _, _ in after} == {202}
    acknowledged = {one for _, _, answer in before + after for one in ids_of(answer)}
    assert len(acknowledged) == 1_010
    assert {event.event_id for event in found} == acknowledged


async def not_ready(it):
    return not await it.ready()


async def test_a_gateway_started_before_the_broker_refuses_until_it_is_there(own_broker, tmp_path):
    servers = own_broker.bootstrap_servers
    async with system(servers) as settings:
        own_broker.kill()
        async with gateway(servers, settings.topic_prefix, tmp_path) as it:
            status, headers, _ = await it.post(CREATED)
            ready = await it.ready()

            own_broker.restart()
            await until(it.ready, message=lambda: it.log.read_text()[-3_000:])
            later, _, _ = await it.post(CREATED)

    assert status == 503
    assert "Retry-After" in headers
    assert ready is False
    assert later == 202


async def test_a_repeat_after_a_crash_has_the_same_event_ids(kafka_servers, tmp_path):
    answers = []
    async with system(kafka_servers) as settings:
        for _ in range(2):
            async with gateway(kafka_servers, settings.topic_prefix, tmp_path) as it:
                await until(it.ready, message=it.log.read_text)
                answers.append(await it.post([CREATED, CREATED], key="k-1"))
                it.process.kill()
                await it.process.wait()
        found = await events(settings)

    assert [status for status, _, _ in answers] == [202, 202]
    first, again = (ids_of(answer) for _, _, answer in answers)
    assert first == again
    assert [event.event_id for event in found] == first + again


async def test_a_second_start_on_the_same_port_says_so_and_ends_with_2(kafka_servers, tmp_path):
    async with (
        system(kafka_servers) as settings,
        gateway(kafka_servers, settings.topic_prefix, tmp_path) as it,
    ):
        port = int(it.url.rsplit(":", 1)[1])
        others, mine = environment(kafka_servers, settings.topic_prefix, gateway_port=port)
        path = tmp_path / "second.log"
        with path.open("wb") as log:
            second = await spawn(others, mine, log)
            code = await asyncio.wait_for(second.wait(), 60)
        await until(it.ready)
        it.process.send_signal(signal.SIGTERM)
        stopped = await asyncio.wait_for(it.process.wait(), 60)

    said = path.read_text()
    assert code == 2
    assert f"port {port} on 127.0.0.1 is already in use" in said
    assert "Traceback" not in said
    assert stopped == 0


async def test_a_new_entity_is_one_new_file(kafka_servers, tmp_path):
    schema = {
        "type": "record",
        "name": "Ticket",
        "namespace": "crm",
        "doc": "A question a customer asked.",
        "fields": [
            {"name": "id", "type": "string", "doc": "Id of the ticket."},
            {"name": "subject", "type": "string", "doc": "What it is about."},
            {"name": "priority", "type": ["null", "int"], "doc": "1 is urgent.", "default": None},
        ],
    }
    directory = tmp_path / "schemas"
    directory.mkdir()
    (directory / "ticket.avsc").write_text(json.dumps(schema))

    async with (
        system(kafka_servers, directory) as settings,
        gateway(kafka_servers, settings.topic_prefix, tmp_path, schemas_dir=directory) as it,
    ):
        await until(it.ready, message=it.log.read_text)
        after = {"id": "T-1", "subject": "Help", "priority": 1}
        status, _, _ = await it.post({"operation": "created", "after": after}, "/events/ticket")
        after["priority"] = "high"
        wrong, _, problem = await it.post(
            {"operation": "created", "after": after}, "/events/ticket"
        )
        described = await it.get("/openapi.json")
        [event] = await events(settings, "ticket")

    assert (status, wrong) == (202, 422)
    assert problem["errors"][0]["pointer"] == "/after/priority"
    assert "/events/ticket" in described["paths"]
    assert described["components"]["schemas"]["ticket"]["required"] == ["id", "subject"]
    assert event.after == {"id": "T-1", "subject": "Help", "priority": 1}
