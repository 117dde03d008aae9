"""The gateway against its own OpenAPI document: what is generated from it is answered as it says."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from producers.gateway.openapi import document
from producers.gateway.service import intake_of, listening
from producers.publisher import EventPublisher
from runtime.clock import SystemClock
from runtime.health import Health
from runtime.settings import Settings
from schemas.catalog import Catalog
from tests.fakes import InMemoryBroker

CATALOG = Catalog.load()
GATEWAY = Settings(gateway_port=0, gateway_max_batch=3)


async def serve(started: asyncio.Future, stop: asyncio.Event) -> None:
    """A gateway before a broker in memory, until told to stop."""
    topics = [topic.name for topic in GATEWAY.topics.all(CATALOG.entities)]
    health = Health()
    intake = intake_of(GATEWAY, CATALOG, SystemClock(), health)
    async with (
        EventPublisher.connect(GATEWAY, broker=InMemoryBroker(topics)) as publisher,
        listening(GATEWAY, CATALOG, intake, health) as port,
    ):
        intake.use(publisher)
        started.set_result(port)
        await stop.wait()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def prepare():
        started, stop = loop.create_future(), asyncio.Event()
        task = asyncio.create_task(serve(started, stop))
        await asyncio.wait({started, task}, return_when=asyncio.FIRST_COMPLETED)
        return await started, stop, task

    async def finish(stop, task):
        stop.set()
        await task

    port, stop, task = asyncio.run_coroutine_threadsafe(prepare(), loop).result(30)
    yield f"http://127.0.0.1:{port}"
    asyncio.run_coroutine_threadsafe(finish(stop, task), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


described = schemathesis.openapi.from_dict(
    json.loads(document(CATALOG, max_batch=GATEWAY.gateway_max_batch, tokens_needed=False)),
    config=schemathesis.Config.from_dict(
        # Too many events in one array are refused as too large a body.
        {"checks": {"negative_data_rejection": {"expected-statuses": [400, 405, 413, 415, 422]}}}
    ),
)


def beyond_json_schema(response) -> bool:
    """Whether a refusal is for what JSON Schema cannot say: equal ids, a key that was used."""
    if response.status_code != 422:
        return False
    problem = response.json()
    if problem["type"].endswith("idempotency-key-reused"):
        return True
    return all("must be equal" in fault["detail"] for fault in problem["errors"])


# A lead has every type of field there is; the other entities' routes are the same code.
@described.include(path_regex="lead|openapi").parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case, url):
    response = case.call(base_url=url)

    acceptance = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
    case.validate_response(
        response, excluded_checks=acceptance if beyond_json_schema(response) else []
    )
