"""The two brokers that keep the same contract: the fake, and the adapter on a real one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping

import pytest

from runtime.broker import (
    Broker,
    Consumer,
    Outgoing,
    Position,
    Publisher,
    Received,
    TopicConfig,
    TopicPartition,
    TransactionalPublisher,
)
from runtime.kafka import KafkaBroker
from runtime.librdkafka import LibrdkafkaBroker
from tests.conftest import unique_settings
from tests.fakes import InMemoryBroker
from tests.waiting import until


class Listener:
    """Records what a consumer is told; a test may hang its own coroutines on it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, frozenset[TopicPartition]]] = []
        self.positions: dict[TopicPartition, Position | None] = {}
        self.on_assigned: Callable | None = None
        self.on_revoked: Callable | None = None

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        self.positions = dict(positions)
        if self.on_assigned is not None:
            await self.on_assigned(positions)
        self.told.append(("assigned", frozenset(positions)))

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.told.append(("revoked", frozenset(partitions)))
        if self.on_revoked is not None:
            await self.on_revoked(partitions)

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        self.told.append(("lost", frozenset(partitions)))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.told]


class World:
    """A broker, and everything that a test makes on it and need not close itself."""

    def __init__(self, broker: Broker, prefix: str, *, real: bool) -> None:
        self.broker = broker
        self.prefix = prefix
        self.real = real
        self.admin = broker.admin()
        self._topics: list[str] = []
        self._open: list[Consumer | Publisher | TransactionalPublisher] = []

    def name(self, word: str) -> str:
        return f"{self.prefix}.{word}-{uuid.uuid4().hex[:6]}"

    async def topic(self, partitions: int = 1, cleanup: str = "delete") -> str:
        topic = self.name("topic")
        await self.admin.create([TopicConfig(topic, partitions, {"cleanup.policy": cleanup})], 1)
        self._topics.append(topic)
        return topic

    async def publisher(self) -> Publisher:
        publisher = self.broker.publisher()
        await publisher.start()
        self._open.append(publisher)
        return publisher

    async def transactional(self, transactional_id: str | None = None) -> TransactionalPublisher:
        publisher = self.broker.transactional_publisher(transactional_id or self.name("tx"))
        await publisher.start()
        self._open.append(publisher)
        return publisher

    async def join(
        self, group: str, *topics: str, listener: Listener | None = None, wait: bool = True
    ) -> tuple[Consumer, Listener]:
        """A started member; with `wait`, one that has got its first assignment."""
        listener = listener or Listener()
        consumer = self.broker.consumer(group=group, topics=topics)
        await consumer.start(listener)
        self._open.append(consumer)
        if wait:
            await until(lambda: "assigned" in listener.names, message="no assignment")
        return consumer, listener

    async def write(self, topic: str, *values: str, key: str = "k", partition: int | None = None):
        publisher = await self.publisher()
        await publisher.publish_all(
            [Outgoing(topic, key.encode(), value.encode(), (), partition) for value in values]
        )

    async def close(self) -> None:
        for one in reversed(self._open):
            await one.close()
        await self.admin.delete(self._topics)
        await self.admin.close()


CLIENTS: dict[str, type[KafkaBroker | LibrdkafkaBroker]] = {
    "on Kafka": KafkaBroker,
    "by librdkafka": LibrdkafkaBroker,
}


@pytest.fixture(
    params=["in memory", *(pytest.param(name, marks=pytest.mark.kafka) for name in CLIENTS)]
)
def client(request) -> type[KafkaBroker | LibrdkafkaBroker] | None:
    """The adapter under test; None for the broker in memory."""
    return CLIENTS.get(request.param)


@pytest.fixture
def servers(request, client) -> str | None:
    """Where the broker under test is; None for the one in memory."""
    return request.getfixturevalue("kafka_servers") if client is not None else None


@pytest.fixture
async def world(servers: str | None, client) -> AsyncIterator[World]:
    """The broker under test."""
    if servers is None:
        world = World(InMemoryBroker(), "t", real=False)
    else:
        settings = unique_settings(servers, publish_wait_ms=2_000)
        world = World(client(settings), settings.topic_prefix, real=True)
    try:
        yield world
    finally:
        await world.close()


async def values(consumer: Consumer, count: int, within: float = 60.0) -> list[str]:
    """The next values, at least so many."""
    found: list[Received] = []
    async with asyncio.timeout(within):
        while len(found) < count:
            found += await consumer.receive()
    return [(one.value or b"").decode() for one in found]
