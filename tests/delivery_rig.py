"""What tests of deliveries share: people and their events, actions, webhooks, a receiver with moods."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from runtime.broker import Broker, Outgoing, Received, Span
from runtime.clock import SystemClock
from runtime.process import Stop
from runtime.registry import registry_from
from runtime.secrets import SecretBox
from runtime.settings import Settings
from schemas import headers
from schemas.catalog import Catalog
from schemas.codec import Codec, Fingerprint, Reference
from schemas.records import Action, Attempt, Definition, Event, action_id_of, action_key_of
from schemas.templates import Bodies
from webhook_service.address import networks
from webhook_service.assembly import World, run_webhook_service
from webhook_service.parse import parse_webhook
from webhook_service.stored import to_spec
from webhook_service.webhook import Webhook

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CATALOG = Catalog.load()


class KnowsAll:
    """A `schemas.codec.SchemaSource` for which every schema of the catalog is registered."""

    def reference_of(self, schema: Any) -> Reference:
        return Fingerprint(schema.fingerprint)

    def find(self, reference: Reference) -> str | None:
        return None  # the codec knows its own


CODEC = Codec(CATALOG, KnowsAll())
BODIES = Bodies(CATALOG)


def person_event(number: int = 1, version: int = 1, **changes: Any) -> Event:
    """A person was created; its event id is derived from number and version."""
    before_and_after: dict[str, Any] = {"before": None, "after": person(number)}
    values: dict[str, Any] = {
        "event_id": uuid.uuid5(uuid.NAMESPACE_OID, f"{number}:{version}"),
        "entity": "person",
        "operation": "created",
        "entity_id": f"p{number}",
        "version": version,
        "occurred_at": NOON,
        "source": "api",
        "actor": None,
        "correlation_id": uuid.UUID(int=number),
        "causation_id": None,
        "hops": 0,
        "changed_fields": ("name",),
    }
    return Event(**(values | before_and_after | changes))


def person(number: int) -> dict[str, Any]:
    """The fields of a person."""
    return {
        "id": f"p{number}",
        "name": f"Ada Lovelace {number}",
        "emails": [{"value": f"ada{number}@example.com", "label": "work"}],
        "contact_numbers": None,
        "job_title": 'Countess "of" \\ numbers\n',
        "organization": None,
        "user": None,
        "tags": ["first"],
        "custom_attributes": {},
        "created_at": NOON,
        "updated_at": NOON,
    }


def action_for(
    event: Event, webhook: str, codec: Codec = CODEC, workflow: str = "welcome"
) -> Action:
    """A workflow matched the event."""
    return Action(
        action_id=action_id_of(event.event_id, workflow, 1, 0),
        event_id=event.event_id,
        entity=event.entity,
        entity_id=event.entity_id,
        operation=event.operation,
        workflow_id=workflow,
        workflow_version=1,
        action_index=0,
        webhook_id=webhook,
        matched_at=datetime.now(UTC),
        correlation_id=event.correlation_id,
        hops=event.hops + 1,
        event_topic=f"crm.{event.entity}.events",
        event_partition=0,
        event_offset=0,
        event=codec.encode(event),
    )


def action_record(topic: str, action: Action, codec: Codec = CODEC) -> Outgoing:
    """The action as the workflow service writes it."""
    return Outgoing(
        topic,
        action_key_of(action.webhook_id, action.entity, action.entity_id),
        codec.encode(action),
        (
            (headers.CONTENT_TYPE, headers.AVRO),
            (headers.WEBHOOK, action.webhook_id.encode()),
            (headers.WORKFLOW, action.workflow_id.encode()),
            (headers.ACTION_ID, str(action.action_id).encode()),
        ),
    )


def webhook(id: str, url: str, **changes: Any) -> Webhook:
    """A webhook with a known secret."""
    content = {"id": id, "url": url, "secret": SECRET, **changes}
    return parse_webhook(content, allowed=networks(["127.0.0.0/8"]))


class Rig:
    """A system around the webhook service on some broker: definitions, actions, and what came of them."""

    def __init__(self, broker: Broker, settings: Settings) -> None:
        self.broker = broker
        self.settings = settings
        self.topics = settings.topics
        self.publisher = broker.publisher()
        self.tables = broker.tables()
        self.registry = registry_from(settings, self.publisher, self.tables)
        self.codec = Codec(CATALOG, self.registry)
        self._versions: dict[str, int] = {}
        self._members: list[tuple[Stop, asyncio.Task[None]]] = []

    async def start(self) -> None:
        await self.publisher.start()
        await self.tables.start()
        await self.registry.start()
        schemas = [CATALOG.action, CATALOG.attempt, CATALOG.definition, CATALOG.event("person")]
        for schema in schemas:
            await self.registry.register(schema)

    async def close(self) -> None:
        for member in list(self._members):
            await self.stop(member)
        await self.tables.close()
        await self.registry.close()
        await self.publisher.close()

    async def save(self, hook: Webhook) -> None:
        version = self._versions[hook.id] = self._versions.get(hook.id, 0) + 1
        seal = SecretBox(self.settings.secret_keys).seal
        definition = Definition(
            "webhook", hook.id, version, datetime.now(UTC), "tests", to_spec(hook, seal)
        )
        value = self.codec.encode(definition)
        await self.publisher.publish(Outgoing(self.topics.webhooks, hook.id.encode(), value))

    async def act(self, actions: Sequence[Action]) -> None:
        topic = self.topics.actions
        await self.publisher.publish_all([action_record(topic, one, self.codec) for one in actions])

    def action(self, event: Event, hook: str) -> Action:
        return action_for(event, hook, self.codec)

    async def member(self, instance: str | None = None, **changes: Any) -> tuple[Stop, Any]:
        """A member of the service in this process; `changes` go to its settings."""
        settings = self.settings.model_copy(update=changes)
        stop = Stop()
        world = World(
            broker=self.broker,
            clock=SystemClock(),
            chance=lambda: 0.5,
            seconds=asyncio.get_running_loop().time,
            instance=instance or uuid.uuid4().hex,
        )
        member = (stop, asyncio.create_task(run_webhook_service(settings, stop, world)))
        self._members.append(member)
        return member

    async def stop(self, member: tuple[Stop, Any]) -> None:
        self._members.remove(member)
        stop, task = member
        stop.request()
        await task

    async def records(self, topic: str) -> list[Received]:
        return [record async for record in self.broker.reader().scan(Span(topic))]

    async def attempts(self) -> list[Attempt]:
        found = await self.records(self.topics.attempts)
        return [self.codec.decode_attempt(record.value) for record in found]

    async def dead(self) -> list[Received]:
        return await self.records(self.topics.dead(self.topics.actions))


@asynccontextmanager
async def rigged(broker: Broker, settings: Settings) -> AsyncIterator[Rig]:
    rig = Rig(broker, settings)
    await rig.start()
    try:
        yield rig
    finally:
        await rig.close()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that the receiver got."""

    path: str
    webhook_id: str
    headers: Mapping[str, str]
    body: bytes
    at: float


Mood = Callable[[web.Request, int], "web.Response | float"]


@dataclass(slots=True)
class Receiver:
    """An HTTP server whose paths have moods: a status, or a function of request and count."""

    url: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    moods: dict[str, Any] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, path: str) -> list[Arrival]:
        return [one for one in self.arrivals if one.path == path]

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        now = asyncio.get_running_loop().time()
        path = request.path
        webhook_id = request.headers.get("webhook-id", "")
        self.arrivals.append(Arrival(path, webhook_id, dict(request.headers), body, now))
        count = self._counts[path] = self._counts.get(path, 0) + 1
        mood = self.moods.get(path, 200)
        if mood == "hang":
            await self.release.wait()
            mood = 200
        if callable(mood):
            mood = mood(count)
        if isinstance(mood, web.Response):
            return mood
        return web.Response(status=mood)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{any:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        receiver.release.set()
        await runner.cleanup()


SHORT_RETRY = {"schedule": ["300ms", "300ms"], "jitter": 0}
SECOND = timedelta(seconds=1)
