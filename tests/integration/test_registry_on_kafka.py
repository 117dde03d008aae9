"""The embedded registry on a real broker."""

from __future__ import annotations

from random import Random

from runtime.registry import TopicRegistry
from schemas.codec import Codec
from schemas.framing import Fingerprint
from tests.strategies import CATALOG, event_of


async def test_what_one_process_registers_another_one_reads(broker, settings, topics_created):
    topic = settings.topics.schemas
    assert topic in [each.name for each in topics_created]
    tables, publisher = broker.tables(), broker.publisher()
    reader = TopicRegistry(publisher, tables, topic)
    writer_tables = broker.tables()
    writer = TopicRegistry(publisher, writer_tables, topic)
    reference = Fingerprint(CATALOG.event("lead").fingerprint)
    try:
        await publisher.start()
        await tables.start()
        await writer_tables.start()
        assert not await reader.catch_up(reference)

        await writer.register(CATALOG.event("lead"))

        assert await reader.catch_up(reference)
        assert reader.find(reference) == CATALOG.event("lead").text
        event = event_of("lead", Random(0))
        data = Codec(CATALOG, writer).encode(event)
        assert Codec(CATALOG, reader).decode_event("lead", data) == event
    finally:
        await tables.close()
        await writer_tables.close()
        await publisher.close()
