"""Records that nobody expects, through both services as processes: each is accounted for, none stops them.

Also: nothing that a service logs on the way holds a secret or a person's data.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from io import BytesIO
from typing import Any

import fastavro
import pytest

from console.apply import Author, apply
from console.session import Session, opened
from runtime.broker import Headers, Outgoing, Received, Span
from runtime.clock import SystemClock
from runtime.kafka import KafkaBroker
from runtime.manifests import read_texts
from runtime.settings import Settings
from schemas import headers
from schemas.avro import named_schema
from schemas.framing import Fingerprint
from schemas.records import Event
from tests.crm import catalog, event_id_of, lead_event
from tests.processes import environment_of, receiver, service
from tests.waiting import until

SECRET = "whsec_" + "c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Q="
TOKEN, CREDENTIAL, PERSONAL = "query-hush-hush", "header-hush-hush", "told in private"
MANIFESTS = """\
kind: Webhook
id: hook
url: {url}
query: {{token: {token}}}
headers: {{x-api-key: {credential}}}
secret: {secret}
---
kind: Workflow
id: flow
entity: lead
on: [created]
then: [webhook: hook]
"""
#: A fingerprint that no schema here has.
NOBODYS = b"\xc3\x01" + b"\xee" * 8


def newer() -> str:
    """The schema of leads' events as a later release may have it."""
    schema = json.loads(catalog().event("lead").text)
    lead = next(f for f in schema["fields"] if f["name"] == "before")["type"][1]
    lead["fields"][2:2] = [{"name": "score", "type": ["null", "long"], "default": None}]
    return json.dumps(schema)


def by_the_newer(event: Event) -> bytes:
    """The event as a writer of a later release frames and writes it."""
    named = named_schema(newer())
    wide: dict[str, Any] = dataclasses.asdict(event)
    wide["changed_fields"] = list(event.changed_fields)
    wide["after"] |= {"score": 9}
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(named.text)), wide)
    return Fingerprint(named.fingerprint).head + out.getvalue()


async def register_the_newer(session: Session) -> None:
    """Make the newer schema known, as its writer does: before the first record, services running."""
    named = named_schema(newer())
    key = named.fingerprint.hex().encode()
    publisher = await session.publisher()
    await publisher.publish(Outgoing(session.topics.schemas, key, named.text.encode()))


async def write_all(
    session: Session, topic: str, values: Mapping[bytes, bytes | None], partition: int
) -> None:
    publisher = await session.publisher()
    await publisher.publish_all(
        [Outgoing(topic, key, value, (), partition) for key, value in values.items()]
    )


def values_of(dead: list[Received], partition: int) -> list[tuple[bytes | None, bytes | None]]:
    return [(one.key, one.value) for one in dead if one.partition == partition]


async def records(session: Session, topic: str) -> list[Received]:
    return [record async for record in session.reader.scan(Span(topic))]


def text(found: Headers, name: str) -> str:
    return next((value.decode() for key, value in found if key == name), "")


@pytest.mark.usefixtures("topics_created")
async def test_whatever_is_on_the_topics_is_delivered_or_a_dead_letter_and_logged_without_secrets(
    settings: Settings, tmp_path
) -> None:
    variables = environment_of(settings, log_level="debug")
    topics = settings.topics
    leads, actions = topics.events("lead"), topics.actions
    logs = [tmp_path / "workflows.log", tmp_path / "webhooks.log"]
    event = lead_event(1, id="1", title="Engine", description=PERSONAL)
    async with AsyncExitStack() as stack:
        arrivals = await stack.enter_async_context(receiver())
        broker = KafkaBroker(settings)
        session = await stack.enter_async_context(opened(settings, broker))
        manifests = MANIFESTS.format(
            url=arrivals.url, token=TOKEN, credential=CREDENTIAL, secret=SECRET
        )
        await apply(session, read_texts([("m.yaml", manifests)]), Author("test", SystemClock()))
        for module, log in zip(("workflow_service", "webhook_service"), logs, strict=True):
            await stack.enter_async_context(service(variables, module, log))

        publisher = await session.publisher()
        await session.registry.register(catalog().event("lead"))
        mine = session.codec.encode(event)
        broken_text = mine.replace(b"Engine", b"\xff\xfe\xfd\xfc\xfb\xfa")
        assert broken_text != mine
        events = {b"tombstone": None, b"text": broken_text, b"nobody's": NOBODYS + b"x"}
        junk = {b"hook/lead/1": None, b"hook/lead/2": b"\xff\xfe", b"\xff": NOBODYS + b"y"}
        odd = by_the_newer(dataclasses.replace(event, event_id=event_id_of(2)))
        await register_the_newer(session)
        for partition in range(settings.topic_partitions):
            await write_all(session, leads, events, partition)
            await write_all(session, actions, junk, partition)
        await publisher.publish(Outgoing(leads, b"1", odd))
        await publisher.publish(Outgoing(leads, b"1", mine))

        await until(lambda: len(arrivals.bodies) == 2, message=lambda: logs[1].read_text()[-3000:])
        parts = settings.topic_partitions

        async def buried() -> bool:
            dead = [await records(session, topics.dead(topic)) for topic in (leads, actions)]
            return [len(each) for each in dead] == [3 * parts, 3 * parts]

        await until(buried, message="not every record that cannot be read is a dead letter")
        dead_events = await records(session, topics.dead(leads))
        dead_actions = await records(session, topics.dead(actions))
        written = await records(session, actions)

    ids = [uuid.UUID(json.loads(body)["data"]["event_id"]) for body in arrivals.bodies]
    assert ids == [event_id_of(2), event_id_of(1)]
    # What is written by a newer schema travels on as it is; what is sent is what is known here.
    assert any(odd in (record.value or b"") for record in written)
    assert all("score" not in body.decode() for body in arrivals.bodies)
    for partition in range(parts):
        assert values_of(dead_events, partition) == list(events.items())
        # Different keys are settled side by side, so their dead letters come in any order.
        assert sorted(values_of(dead_actions, partition), key=str) == sorted(junk.items(), key=str)
    assert all(text(one.headers, headers.REASON) for one in dead_events + dead_actions)
    key = settings.secret_keys[0].get_secret_value()
    hushed = (SECRET, SECRET.removeprefix("whsec_"), key, TOKEN, CREDENTIAL, PERSONAL)
    for log in logs:
        said = log.read_text()
        assert "Traceback" not in said
        assert [secret for secret in hushed if secret in said] == []
