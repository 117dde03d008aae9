"""Confluent's own serializer and deserializer understand us, and we them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from random import Random
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from runtime.registry import RestRegistry
from schemas.codec import Codec
from schemas.framing import head_of, reference_in
from tests.registry_server import RegistryServer
from tests.strategies import CATALOG, event_of, record_of

CONTEXT = SerializationContext("crm.events", MessageField.VALUE)
CONFIG = {"auto.register.schemas": True, "subject.name.strategy.type": "RECORD"}


@pytest.fixture
async def server() -> AsyncIterator[RegistryServer]:
    async with RegistryServer().serving() as serving:
        yield serving


@pytest.fixture
async def registry(server: RegistryServer) -> AsyncIterator[RestRegistry]:
    made = RestRegistry(server.url)
    await made.start()
    yield made
    await made.close()


def plain(record: Any) -> dict[str, Any]:
    made = asdict(record)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in made.items()}


@pytest.mark.parametrize("entity", CATALOG.entities)
async def test_confluents_deserializer_reads_our_events(server, registry, entity):
    await registry.register(CATALOG.event(entity))
    codec = Codec(CATALOG, registry)
    events = [event_of(entity, Random(seed)) for seed in range(10)]
    written = [codec.encode(event) for event in events]

    def read() -> list[Any]:
        with SchemaRegistryClient({"url": server.url}) as client:
            deserialize = AvroDeserializer(client)
            return [deserialize(data, CONTEXT) for data in written]

    assert all(data[0] == 0 for data in written)
    assert await asyncio.to_thread(read) == [plain(event) for event in events]


@pytest.mark.parametrize("entity", CATALOG.entities)
async def test_we_read_events_of_confluents_serializer(server, registry, entity):
    schema = CATALOG.event(entity)
    events = [event_of(entity, Random(seed)) for seed in range(10)]

    def write() -> list[bytes]:
        with SchemaRegistryClient({"url": server.url}) as client:
            serialize = AvroSerializer(client, schema.text, conf=CONFIG)
            return [serialize(plain(event), CONTEXT) for event in events]

    written = await asyncio.to_thread(write)
    codec = Codec(CATALOG, registry)

    assert await registry.catch_up(reference_in(head_of(written[0])))
    assert [codec.decode_event(entity, data) for data in written] == events


async def test_confluents_client_finds_the_subject_that_we_registered(server, registry):
    reference = await registry.register(CATALOG.action)

    def look_up() -> Any:
        with SchemaRegistryClient({"url": server.url}) as client:
            return client.lookup_schema("crm.Action", Schema(CATALOG.action.text, "AVRO"))

    assert (await asyncio.to_thread(look_up)).schema_id == reference.value


async def test_the_bytes_are_those_of_confluents_serializer(server, registry):
    await registry.register(CATALOG.action)
    action = record_of("action", Random(1))

    def write() -> Any:
        with SchemaRegistryClient({"url": server.url}) as client:
            return AvroSerializer(client, CATALOG.action.text, conf=CONFIG)(plain(action), CONTEXT)

    assert Codec(CATALOG, registry).encode(action) == await asyncio.to_thread(write)
