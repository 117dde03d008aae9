"""What the tests of the Kafka adapter share: a listener that remembers, topics that go away."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Collection, Mapping

from runtime.bridge.member import GroupMember
from runtime.broker import Outgoing, Position, TopicConfig, TopicPartition
from runtime.kafka import KafkaBroker
from runtime.settings import Settings


class Remembers:
    """A rebalance listener that notes what it was told, and may linger in a revocation."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.positions: dict[TopicPartition, Position | None] = {}
        self.linger: asyncio.Event | None = None
        self.cancelled = False

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        self.positions = dict(positions)
        self.told.append("assigned")

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.told.append("revoked")
        if self.linger is not None:
            try:
                await self.linger.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        self.told.append("lost")


def settings_for(servers: str, **changes: object) -> Settings:
    """Short timeouts; bounds of `Settings` that only protect operators do not bind tests."""
    settings = Settings.model_validate(
        {
            "kafka_bootstrap_servers": servers,
            "kafka_session_timeout_ms": 6_000,
            "kafka_request_timeout_ms": 5_000,
            "publish_wait_ms": 1_000,
        }
    )
    return settings.model_copy(update=changes)


@contextlib.asynccontextmanager
async def topic(settings: Settings, partitions: int = 1) -> AsyncIterator[str]:
    """A topic of one's own, deleted afterwards."""
    name = f"t-{uuid.uuid4().hex[:10]}.topic"
    admin = KafkaBroker(settings).admin()
    await admin.create([TopicConfig(name, partitions, {})], 1)
    try:
        yield name
    finally:
        await admin.delete([name])
        await admin.close()


@contextlib.asynccontextmanager
async def member(
    settings: Settings, group: str, *topics: str, listener: Remembers | None = None
) -> AsyncIterator[GroupMember]:
    """A started consumer, closed afterwards."""
    consumer = KafkaBroker(settings).consumer(group=group, topics=topics)
    await consumer.start(listener or Remembers())
    try:
        yield consumer
    finally:
        await consumer.close()


async def publish(settings: Settings, name: str, *values: bytes, partition: int = 0) -> None:
    """Write by a publisher of its own."""
    publisher = KafkaBroker(settings).publisher()
    await publisher.start()
    try:
        await publisher.publish_all([Outgoing(name, b"k", one, (), partition) for one in values])
    finally:
        await publisher.close()


async def receive(consumer: GroupMember, count: int, within: float = 90.0) -> list[bytes]:
    """The next values, at least so many."""
    found: list[bytes] = []
    async with asyncio.timeout(within):
        while len(found) < count:
            found += [one.value or b"" for one in await consumer.receive()]
    return found
