"""Deliveries in a world without I/O: a broker in memory, a clock one moves, endpoints by script."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from runtime.broker import Consumer, Outgoing
from runtime.health import Health
from runtime.process import Stop
from runtime.secrets import SecretBox, new_key
from runtime.settings import Settings
from schemas.errors import HooklineError
from schemas.records import Action, Definition
from tests.delivery_rig import (
    CATALOG,
    CODEC,
    NOON,
    action_for,
    action_record,
    person_event,
    webhook,
)
from tests.fake_groups import Member
from tests.fakes import InMemoryBroker, VirtualClock
from webhook_service.assembly import Ground, World, assemble, lay_ground
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.render import Request
from webhook_service.send import Sender
from webhook_service.service import WebhookService
from webhook_service.stored import to_spec
from webhook_service.webhook import Webhook

#: What an endpoint does with an attempt: a status, or `timeout`; and how long it takes.
Reaction = tuple[int | str, timedelta]
Script = Callable[[str, int], Reaction]


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt, as the endpoint saw it."""

    url: str
    webhook_id: str
    began: datetime
    ended: datetime
    result: int | str


@dataclass(slots=True)
class Endpoints:
    """A `webhook_service.courier.Sends` that answers by script, in virtual time.

    Attributes:
        of: Scripts of single webhooks; the others follow `script`.
    """

    clock: VirtualClock
    script: Script
    of: dict[str, Script] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    begun: list[tuple[str, datetime]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    _counts: dict[str, int] = field(default_factory=dict)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send(
        self, request: Request, signature: Sequence[tuple[str, str]], deadline: timedelta
    ) -> Answer | NoAnswer:
        webhook_id = dict(signature)["webhook-id"]
        count = self._counts[webhook_id] = self._counts.get(webhook_id, 0) + 1
        script = self.of.get(request.url.rpartition("/")[2], self.script)
        reaction, takes = script(webhook_id, count)
        began = self.clock.now()
        self.begun.append((webhook_id, began))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.clock.sleep(min(takes, deadline))
        finally:
            self.under_way -= 1
        if takes >= deadline:
            reaction = "timeout"
        self.sent.append(Sent(request.url, webhook_id, began, self.clock.now(), reaction))
        took_ms = takes / timedelta(milliseconds=1)
        if isinstance(reaction, str):
            return NoAnswer("timeout", "no answer", 0.0, took_ms)
        return Answer(reaction, {}, b"", whole=True, connect_ms=0.0, total_ms=took_ms)


@dataclass(slots=True)
class Living:
    """A member that runs."""

    service: WebhookService
    ground: Ground
    stop: Stop
    task: asyncio.Task[None]
    telling: asyncio.Task[None]
    consumers: list[Consumer]


class Spying:
    """The broker, remembering the consumers that one member made."""

    def __init__(self, broker: InMemoryBroker, made: list[Consumer]) -> None:
        self._broker = broker
        self._made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def consumer(self, **arguments: Any) -> Consumer:
        consumer = self._broker.consumer(**arguments)
        self._made.append(consumer)
        return consumer


class History:
    """A system whose time passes when told to."""

    def __init__(self, script: Script, *, partitions: int = 2, **changes: Any) -> None:
        values: dict[str, Any] = {
            "topic_partitions": partitions,
            "retry_tiers_ms": (
                timedelta(milliseconds=200),
                timedelta(seconds=1),
                timedelta(seconds=5),
            ),
            "secret_keys": new_key(),
            "webhook_allow_networks": "127.0.0.0/8",
        }
        self.settings = Settings.model_validate(values | changes)
        self.topics = self.settings.topics
        self.clock = VirtualClock(NOON)
        self.broker = InMemoryBroker(clock=self.clock)
        for topic in self.topics.all(CATALOG.entities):
            self.broker.make(topic.name, topic.partitions)
        self.endpoints = Endpoints(self.clock, script)
        self.members: list[Living] = []
        self._versions: dict[str, int] = {}
        self._publisher = self.broker.publisher()
        self._names = 0

    async def save(self, hook: Webhook) -> None:
        await self._publisher.start()
        version = self._versions[hook.id] = self._versions.get(hook.id, 0) + 1
        spec = to_spec(hook, SecretBox(self.settings.secret_keys).seal)
        definition = Definition("webhook", hook.id, version, self.clock.now(), "tests", spec)
        await self._write(self.topics.webhooks, hook.id.encode(), CODEC.encode(definition))

    async def hook(self, id: str = "mirror", **changes: Any) -> None:
        await self.save(webhook(id, f"http://127.0.0.1/{id}", **changes))

    async def act(
        self, record: int, version: int, hook: str = "mirror", event: bytes | None = None
    ) -> Action:
        """An event of a record led to an action; other bytes may stand for the event."""
        action = action_for(person_event(record, version), hook)
        if event is not None:
            action = replace(action, event=event)
        await self._publisher.start()
        await self._publisher.publish(action_record(self.topics.actions, action))
        return action

    async def _write(self, topic: str, key: bytes, value: bytes) -> None:
        await self._publisher.publish(Outgoing(topic, key, value))

    async def join(self) -> Living:
        """One more member."""
        made: list[Consumer] = []
        broker = Spying(self.broker, made)
        self._names += 1
        world = World(
            broker=broker,
            clock=self.clock,
            chance=random.Random(self._names).random,
            seconds=lambda: self.clock.now().timestamp(),
            instance=f"m{self._names}",
        )
        ground = await lay_ground(broker, self.settings)
        publisher = self.broker.transactional_publisher(f"t-{world.instance}")
        await publisher.start()
        box = SecretBox(self.settings.secret_keys)
        sender = cast("Sender", self.endpoints)
        service = assemble(self.settings, world, box, ground, publisher, sender, Health())
        stop = Stop()
        task = asyncio.create_task(service.run(stop))
        telling = asyncio.create_task(ground.board.run())
        member = Living(service, ground, stop, task, telling, made)
        self.members.append(member)
        await self.clock.advance(timedelta())
        return member

    async def leave(self, member: Living) -> None:
        """A member is stopped as by SIGTERM."""
        self.members.remove(member)
        member.stop.request()
        await self.passes(member.task.done, within=timedelta(minutes=5))
        await member.task
        await _cancelled(member.telling)
        await member.ground.close()

    async def kill(self, member: Living) -> None:
        """A member dies as by kill -9."""
        self.members.remove(member)
        dying = [
            asyncio.ensure_future(consumer.vanish())
            for consumer in member.consumers
            if isinstance(consumer, Member) and not consumer.closed
        ]
        await asyncio.sleep(0)
        member.task.cancel()
        # The others are revoked meanwhile, and wait for what they have under way.
        ends = asyncio.gather(*dying, member.task, return_exceptions=True)
        await self.passes(ends.done, within=timedelta(minutes=5))
        await _cancelled(member.telling)
        await member.ground.close()

    async def passes(self, condition: Callable[[], object], within: timedelta) -> None:
        """Let time pass until the condition is true."""
        step, spent = timedelta(milliseconds=50), timedelta()
        while not condition():
            for member in self.members:
                if member.task.done():
                    member.task.result()
                    raise HooklineError("a member ended by itself")
            if spent > within:
                raise AssertionError(f"not within {within}")
            await self.clock.advance(step)
            spent += step

    def delivered(self) -> set[str]:
        """Ids of the actions that were delivered and accounted for."""
        attempts = (
            CODEC.decode_attempt(one.value) for one in self.broker.written(self.topics.attempts)
        )
        return {str(one.action_id) for one in attempts if one.outcome == "delivered"}

    def finished(self) -> set[str]:
        """Ids of the actions that were delivered and accounted for, or are dead letters."""
        dead = self.broker.written(self.topics.dead(self.topics.actions))
        return self.delivered() | {str(CODEC.decode_action(one.value).action_id) for one in dead}

    async def close(self) -> None:
        for member in list(self.members):
            await self.leave(member)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
