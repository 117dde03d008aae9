"""The embedded registry: schemas in a topic, written before their first use."""

from __future__ import annotations

import pytest

from runtime.broker import Outgoing
from runtime.registry import BothRegistries, TopicRegistry, registry_from
from runtime.settings import Settings
from schemas.avro import named_schema
from schemas.codec import Codec
from schemas.errors import ConfigurationError, UnknownSchemaError
from schemas.framing import Fingerprint, SchemaId
from tests.fakes import InMemoryBroker
from tests.strategies import CATALOG

LEAD = CATALOG.event("lead")
MARK = Fingerprint(LEAD.fingerprint)
KEY = LEAD.fingerprint.hex().encode()
TOPIC = "crm.schemas"


@pytest.fixture
def memory() -> InMemoryBroker:
    broker = InMemoryBroker()
    broker.make(TOPIC)
    return broker


async def started(memory: InMemoryBroker) -> TopicRegistry:
    tables = memory.tables()
    publisher = memory.publisher()
    registry = TopicRegistry(publisher, tables, TOPIC)
    await publisher.start()
    await tables.start()
    await registry.start()
    return registry


async def put(memory: InMemoryBroker, key: bytes, value: bytes | None) -> None:
    publisher = memory.publisher()
    await publisher.start()
    await publisher.publish(Outgoing(TOPIC, key, value))


async def test_a_schema_is_written_once_before_it_is_used(memory):
    registry = await started(memory)

    assert await registry.register(LEAD) == await registry.register(LEAD) == MARK
    assert registry.reference_of(LEAD) == MARK
    assert [(r.key, r.value) for r in memory.written(TOPIC)] == [(KEY, LEAD.text.encode())]


async def test_a_schema_that_was_not_registered_has_no_reference(memory):
    registry = await started(memory)

    with pytest.raises(
        ConfigurationError, match=r"crm\.LeadEvent was not registered in crm\.schemas"
    ):
        registry.reference_of(LEAD)


async def test_a_schema_that_another_process_wrote_is_not_written_again(memory):
    await (await started(memory)).register(LEAD)

    assert await (await started(memory)).register(LEAD) == MARK
    assert len(memory.written(TOPIC)) == 1


async def test_an_unknown_fingerprint_is_found_after_catching_up(memory):
    reader = await started(memory)
    codec = Codec(CATALOG, reader)
    newer = named_schema(
        LEAD.text.replace(
            '{"name":"title"',
            '{"name":"score","type":["null","long"],"default":null},{"name":"title"',
        )
    )
    data = Fingerprint(newer.fingerprint).head + b"anything"
    reference = Fingerprint(newer.fingerprint)
    with pytest.raises(UnknownSchemaError) as caught:
        codec.decode_event("lead", data)
    assert caught.value.reference == reference
    assert not await reader.catch_up(reference)

    await (await started(memory)).register(newer)

    assert await reader.catch_up(reference)
    assert reader.find(reference) == newer.text


async def test_a_registrys_id_is_not_its_business(memory):
    registry = await started(memory)

    assert not await registry.catch_up(SchemaId(1))
    assert registry.find(SchemaId(1)) is None


async def test_a_schema_with_other_words_and_the_same_fingerprint_is_the_same(memory):
    await (await started(memory)).register(LEAD)
    other = named_schema(LEAD.text.replace("What the lead is about.", "Its title."))
    registry = await started(memory)

    assert await registry.register(other) == MARK
    assert registry.find(MARK) == LEAD.text


async def test_a_schema_with_another_meaning_and_the_same_fingerprint_is_refused(memory):
    await (await started(memory)).register(LEAD)
    other = named_schema(LEAD.text.replace('"precision":12,"scale":4', '"precision":12,"scale":2'))
    assert other.fingerprint == LEAD.fingerprint

    with pytest.raises(
        ConfigurationError, match=r"fingerprint .*, in which the same bytes have another"
    ):
        await (await started(memory)).register(other)


async def test_a_removal_does_not_make_records_unreadable(memory):
    registry = await started(memory)
    await registry.register(LEAD)

    await put(memory, KEY, None)
    await registry.catch_up(Fingerprint(b"12345678"))

    assert registry.find(MARK) == LEAD.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(KEY, b"\xff", id="not UTF-8"),
        pytest.param(KEY, b"{", id="not JSON"),
        pytest.param(KEY, b'{"type": "record"}', id="not Avro"),
        pytest.param(KEY, b'"string"', id="another schema's key"),
        pytest.param(b"zz", LEAD.text.encode(), id="key is no fingerprint"),
    ],
)
async def test_a_record_that_is_no_schema_is_passed_over(memory, key, value):
    await put(memory, key, value)

    registry = await started(memory)

    assert registry.find(MARK) is None
    assert await registry.register(LEAD) == MARK


def test_the_settings_say_which_registry_it_is(memory):
    embedded = registry_from(Settings(), memory.publisher(), memory.tables())
    rest = registry_from(
        Settings(registry_url="http://registry:8081"), memory.publisher(), memory.tables()
    )

    assert isinstance(embedded, TopicRegistry)
    assert isinstance(rest, BothRegistries)


async def test_with_a_rest_registry_older_fingerprints_are_still_read(memory):
    await (await started(memory)).register(LEAD)
    tables = memory.tables()
    registry = registry_from(
        Settings(registry_url="http://registry:8081"), memory.publisher(), tables
    )
    await tables.start()

    assert registry.find(MARK) == LEAD.text
    assert registry.find(SchemaId(1)) is None
    assert await registry.catch_up(MARK)
