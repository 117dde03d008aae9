"""A system in memory for tests of the command line: topics, definitions, events, deaths."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import click

from console.apply import Author, apply
from console.catalogs import catalog_of
from console.cli.desk import Desk
from console.cli.root import run
from console.session import Session, opened
from runtime.broker import Headers, Outgoing
from runtime.manifests import read_texts
from runtime.secrets import new_key
from runtime.settings import Settings
from runtime.topics import config_of
from schemas import headers
from schemas.events import event_headers
from schemas.records import Action, Attempt, Event, action_id_of, action_key_of
from tests.fakes import NOON, InMemoryBroker, VirtualClock

SECRET = "whsec_" + "A" * 43 + "="
KEY = new_key()
EVENT_ID = uuid.UUID("0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001")
MANIFESTS = f"""\
kind: Webhook
id: sales
url: http://127.0.0.1:9/hooks/sales?token=hush
entities: [lead]
secret: {SECRET}
headers: {{X-Api-Key: hush}}
---
kind: Webhook
id: standby
url: http://127.0.0.1:9/hooks/standby
secret: {SECRET}
---
kind: Webhook
id: people
url: http://127.0.0.1:9/hooks/people
entities: [person]
secret: {SECRET}
---
kind: Workflow
id: big-lead
entity: lead
on: [created]
only_if: {{field: after.lead_value, at_least: 10000}}
then: [{{webhook: sales}}]
---
kind: Workflow
id: small-lead
entity: lead
on: [created]
only_if: {{field: after.lead_value, less_than: 10000}}
then: [{{webhook: standby}}]
"""


class EagerClock(VirtualClock):
    """A clock on which every sleep passes at once; remembers the sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[timedelta] = []

    async def sleep(self, wait: timedelta) -> None:
        self.slept.append(wait)
        self._now += wait


@dataclass
class Office:
    """A system in memory and a desk at it; every call is one command of its own."""

    environ: dict[str, str] = field(
        default_factory=lambda: {
            "HOOKLINE_TOPIC_PARTITIONS": "2",
            "HOOKLINE_SECRET_KEYS": KEY,
            "HOOKLINE_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
        }
    )
    clock: EagerClock = field(default_factory=EagerClock)

    def __post_init__(self) -> None:
        self.settings = Settings.from_env(self.environ)
        self.topics = self.settings.topics
        self.broker = InMemoryBroker(clock=self.clock)

    def with_topics(self) -> Office:
        """The same with all its topics."""
        for topic in self.topics.all(catalog_of(None).entities):
            self.broker.make(config_of(topic))
        return self

    def call(self, *arguments: str) -> int:
        """Run `hookline` with these arguments; its exit code."""
        desk = Desk(self.environ, lambda _: self.broker, self.clock)
        return run(arguments, self.environ, desk)

    def apply(self, text: str = MANIFESTS) -> None:
        """Save definitions."""

        async def save(session: Session) -> None:
            made = read_texts([("test.yaml", text)])
            await apply(session, made, Author("tester", self.clock), resolve=None)

        self.within(save)

    def within(self, work: Any) -> Any:
        """Do something with a session."""

        async def done() -> Any:
            async with opened(self.settings, self.broker) as session:
                return await work(session)

        return asyncio.run(done())

    def publish(self, *events: Event) -> None:
        """Write events to their topics."""

        async def write(session: Session) -> None:
            publisher = await session.publisher()
            for event in events:
                await session.registry.register(session.catalog.event(event.entity))
                topic = session.topics.events(event.entity)
                value = session.codec.encode(event)
                head = event_headers(event, "/test")
                await publisher.publish(Outgoing(topic, event.entity_id.encode(), value, head))

        self.within(write)

    def act(self, *actions: Action, topic: str | None = None) -> None:
        """Write actions to their topic, or to another."""
        self._write_actions(topic or self.topics.actions, [(action, ()) for action in actions])

    def die(self, *deaths: tuple[Action, Headers]) -> None:
        """Write actions to the dead-letter topic."""
        self._write_actions(self.topics.dead(self.topics.actions), deaths)

    def _write_actions(self, topic: str, written: Sequence[tuple[Action, Headers]]) -> None:
        async def write(session: Session) -> None:
            publisher = await session.publisher()
            await session.registry.register(session.catalog.action)
            await session.registry.register(session.catalog.event("lead"))
            for action, head in written:
                event = session.codec.encode(lead_event(event_id=action.event_id))
                whole = action if action.event else dataclasses.replace(action, event=event)
                key = action_key_of(action.webhook_id, action.entity, action.entity_id)
                await publisher.publish(Outgoing(topic, key, session.codec.encode(whole), head))

        self.within(write)

    def attempt(self, *attempts: Attempt) -> None:
        """Log attempts."""

        async def write(session: Session) -> None:
            publisher = await session.publisher()
            await session.registry.register(session.catalog.attempt)
            for attempt in attempts:
                key, value = str(attempt.action_id).encode(), session.codec.encode(attempt)
                await publisher.publish(Outgoing(session.topics.attempts, key, value))

        self.within(write)


def office() -> Office:
    """A system in memory with topics, webhooks and workflows."""
    return copy.deepcopy(_furnished())


@functools.cache
def _furnished() -> Office:
    """Made once; every test gets a copy."""
    made = Office().with_topics()
    made.apply()
    return made


def lead_event(**changes: Any) -> Event:
    """A lead that was created, with a personal description."""
    values: dict[str, Any] = {
        "event_id": EVENT_ID,
        "entity": "lead",
        "operation": "created",
        "entity_id": "17",
        "version": 1,
        "occurred_at": NOON,
        "source": "api",
        "actor": None,
        "correlation_id": EVENT_ID,
        "causation_id": None,
        "hops": 0,
        "before": None,
        "after": lead(),
        "changed_fields": ("id", "lead_value", "title"),
    }
    return Event(**{**values, **changes})


def lead(**changes: Any) -> dict[str, Any]:
    """A lead's fields, all of them."""
    fields: dict[str, Any] = dict.fromkeys(catalog_of(None).fields("lead"))
    fields |= {"id": "17", "title": "Engine", "description": "told me in private"}
    fields |= {"lead_value": Decimal("12000.0000"), "tags": [], "products": []}
    return fields | {"custom_attributes": {}} | changes


def lead_action(**changes: Any) -> Action:
    """What big-lead makes of the lead's event; `event` is filled in when it is written."""
    values: dict[str, Any] = {
        "action_id": action_id_of(EVENT_ID, "big-lead", 1, 0),
        "event_id": EVENT_ID,
        "entity": "lead",
        "entity_id": "17",
        "operation": "created",
        "workflow_id": "big-lead",
        "workflow_version": 1,
        "action_index": 0,
        "webhook_id": "sales",
        "matched_at": NOON,
        "correlation_id": EVENT_ID,
        "hops": 0,
        "event_topic": "crm.lead.events",
        "event_partition": 0,
        "event_offset": 0,
        "event": b"",
    }
    return Action(**{**values, **changes})


def lead_attempt(**changes: Any) -> Attempt:
    """The first attempt to deliver the lead's action; it was answered with 503."""
    values: dict[str, Any] = {
        "action_id": action_id_of(EVENT_ID, "big-lead", 1, 0),
        "event_id": EVENT_ID,
        "entity": "lead",
        "entity_id": "17",
        "workflow_id": "big-lead",
        "webhook_id": "sales",
        "attempt": 1,
        "method": "POST",
        "url": "http://127.0.0.1:9/hooks/sales",
        "request_headers": {},
        "request_body_bytes": 300,
        "status": 503,
        "error_class": "status",
        "error": "answered 503",
        "response_headers": {},
        "response_body": b"down",
        "started_at": NOON,
        "connect_ms": 1.0,
        "total_ms": 2.0,
        "outcome": "waiting",
        "next_due_at": NOON + timedelta(seconds=5),
    }
    return Attempt(**{**values, **changes})


def death(action: Action, **changes: str) -> tuple[Action, Headers]:
    """An action with the headers of its death, as the webhook service writes them."""
    texts = {
        headers.CONTENT_TYPE: "application/avro",
        headers.WEBHOOK: action.webhook_id,
        headers.WORKFLOW: action.workflow_id,
        headers.ACTION_ID: str(action.action_id),
        headers.ERROR_TOPIC: "crm.actions",
        headers.ERROR_PARTITION: "0",
        headers.ERROR_OFFSET: "4",
        headers.ATTEMPTS: "3",
        headers.LAST_STATUS: "503",
        headers.REASON: "answered 503",
        headers.ERROR_CLASS: "status",
    }
    texts |= changes
    return action, tuple((name, text.encode()) for name, text in texts.items())


def parsed(text: str) -> Any:
    """The one JSON document that a command printed."""
    return json.loads(text)


def commands_of(group: click.Group) -> dict[str, click.Command]:
    """A group's commands, those included that are imported only on use."""
    context = click.Context(group)
    names = group.list_commands(context)
    return {name: found for name in names if (found := group.get_command(context, name))}
