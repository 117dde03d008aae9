"""After a rebalance everything that was not committed is received again, kept partitions included."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from runtime.broker import Outgoing, Position, Received, TopicConfig, TopicPartition
from runtime.kafka import KafkaBroker
from runtime.settings import Settings
from tests.waiting import until

RECORDS = 40


class Listening:
    """Counts assignments; commits nothing."""

    def __init__(self) -> None:
        self.assignments = 0

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        self.assignments += 1

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        pass

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        pass


class Receiving:
    """A member that keeps what it receives."""

    def __init__(self, broker: KafkaBroker, group: str, topic: str) -> None:
        self.consumer = broker.consumer(group=group, topics=[topic])
        self.listening = Listening()
        self.records: list[Received] = []

    async def start(self) -> None:
        await self.consumer.start(self.listening)
        self.task = asyncio.create_task(self._receive())

    async def _receive(self) -> None:
        while True:
            self.records += await self.consumer.receive()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})
        await self.consumer.close()


def places(records: list[Received]) -> set[str]:
    return {record.place for record in records}


async def test_what_was_received_and_not_committed_comes_again(settings: Settings) -> None:
    broker, topic = KafkaBroker(settings), f"{settings.topic_prefix}.x"
    group = settings.workflow_group
    admin, publisher = broker.admin(), broker.publisher()
    first, second = (Receiving(broker, group, topic) for _ in range(2))
    try:
        await admin.create([TopicConfig(topic, 2, {})], 1)
        await publisher.start()
        written = await publisher.publish_all(
            [Outgoing(topic, b"k", b"v", (), number % 2) for number in range(RECORDS)]
        )
        everything = {f"{topic}:{one.partition}:{one.offset}" for one in written}
        await first.start()
        await until(lambda: places(first.records) == everything)
        first.records.clear()

        await second.start()

        await until(
            lambda: places(first.records) | places(second.records) == everything,
            message=lambda: f"{len(first.records)} and {len(second.records)} came again",
        )
        assert first.records
        assert second.records
        assert [one.offset for one in first.records] == list(range(RECORDS // 2))
    finally:
        await first.stop()
        await second.stop()
        await publisher.close()
        await admin.delete([topic])
        await admin.close()
