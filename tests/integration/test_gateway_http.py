"""The gateway over HTTP, before a broker that is ours to switch off."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import asynccontextmanager

import aiohttp
import pytest

from producers.gateway.service import intake_of, listening
from producers.publisher import EventPublisher
from runtime.broker import Acknowledged
from runtime.clock import SystemClock
from runtime.health import Health
from runtime.settings import Settings
from schemas.catalog import Catalog
from schemas.codec import Codec, Fingerprint
from schemas.errors import BrokerError, ConfigurationError
from tests.waiting import until

CATALOG = Catalog.load()
ADA = {"id": "7", "name": "Ada Lovelace"}
CREATED = {"operation": "created", "after": ADA}
JSON = {"Content-Type": "application/json"}


class Shelf:
    """Takes records while it is open; stands for Kafka."""

    def __init__(self):
        self.records = []
        self.fault = None
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = 0

    async def register(self, schema):
        return None

    def reference_of(self, schema):
        return Fingerprint(schema.fingerprint)

    def find(self, reference):
        return None

    async def publish(self, record):
        return (await self.publish_all([record]))[0]

    async def publish_all(self, records):
        self.waiting += 1
        try:
            await self.open.wait()
        finally:
            self.waiting -= 1
        if self.fault:
            raise self.fault
        first = len(self.records)
        self.records += records
        return [Acknowledged(r.topic, 0, first + i) for i, r in enumerate(records)]

    def events(self):
        codec = Codec(CATALOG, self)
        return [codec.decode_event(r.topic.split(".")[1], r.value) for r in self.records]


class Running:
    """A gateway that listens, with what a test needs of it."""

    def __init__(self, url, session, shelf, health):
        self.url, self.session, self.shelf, self.health = url, session, shelf, health

    async def post(self, body, path="/events/person", headers=JSON, key=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = headers if key is None else {**headers, "Idempotency-Key": key}
        async with self.session.post(self.url + path, data=data, headers=headers) as response:
            return response.status, response.headers, json.loads(await response.read())


@asynccontextmanager
async def gateway(**changes):
    values = {"gateway_port": 0, "gateway_publish_timeout_ms": 2_000} | changes
    settings = Settings.model_validate(values)
    health, shelf = Health(["broker"]), Shelf()
    intake = intake_of(settings, CATALOG, SystemClock(), health)
    codec = Codec(CATALOG, shelf)
    intake.use(
        EventPublisher(
            shelf, codec, shelf, SystemClock(), "/t", catalog=CATALOG, topics=settings.topics
        )
    )
    async with (
        listening(settings, CATALOG, intake, health) as port,
        aiohttp.ClientSession() as session,
    ):
        yield Running(f"http://127.0.0.1:{port}", session, shelf, health)


@pytest.fixture
async def running():
    async with gateway() as it:
        yield it


def pointers(problem):
    return [error["pointer"] for error in problem["errors"]]


async def test_one_event_is_published_and_named(running):
    status, _, answer = await running.post(CREATED)

    assert status == 202
    [item] = answer["events"]
    [event] = running.shelf.events()
    assert item == {
        "status": "published",
        "event_id": str(event.event_id),
        "topic": "crm.person.events",
        "partition": 0,
        "offset": 0,
    }
    assert event.after["name"] == "Ada Lovelace"
    assert (event.entity_id, event.operation, event.source) == ("7", "created", "api")
    headers = dict(running.shelf.records[0].headers)
    assert headers["ce_type"] == b"crm.person.created"
    assert headers["ce_id"].decode() == item["event_id"]


async def test_a_batch_is_answered_in_its_order_and_says_what_changed_nothing(running):
    same = {"operation": "updated", "version": 2, "before": ADA, "after": ADA}
    gone = {"operation": "deleted", "version": 3, "before": ADA}

    status, _, answer = await running.post([CREATED, same, gone])

    assert status == 202
    assert [item["status"] for item in answer["events"]] == ["published", "unchanged", "published"]
    assert answer["events"][1]["event_id"] is None
    assert [event.operation for event in running.shelf.events()] == ["created", "deleted"]


async def test_a_batch_with_one_wrong_event_publishes_none(running):
    status, headers, problem = await running.post([CREATED, {**CREATED, "after": {"id": 7}}])

    assert status == 422
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "urn:hookline:problem:invalid-events"
    assert pointers(problem) == ["/1/after/id", "/1/after/name"]
    assert running.shelf.records == []


async def test_an_event_too_large_for_its_topic_is_refused_before_it_is_sent():
    async with gateway(gateway_max_event_bytes=1024) as running:
        wide = {**CREATED, "after": {**ADA, "name": "x" * 2_000}}

        status, _, problem = await running.post([CREATED, wide])

    assert status == 422
    assert pointers(problem) == ["/1"]
    assert "the limit is 1024" in problem["errors"][0]["detail"]
    assert running.shelf.records == []


@pytest.mark.parametrize(
    ("body", "headers", "path", "status", "said"),
    [
        pytest.param(b'{"a"', JSON, "/events/person", 400, "line 1, column 5", id="broken JSON"),
        pytest.param(b"{\xff}", JSON, "/events/person", 400, "not UTF-8", id="broken UTF-8"),
        pytest.param(b"", JSON, "/events/person", 400, "empty", id="no body"),
        pytest.param(CREATED, {}, "/events/person", 415, "Content-Type", id="no media type"),
        pytest.param(
            CREATED, {"Content-Type": "text/plain"}, "/events/person", 415, "text/plain", id="text"
        ),
        pytest.param(
            CREATED,
            {"Content-Type": "application/json; charset=latin-1"},
            "/events/person",
            415,
            "UTF-8",
            id="another charset",
        ),
        pytest.param(
            CREATED, {**JSON, "Content-Encoding": "gzip"}, "/events/person", 415, "gzip", id="gzip"
        ),
        pytest.param(CREATED, JSON, "/events/invoice", 404, "activity, lead", id="unknown entity"),
        pytest.param(CREATED, JSON, "/event/person", 404, "/events/lead", id="unknown path"),
        pytest.param(
            CREATED,
            {**JSON, "Idempotency-Key": "x" * 256},
            "/events/person",
            400,
            "1 to 255",
            id="a long key",
        ),
        pytest.param(
            CREATED, {**JSON, "Idempotency-Key": ""}, "/events/person", 400, "1 to 255", id="no key"
        ),
    ],
)
async def test_what_cannot_be_taken_is_refused_in_one_shape(
    running, body, headers, path, status, said
):
    found, answered, problem = await running.post(body, path, headers)

    assert found == status
    assert answered["Content-Type"] == "application/problem+json"
    assert problem["status"] == status
    assert said in problem["detail"]
    assert running.shelf.records == []


async def test_other_methods_are_named_in_allow(running):
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        async with running.session.request(method, running.url + "/events/person") as response:
            assert response.status == 405
            assert response.headers["Allow"] == "POST"
            assert (await response.json(content_type=None))["status"] == 405


async def test_a_body_above_the_limit_is_refused_announced_or_not():
    async def pieces():
        for _ in range(20):
            yield b"x" * 1_000

    async with gateway(gateway_max_body_bytes=2_000) as running:
        announced, _, problem = await running.post(b"x" * 2_001)
        async with running.session.post(
            running.url + "/events/person", data=pieces(), headers=JSON
        ) as response:
            streamed = response.status

    assert (announced, streamed) == (413, 413)
    assert "2000 bytes" in problem["detail"]


async def test_too_many_events_in_one_request_are_refused():
    async with gateway(gateway_max_batch=2) as running:
        status, _, problem = await running.post([CREATED] * 3)

    assert status == 413
    assert "at most 2" in problem["detail"]


async def test_a_body_that_does_not_come_is_not_waited_for():
    async with gateway(gateway_body_timeout_ms=100) as running:
        port = int(running.url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /events/person HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        line = await asyncio.wait_for(reader.readline(), 30)
        writer.close()
        await writer.wait_closed()

    assert b" 408 " in line


async def test_a_token_is_asked_for_and_the_right_one_lets_in():
    async with gateway(gateway_tokens=("s3cret", "other")) as running:
        without, headers, _ = await running.post(CREATED)
        wrong, _, _ = await running.post(CREATED, headers={**JSON, "Authorization": "Bearer x"})
        right, _, _ = await running.post(CREATED, headers={**JSON, "Authorization": "Bearer other"})
        async with running.session.get(running.url + "/openapi.json") as response:
            described = await response.json()

    assert (without, wrong, right) == (401, 401, 202)
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert described["security"] == [{"token": []}]


async def test_a_repeat_gets_the_first_answer_and_publishes_nothing(running):
    first = await running.post(CREATED, key="k-1")
    again = await running.post(CREATED, key="k-1")

    assert first[0] == again[0] == 202
    assert first[2] == again[2]
    assert "Idempotency-Replayed" not in first[1]
    assert again[1]["Idempotency-Replayed"] == "true"
    assert len(running.shelf.records) == 1


async def test_a_repeat_under_way_waits_for_the_first(running):
    running.shelf.open.clear()
    both = [asyncio.create_task(running.post(CREATED, key="k-1")) for _ in range(2)]
    await until(lambda: running.shelf.waiting == 1)
    other = await running.post([CREATED], key="k-1")

    running.shelf.open.set()
    first, second = await asyncio.gather(*both)

    assert other[0] == 422
    assert other[2]["type"].endswith("idempotency-key-reused")
    assert first[0] == second[0] == 202
    assert first[2] == second[2]
    assert len(running.shelf.records) == 1


async def test_a_key_used_with_another_body_is_refused(running):
    await running.post(CREATED, key="k-1")

    status, _, problem = await running.post([CREATED], key="k-1")

    assert status == 422
    assert problem["type"].endswith("idempotency-key-reused")
    assert len(running.shelf.records) == 1


async def test_a_refused_request_leaves_its_key_free(running):
    wrong = await running.post({"operation": "created"}, key="k-1")
    right = await running.post(CREATED, key="k-1")

    assert (wrong[0], right[0]) == (422, 202)


async def test_after_a_restart_a_repeat_has_the_same_event_ids():
    answers = []
    for _ in range(2):
        async with gateway() as running:
            answers.append(await running.post([CREATED, CREATED], key="k-1"))

    first, again = ([item["event_id"] for item in answer[2]["events"]] for answer in answers)
    assert first == again
    assert len({uuid.UUID(event_id) for event_id in first}) == 2


async def test_an_event_id_of_the_callers_own_is_kept(running):
    own = "9b2f8a54-4c47-4a0e-9b9e-0d5f0a5b0001"

    _, _, answer = await running.post({**CREATED, "event_id": own})

    assert answer["events"][0]["event_id"] == own


async def test_without_the_broker_the_answer_is_503_and_a_repeat_succeeds_later(running):
    running.shelf.fault = BrokerError("no broker at x:9092")

    status, headers, problem = await running.post(CREATED, key="k-1")
    ready_meanwhile = running.health.ready
    running.shelf.fault = None
    again, _, _ = await running.post(CREATED, key="k-1")

    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert problem["detail"] == "no broker at x:9092"
    assert ready_meanwhile is False
    assert again == 202
    assert running.health.ready


async def test_a_broker_that_does_not_answer_is_waited_for_within_the_bound():
    async with gateway(gateway_publish_timeout_ms=100) as running:
        running.shelf.open.clear()

        status, headers, problem = await running.post(CREATED)

        assert status == 503
        assert "Retry-After" in headers
        assert "0.1 s" in problem["detail"]
        assert running.shelf.waiting == 0
        assert not running.health.ready


async def test_more_than_the_budget_under_way_is_refused_at_once():
    async with gateway(gateway_in_flight_bytes=20_000) as running:
        running.shelf.open.clear()
        waiting = [asyncio.create_task(running.post(CREATED)) for _ in range(2)]
        await until(lambda: running.shelf.waiting == 2)

        status, headers, problem = await running.post(CREATED)
        running.shelf.open.set()
        answers = await asyncio.gather(*waiting)

    assert status == 503
    assert problem["type"].endswith("busy")
    assert "Retry-After" in headers
    assert [answer[0] for answer in answers] == [202, 202]


async def test_stopping_finishes_what_is_under_way():
    async with aiohttp.ClientSession() as session:
        async with gateway() as running:
            shelf, health = running.shelf, running.health
            shelf.open.clear()
            mine = Running(running.url, session, shelf, health)
            waiting = asyncio.create_task(mine.post(CREATED))
            await until(lambda: shelf.waiting == 1)
            asyncio.get_running_loop().call_later(0.1, shelf.open.set)
        answer = await waiting

    assert answer[0] == 202
    assert health.report()["checks"]["intake"]["detail"] == "stopping"


async def test_a_fault_of_ours_is_answered_without_a_trace_and_its_key_is_free(
    running, monkeypatch
):
    running.shelf.fault = RuntimeError("a bug with a secret in it")
    status, _, problem = await running.post(CREATED, key="k-1")
    running.shelf.fault = None
    again, _, _ = await running.post(CREATED, key="k-1")

    assert status == 500
    assert "secret" not in json.dumps(problem)
    assert again == 202


async def test_a_second_start_on_the_same_port_is_one_clear_sentence(running):
    port = int(running.url.rsplit(":", 1)[1])

    with pytest.raises(ConfigurationError, match=r"already in use.*HOOKLINE_GATEWAY_PORT"):
        async with gateway(gateway_port=port):
            pass
