"""Definitions whose schema is not known yet, while the registry can or cannot be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runtime import definitions
from runtime.broker import Outgoing
from runtime.definitions import DefinitionTable
from schemas.codec import Codec, Fingerprint, Reference
from schemas.errors import BrokerError, ConfigurationError, HooklineError, SchemaError
from schemas.records import Definition
from tests.crm import NOON, catalog
from tests.fakes import InMemoryBroker
from tests.waiting import until

TOPIC = "crm.workflows"
SCHEMA = catalog().definition
#: The schema of a writer that another release may be: an id that no reader has seen yet.
FOREIGN = Fingerprint(b"\x01" * 8)


class Registry:
    """Learns the foreign schema once it may be asked; until then every question fails so."""

    def __init__(self, failure: HooklineError | None = None) -> None:
        self.failure = failure
        self.asked = 0
        self.known = False

    def reference_of(self, schema: object) -> Reference:
        return FOREIGN

    def find(self, reference: Reference) -> str | None:
        return SCHEMA.text if self.known and reference == FOREIGN else None

    async def catch_up(self, reference: Reference) -> bool:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        self.known = True
        return True


class System:
    """A followed table, and a writer of definitions under a schema that the table must learn."""

    def __init__(self, registry: Registry) -> None:
        self.broker = InMemoryBroker()
        self.broker.make(TOPIC)
        self.tables = self.broker.tables()
        self.publisher = self.broker.publisher()
        codec = Codec(catalog(), registry)
        self.encode = codec.encode
        self.table = DefinitionTable(self.tables, TOPIC, codec.decode_definition, registry)

    async def save(self, id: str, version: int = 1) -> None:
        value = self.encode(Definition("workflow", id, version, NOON, "test", "{}"))
        await self.publisher.publish(Outgoing(TOPIC, id.encode(), value))


@asynccontextmanager
async def system(registry: Registry) -> AsyncIterator[System]:
    made = System(registry)
    await made.publisher.start()
    await made.tables.start()
    settling = asyncio.create_task(made.table.keep_settled())
    try:
        yield made
        assert not settling.done(), "the table gave up"
    finally:
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
        await made.tables.close()
        await made.publisher.close()


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "ASK_AGAIN_AFTER_S", 0)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(BrokerError("it is away"), id="away"),
        pytest.param(ConfigurationError("wrong password"), id="refuses us"),
    ],
)
async def test_definitions_wait_for_a_registry_that_cannot_be_asked_and_none_is_lost(failure):
    registry = Registry(failure)
    async with system(registry) as it:
        await it.save("one")
        await it.save("two")
        await until(lambda: registry.asked > 2, within=10)
        assert not it.table.current

        registry.failure = None
        await it.save("three")
        await until(lambda: len(it.table.current) == 3, within=10)

    assert it.table.current.keys() == {"one", "two", "three"}


async def test_who_needs_the_table_now_is_told_that_the_registry_is_away():
    registry = Registry(BrokerError("it is away"))
    async with system(registry) as it:
        await it.save("one")

        with pytest.raises(BrokerError, match="it is away"):
            await it.table.catch_up()
        registry.failure = None
        await it.table.catch_up()

    assert it.table.current.keys() == {"one"}


async def test_catching_up_awaits_what_somebody_else_is_settling_just_now():
    registry = Registry()
    async with system(registry) as it:
        await it.save("one")
        await until(lambda: registry.asked > 0 or it.table._waiting, within=10)

        await it.table.catch_up()

        assert it.table.current.keys() == {"one"}


async def test_a_newer_version_is_not_replaced_by_an_older_one_that_waited():
    registry = Registry(BrokerError("it is away"))
    async with system(registry) as it:
        await it.save("one", 1)
        await it.save("one", 2)
        await until(lambda: registry.asked > 1, within=10)
        registry.failure = None
        await until(lambda: it.table.current, within=10)
        await it.table.catch_up()

    assert it.table.current["one"].version == 2


async def test_a_schema_that_nobody_can_read_by_leaves_the_definitions_behind_it_readable():
    registry = Registry(SchemaError("it refers to others"))
    async with system(registry) as it:
        await it.save("bad")
        await until(lambda: registry.asked > 0, within=10)
        registry.failure = None
        await it.save("good")
        await it.table.catch_up()

    assert it.table.current.keys() == {"good"}
