"""The receiver over HTTP: endpoints, control, and its own log of arrivals."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from console.receiver import Receiver, application
from runtime.clock import SystemClock
from webhook_service.sign import signer_of

SECRET = "whsec_" + "A" * 43 + "="


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    receiver = Receiver({"sales": SECRET}, SystemClock())
    async with TestClient(TestServer(application(receiver))) as client:
        yield client


def signed(id: str, body: bytes) -> dict[str, str]:
    """The headers that Hookline sends with a body."""
    return dict(signer_of(SECRET).headers(id, SystemClock().now(), body))


async def test_an_endpoint_fails_until_it_is_repaired(client):
    statuses = []
    for status in (503, 200):
        await client.put("/control/sales", json={"status": status})
        answer = await client.post("/hooks/sales", data=b"{}", headers=signed("m1", b"{}"))
        statuses.append(answer.status)

    arrivals = await (await client.get("/arrivals")).json()
    assert statuses == [503, 200]
    assert [(one["webhook_id"], one["verified"], one["answered"]) for one in arrivals] == [
        ("m1", True, 503),
        ("m1", True, 200),
    ]


async def test_an_unknown_endpoint_is_named_with_those_there_are(client):
    answer = await client.post("/hooks/nowhere", data=b"{}")

    assert answer.status == 404
    assert "there is sales" in await answer.text()


@pytest.mark.parametrize("body", [b"", b"[]", b'{"status": "x"}', b'{"status": 99}'])
async def test_a_control_that_asks_for_nothing_is_refused(client, body):
    assert (await client.put("/control/sales", data=body)).status == 400
