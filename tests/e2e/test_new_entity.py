"""One new `.avsc` file makes an entity: topic, gateway route, workflow validation and payload."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

import aiohttp
import pytest
from standardwebhooks.webhooks import Webhook

from runtime.kafka import KafkaBroker
from runtime.local_broker.jvm import free_ports
from tests.processes import command, environment, receiver, service
from tests.waiting import until

BOAT = {
    "type": "record",
    "name": "Boat",
    "namespace": "harbour",
    "doc": "A boat with a berth.",
    "fields": [
        {"name": "id", "type": "string", "doc": "Id of the boat."},
        {"name": "name", "type": "string", "doc": "What stands on its bow."},
        {
            "name": "length",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
            "doc": "Metres over all.",
        },
    ],
}
SECRET = "whsec_aGFyYm91ci10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5"
DEFINITIONS = """
kind: Webhook
id: harbour-master
url: {url}
secret: {secret}
---
kind: Workflow
id: long-boats
entity: boat
on: [created]
only_if:
  all:
    - {{field: after.{field}, at_least: 10}}
then:
  - webhook: harbour-master
"""


@pytest.fixture
def environ(settings, tmp_path):
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities" / "boat.avsc").write_text(json.dumps(BOAT))
    return environment(
        kafka_bootstrap_servers=",".join(settings.kafka_bootstrap_servers),
        topic_prefix=settings.topic_prefix,
        topic_partitions=3,
        schemas_dir=tmp_path / "entities",
        secret_keys=settings.secret_keys[0].get_secret_value(),
        workflow_group=settings.workflow_group,
        webhook_group=settings.webhook_group,
        webhook_allow_networks="127.0.0.0/8",
        gateway_port=free_ports(1)[0],
    )


@pytest.fixture
async def topics_deleted(settings):
    yield
    admin = KafkaBroker(settings).admin()
    mine = [name for name in await admin.topics() if name.startswith(f"{settings.topic_prefix}.")]
    await admin.delete(mine)
    await admin.close()


async def test_a_new_schema_file_is_all_that_a_new_entity_needs(environ, topics_deleted, tmp_path):
    made = await command(environ, "-m", "console", "topics", "create")
    async with AsyncExitStack() as stack:
        arrivals = await stack.enter_async_context(receiver())
        await command(
            environ, "-m", "console", "apply", "--yes", "-f", _definitions(tmp_path, arrivals.url)
        )
        for module in ("producers.gateway", "workflow_service", "webhook_service"):
            await stack.enter_async_context(service(environ, module, tmp_path / f"{module}.log"))

        gateway = f"http://127.0.0.1:{environ['HOOKLINE_GATEWAY_PORT']}"
        short, long = (
            {"id": id, "name": "Ariel", "length": length}
            for id, length in (("1", "6.50"), ("2", "12.25"))
        )
        async with aiohttp.ClientSession() as session:
            for boat in (short, long):
                event = {"operation": "created", "after": boat}
                async with session.post(f"{gateway}/events/boat", json=event) as answer:
                    assert answer.status == 202, await answer.text()
            async with session.post(
                f"{gateway}/events/boat",
                json={"operation": "created", "after": {"id": "3", "name": 3}},
            ) as answer:
                refused = await answer.json()
        await until(lambda: arrivals.bodies)

        payload = json.loads(arrivals.bodies[0])
        Webhook(SECRET).verify(arrivals.bodies[0], dict(arrivals.headers[0]))
        assert "boat.events" in made
        assert [problem["pointer"] for problem in refused["errors"]] == [
            "/after/name",
            "/after/length",
        ]
        assert payload["type"] == "boat.created"
        assert payload["data"]["after"] == long
        assert len(arrivals.bodies) == 1


async def test_a_workflow_on_the_new_entity_is_checked_against_its_schema(
    environ, topics_deleted, tmp_path
):
    await command(environ, "-m", "console", "topics", "create")
    path = _definitions(tmp_path, "http://127.0.0.1:9/hooks", field="lenght")

    with pytest.raises(AssertionError) as refusal:
        await command(environ, "-m", "console", "apply", "--yes", "-f", path)

    assert "only_if.all[0].field" in str(refusal.value)
    assert "length" in str(refusal.value)


def _definitions(directory, url, field="length"):
    path = directory / "hooks.yaml"
    path.write_text(DEFINITIONS.format(url=url, secret=SECRET, field=field))
    return str(path)
