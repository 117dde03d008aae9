"""What a soak of deliveries runs in: topics, one webhook, members, and actions that are made for it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from runtime import topics
from runtime.broker import Broker, Outgoing, Span
from runtime.clock import SystemClock
from runtime.kafka import KafkaBroker
from runtime.secrets import SecretBox
from runtime.settings import PREFIX, Settings
from schemas import headers
from schemas.catalog import Catalog
from schemas.records import Action, Definition, action_id_of, action_key_of
from soak.fire import _lead
from soak.receiver import Receiver, receiving
from soak.system import Member
from webhook_service.address import networks
from webhook_service.assembly import Ground, lay_ground
from webhook_service.parse import parse_webhook
from webhook_service.stored import to_spec

WEBHOOK = "hook"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of a soak
RETRY = {"schedule": ["200ms"] * 40, "jitter": 0.2}
#: Two members are enough for rebalances.
MEMBERS = ("one", "two")


@dataclass(slots=True)
class Deliveries:
    """A system of deliveries under fire.

    Attributes:
        published: Actions so far; their numbers begin at 0.
    """

    settings: Settings
    broker: Broker
    ground: Ground
    receiver: Receiver
    members: tuple[Member, ...]
    records: int
    published: int = 0
    _event: bytes = field(default=b"", repr=False)

    async def act(self, count: int) -> None:
        """Publish so many actions."""
        numbers = range(self.published, self.published + count)
        records = [self._action(number) for number in numbers]
        self.published += count
        await self.ground.publisher.publish_all(records)

    def _action(self, number: int) -> Outgoing:
        event_id = uuid.UUID(f"50a60000-0000-5000-8000-{number:012x}")
        record = f"lead-{number % self.records:07d}"
        event = _lead(("soak",))
        action = Action(
            action_id=action_id_of(event_id, "soak", 1, 0),
            event_id=event_id,
            entity="lead",
            entity_id=record,
            operation="created",
            workflow_id="soak",
            workflow_version=1,
            action_index=0,
            webhook_id=WEBHOOK,
            matched_at=SystemClock().now(),
            correlation_id=event_id,
            hops=1,
            event_topic=self.settings.topics.events("lead"),
            event_partition=0,
            event_offset=number,
            event=self.ground.codec.encode(event),
        )
        self.receiver.numbers[str(action.action_id)] = number
        key = action_key_of(WEBHOOK, "lead", record)
        own = ((headers.ACTION_ID, str(action.action_id).encode()),)
        return Outgoing(self.settings.topics.actions, key, self.ground.codec.encode(action), own)

    async def lag(self) -> int:
        """Actions whose fate is not committed."""
        admin = self.broker.admin()
        try:
            lags = await admin.lag(self.settings.webhook_group)
        finally:
            await admin.close()
        return sum(
            lag for place, lag in lags.items() if place.topic == self.settings.topics.actions
        )

    async def attempts(self) -> Counter[bytes]:
        """How many attempts are on record, by action id."""
        span = Span(self.settings.topics.attempts, settled=True)
        return Counter([one.key or b"" async for one in self.broker.reader().scan(span)])


def _variables(servers: str, partitions: int) -> dict[str, str]:
    values = {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "KAFKA_SESSION_TIMEOUT_MS": "3000",
        "KAFKA_DELIVERY_TIMEOUT_MS": "120000",
        "TOPIC_PREFIX": "soak",
        "TOPIC_PARTITIONS": str(partitions),
        "RETRY_TIERS_MS": "100,400",
        "SECRET_KEYS": Fernet.generate_key().decode(),
        "WEBHOOK_GROUP": "soak-webhooks",
        "WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
        "LOG_LEVEL": "warning",
    }
    return {f"{PREFIX}{name}": value for name, value in values.items()}


@asynccontextmanager
async def deliveries(
    servers: str, environ: Mapping[str, str], folder: Path, *, records: int, partitions: int
) -> AsyncIterator[Deliveries]:
    """Topics, the webhook, a receiver and members; the processes are ended afterwards."""
    own = _variables(servers, partitions)
    settings, catalog = Settings.from_env(own), Catalog.load()
    broker = KafkaBroker(settings)
    admin = broker.admin()
    try:
        await topics.ensure(admin, settings.topics.all(catalog.entities), replication=1)
    finally:
        await admin.close()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving(records))
        ground = await lay_ground(broker, settings)
        stack.push_async_callback(ground.close)
        for schema in (catalog.definition, catalog.event("lead"), catalog.action):
            await ground.registry.register(schema)
        await _save_webhook(settings, ground, receiver.url)
        outside = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
        members = []
        for name in MEMBERS:
            member = Member(
                {**outside, **own, f"{PREFIX}INSTANCE": name},
                folder / f"{name}.log",
                "webhook_service",
            )
            stack.callback(member.close)
            members.append(member)
        yield Deliveries(settings, broker, ground, receiver, tuple(members), records)


async def _save_webhook(settings: Settings, ground: Ground, url: str) -> None:
    content = {"id": WEBHOOK, "url": url, "secret": SECRET, "retry": RETRY, "concurrency": 32}
    hook = parse_webhook(content | {"breaker": None}, allowed=networks(["127.0.0.0/8"]))
    spec = to_spec(hook, SecretBox(settings.secret_keys).seal)
    definition = Definition("webhook", WEBHOOK, 1, SystemClock().now(), "soak", spec)
    value = ground.codec.encode(definition)
    await ground.publisher.publish(Outgoing(settings.topics.webhooks, WEBHOOK.encode(), value))
