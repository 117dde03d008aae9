"""A registry that goes away, comes back, or holds what is no Avro, while workflows are matched."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from io import BytesIO
from typing import Any

import fastavro

from runtime.registry import TopicRegistry, rest
from schemas import headers
from schemas.avro import named_schema
from schemas.errors import SchemaError
from schemas.framing import SchemaId
from schemas.records import Event
from tests.crm import catalog, lead_event
from tests.registry_server import RegistryServer
from tests.waiting import until
from tests.workflow_rig import SETTINGS, rig

SECOND = timedelta(seconds=1)


def newer_schema() -> str:
    """The schema of leads' events as a later release may have it: one more field on both sides."""
    schema = json.loads(catalog().event("lead").text)
    lead = next(f for f in schema["fields"] if f["name"] == "before")["type"][1]
    lead["fields"][2:2] = [{"name": "score", "type": ["null", "long"], "default": None}]
    return json.dumps(schema)


def written_by(schema: str, event: Event, **more: object) -> bytes:
    """An event as a writer with that schema writes it, without framing."""
    wide: dict[str, Any] = dataclasses.asdict(event)
    wide["changed_fields"] = list(event.changed_fields)
    wide["after"] |= more
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schema)), wide, strict=True)
    return out.getvalue()


async def test_a_record_of_a_newer_schema_waits_for_the_registry_and_is_matched(monkeypatch):
    monkeypatch.setattr(rest, "_WAITS", ())
    server = RegistryServer()
    newer = newer_schema()
    value = written_by(newer, lead_event(7, title="Engine"), score=9)
    async with server.serving():
        settings = SETTINGS.model_copy(update={"registry_url": server.url})
        number = SchemaId(server.add("crm.LeadEvent", newer))
        async with rig(settings) as system:
            await system.webhook()
            await system.workflow()
            async with system.member() as member:
                await until(lambda: len(member.matcher) == 1, within=10)
                server.failing = 10**6
                await system.publish_raw(number.head + value)
                await system.publish(lead_event(8))

                async def noticed() -> bool:
                    await system.clock.advance(SECOND)
                    return "does not answer" in str(member.health.report())

                await until(noticed, message=lambda: str(member.health.report()))
                assert (system.actions, system.dead(), system.done()) == ([], [], False)

                server.failing = 0

                async def settled() -> bool:
                    await system.clock.advance(SECOND)
                    return system.done()

                await until(settled)

            found = {action.event_id: action for action in system.actions}
            assert system.dead() == []
    assert found.keys() == {lead_event(7).event_id, lead_event(8).event_id}
    # The writer's own bytes travel on: a receiver of the action may know the newer schema.
    assert found[lead_event(7).event_id].event == number.head + value


async def test_an_event_under_a_schema_that_is_no_avro_is_a_dead_letter_and_holds_up_nothing(
    monkeypatch,
):
    async def unusable(self: TopicRegistry, reference: object) -> bool:
        raise SchemaError(f"{reference} is PROTOBUF; only self-contained Avro schemas are read")

    async with rig() as system:
        await system.webhook()
        await system.workflow()
        async with system.member():
            monkeypatch.setattr(TopicRegistry, "catch_up", unusable)
            value = b"\xc3\x01" + bytes(8) + b"x"
            await system.publish_raw(value)
            await system.publish(lead_event(2))
            await until(system.done, within=10)

        (letter,) = system.dead()
        assert [action.event_id for action in system.actions] == [lead_event(2).event_id]
    assert letter.value == value
    assert (headers.ERROR_CLASS, b"unknown-schema") in letter.headers


def test_the_newer_schema_is_another_one():
    assert named_schema(newer_schema()).fingerprint != catalog().event("lead").fingerprint
