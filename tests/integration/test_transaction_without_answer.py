"""A coordinator's answer that never comes: the client itself would wait for it for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from kafka.producer.transaction_manager import TransactionalRequestResult

from runtime.broker import Outgoing, Position, Span, TopicConfig, TopicPartition
from runtime.kafka import KafkaBroker
from runtime.kafka.transactions import KafkaTransactor
from runtime.settings import Settings
from schemas.errors import BrokerError, FencedError


@pytest.fixture
async def topic(settings: Settings) -> AsyncIterator[str]:
    name, admin = f"{settings.topic_prefix}.x", KafkaBroker(settings).admin()
    try:
        await admin.create([TopicConfig(name, 1, {})], 1)
        yield name
    finally:
        await admin.close()


@pytest.fixture
def impatient(settings: Settings) -> Settings:
    timeouts = {"kafka_delivery_timeout_ms": 1_000, "kafka_transaction_timeout_ms": 1_000}
    return settings.model_copy(update=timeouts)


def never(*_: object) -> TransactionalRequestResult:
    """What a request gives that was lost with its broker."""
    return TransactionalRequestResult()


async def test_a_producer_that_got_no_answer_is_replaced_and_its_transaction_leaves_nothing(
    impatient: Settings, topic: str
) -> None:
    transactor = KafkaTransactor(impatient, f"{topic}-one")
    await asyncio.to_thread(transactor.connect)
    transactor._state.send_offsets_to_transaction = never
    positions = {TopicPartition(topic, 0): Position(1)}

    def write(value: bytes) -> None:
        transactor.transact([Outgoing(topic, b"k", value)], positions, f"{topic}-group")

    with pytest.raises(BrokerError, match="no answer"):
        await asyncio.to_thread(write, b"lost")
    await asyncio.to_thread(write, b"kept")
    await asyncio.to_thread(transactor.disconnect, 5)

    reader = KafkaBroker(impatient).reader()
    assert [record.value async for record in reader.scan(Span(topic))] == [b"kept"]


async def test_a_commit_without_an_answer_ends_the_publisher_because_nobody_knows(
    impatient: Settings, topic: str
) -> None:
    transactor = KafkaTransactor(impatient, f"{topic}-one")
    await asyncio.to_thread(transactor.connect)
    transactor._state.begin_commit = never

    with pytest.raises(FencedError, match="not known"):
        await asyncio.to_thread(transactor.transact, [Outgoing(topic, b"k", b"v")], None, None)
