"""What has fired is read back behind a transaction that is open still."""

from __future__ import annotations

import asyncio
import json

import pytest

from runtime.broker import Outgoing, Span
from runtime.clock import SystemClock
from runtime.kafka import KafkaBroker
from runtime.process import Stop
from runtime.settings import Settings
from schemas.records import Action, Definition, Firing, firing_key_of
from tests.crm import NOON, catalog, event_id_of, lead_event, workflow_of
from tests.open_transactions import client_of
from tests.waiting import until
from workflow_service.assembly import Ground, lay_ground, run_workflow_service


async def define(ground: Ground, settings: Settings) -> None:
    """A workflow that fires once for each record, and one that fires for every event."""
    for schema in (catalog().definition, catalog().firing, catalog().event("lead")):
        await ground.registry.register(schema)
    topics = settings.topics
    for kind, id, topic, spec in (
        ("webhook", "hook", topics.webhooks, {"id": "hook"}),
        ("workflow", "every", topics.workflows, workflow_of(id="every").manifest()),
        (
            "workflow",
            "once",
            topics.workflows,
            workflow_of(id="once", fire="once_per_record").manifest(),
        ),
    ):
        definition = Definition(kind, id, 1, NOON, "test", json.dumps(spec))  # type: ignore[arg-type]
        value = ground.codec.encode(definition)
        await ground.publisher.publish(Outgoing(topic, id.encode(), value))


async def actions(ground: Ground, settings: Settings) -> list[Action]:
    span = Span(settings.topics.actions, settled=True)
    return [
        ground.codec.decode_action(record.value)
        async for record in KafkaBroker(settings).reader().scan(span)
    ]


@pytest.mark.usefixtures("topics_created")
async def test_a_firing_behind_an_open_transaction_counts(settings: Settings) -> None:
    broker, topics = KafkaBroker(settings), settings.topics
    ground = await lay_ground(broker, settings, catalog())
    slow, quick = (
        broker.transactional_publisher(f"{settings.topic_prefix}-{name}")
        for name in ("slow", "quick")
    )
    stop, running = Stop(), None

    def begin() -> None:
        client_of(slow).begin_transaction()
        client_of(slow).send(topics.firings, b"x", b"w/person/1", partition=0).get(timeout=30)

    try:
        await define(ground, settings)
        await slow.start()
        await quick.start()
        await slow._worker.run(begin)
        firing = Firing("once", 1, "lead", "fired", event_id_of(0), NOON)
        key, value = firing_key_of("once", "lead", "fired"), ground.codec.encode(firing)
        await quick.transact([Outgoing(topics.firings, key, value, (), 0)])
        for partition, (number, record) in enumerate([(1, "fired"), (2, "elsewhere")]):
            event = lead_event(number, id=record)
            value = ground.codec.encode(event)
            await ground.publisher.publish(
                Outgoing(topics.events("lead"), record.encode(), value, (), partition)
            )
        running = asyncio.create_task(
            run_workflow_service(settings, stop, broker, SystemClock(), "one")
        )

        async def elsewhere_is_done() -> bool:
            found = await actions(ground, settings)
            return {one.workflow_id for one in found if one.entity_id == "elsewhere"} == {
                "every",
                "once",
            }

        await until(elsewhere_is_done)
        assert {one.entity_id for one in await actions(ground, settings)} == {"elsewhere"}
        await slow._worker.run(client_of(slow).abort_transaction)

        async def all_done() -> bool:
            return len(await actions(ground, settings)) >= 3

        await until(all_done)
        found = await actions(ground, settings)
    finally:
        stop.request()
        if running is not None:
            await running
        await slow.close()
        await quick.close()
        await ground.close()

    assert sorted((one.workflow_id, one.entity_id) for one in found) == [
        ("every", "elsewhere"),
        ("every", "fired"),
        ("once", "elsewhere"),
    ]
