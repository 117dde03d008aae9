"""A scan that must know what is committed, although another transaction is open before it."""

from __future__ import annotations

import asyncio

from runtime.broker import Outgoing, Span, TopicConfig
from runtime.kafka import KafkaBroker
from runtime.settings import Settings
from tests.open_transactions import client_of


async def test_what_was_committed_behind_an_open_transaction_is_seen_once_that_has_ended(
    settings: Settings,
) -> None:
    broker, topic = KafkaBroker(settings), f"{settings.topic_prefix}.x"
    admin = broker.admin()
    slow, quick = (broker.transactional_publisher(f"{topic}-{one}") for one in ("slow", "quick"))

    def begin() -> None:
        client_of(slow).begin_transaction()
        client_of(slow).send(topic, b"open", b"k").get(timeout=30)

    async def scan(*, settled: bool) -> list[bytes | None]:
        span = Span(topic, settled=settled)
        return [record.value async for record in broker.reader().scan(span)]

    try:
        await admin.create([TopicConfig(topic, 1, {})], 1)
        await slow.start()
        await quick.start()
        await slow._worker.run(begin)
        await quick.transact([Outgoing(topic, b"k", b"resolution")])
        assert await scan(settled=False) == []

        scanning = asyncio.create_task(scan(settled=True))
        done, _ = await asyncio.wait({scanning}, timeout=1)
        assert not done
        await slow._worker.run(client_of(slow).abort_transaction)

        assert await scanning == [b"resolution"]
    finally:
        await slow.close()
        await quick.close()
        await admin.delete([topic])
        await admin.close()
