"""Corrupt records: each ends in a `SchemaError`, quickly and without eating memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from schemas.codec import Codec
from schemas.errors import SchemaError, UnknownSchemaError
from schemas.framing import SINGLE_OBJECT_HEAD, Fingerprint, SchemaId
from schemas.reading import Reader
from schemas.wire import number
from tests.strategies import CATALOG, RECORDS, OwnSchemas, record_of

CODEC = Codec(CATALOG, OwnSchemas({SchemaId(7): CATALOG.event("lead").text}))
#: For each of ten records: 12,000 in all of each sort.
EACH = 1_200
HUGE = 2**62


def decode(name: str, data: bytes | None) -> Any:
    match name:
        case "action":
            return CODEC.decode_action(data)
        case "attempt":
            return CODEC.decode_attempt(data)
        case "definition":
            return CODEC.decode_definition(data)
        case "firing":
            return CODEC.decode_firing(data)
        case "lane_state":
            return CODEC.decode_lane_state(data)
        case "workflow_counts":
            return CODEC.decode_workflow_counts(data)
        case _:
            return CODEC.decode_event(name, data)


def cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data))]


def extend(data: bytes, chance: Random) -> bytes:
    return data + chance.randbytes(chance.randrange(1, 9))


def reframe(data: bytes, chance: Random) -> bytes:
    return chance.choice((b"\xc3\x02", b"\x01", b"{", b"\xc3\x01", b"\x00", b"\xff")) + data[1:]


def unknown(data: bytes, chance: Random) -> bytes:
    return data[:2] + chance.randbytes(8) + data[SINGLE_OBJECT_HEAD:]


def endless(data: bytes, chance: Random) -> bytes:
    """A number that never ends where the first field should be."""
    return data[:SINGLE_OBJECT_HEAD] + b"\xff" * 11 + chance.randbytes(50)


CORRUPTIONS: tuple[Callable[[bytes, Random], bytes], ...] = (cut, extend, reframe, unknown, endless)


def flip(data: bytes, chance: Random) -> bytes:
    """Bytes changed behind the framing; the result may happen to be another valid record."""
    made = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        made[chance.randrange(SINGLE_OBJECT_HEAD, len(made))] = chance.randrange(256)
    return bytes(made)


def noise(data: bytes, chance: Random) -> bytes:
    """Random bytes behind valid framing."""
    return data[:SINGLE_OBJECT_HEAD] + chance.randbytes(chance.randrange(200))


@pytest.mark.parametrize("name", RECORDS)
def test_every_corrupt_record_is_a_schema_error_and_nothing_else(name):
    chance = Random(name)
    outcomes = []

    for turn in range(EACH):
        data = CODEC.encode(record_of(name, chance))
        corrupt = CORRUPTIONS[turn % len(CORRUPTIONS)](data, chance)
        with pytest.raises(SchemaError) as caught:
            decode(name, corrupt)
        outcomes.append(str(caught.value))

    assert len(outcomes) == EACH
    assert all(outcomes)


@pytest.mark.parametrize("corrupt", [flip, noise], ids=["changed bytes", "random bytes"])
@pytest.mark.parametrize("name", RECORDS)
def test_changed_bytes_are_a_schema_error_or_a_record_that_can_be_written_again(name, corrupt):
    chance = Random(name)
    refused = 0

    for _ in range(EACH):
        data = corrupt(CODEC.encode(record_of(name, chance)), chance)
        try:
            record = decode(name, data)
        except SchemaError:
            refused += 1
        else:
            assert decode(name, CODEC.encode(record)) == record

    assert refused > EACH // 4


@pytest.mark.parametrize("name", RECORDS)
def test_a_tombstone_is_a_schema_error(name):
    with pytest.raises(SchemaError, match="tombstone"):
        decode(name, None)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\0", b"\xc3", b"\xc3\x01", b"\xc3\x01abc"])
def test_a_record_that_ends_in_its_framing_is_a_schema_error(data):
    with pytest.raises(SchemaError, match=r"bytes"):
        CODEC.decode_event("lead", data)


def test_an_unknown_fingerprint_is_named():
    with pytest.raises(UnknownSchemaError, match="fingerprint 0102030405060708") as caught:
        CODEC.decode_event("lead", b"\xc3\x01" + bytes(range(1, 9)) + b"body")

    assert caught.value.reference == Fingerprint(bytes(range(1, 9)))


def test_an_unknown_id_is_named():
    with pytest.raises(UnknownSchemaError, match="schema id 66051"):
        CODEC.decode_event("lead", b"\0\0\1\2\3body")


def test_an_event_of_another_entity_is_a_schema_error():
    person = CODEC.encode(record_of("person", Random(1)))

    with pytest.raises(SchemaError):
        CODEC.decode_event("lead", person)


def reader_of(type_: Any) -> Reader:
    fields = [{"name": "x", "type": type_}, {"name": "y", "type": "string"}]
    return Reader("Test", {"type": "record", "name": "Test", "fields": fields})


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        pytest.param("string", number(HUGE), id="text"),
        pytest.param("bytes", number(HUGE), id="bytes"),
        pytest.param({"type": "array", "items": "string"}, number(HUGE), id="list"),
        pytest.param({"type": "array", "items": "boolean"}, number(HUGE), id="list of truths"),
        pytest.param(
            {"type": "array", "items": "int"}, number(-HUGE) + number(5), id="sized block"
        ),
        pytest.param(
            {"type": "array", "items": "int"}, number(-1) + number(HUGE), id="block's size"
        ),
        pytest.param({"type": "map", "values": "string"}, number(HUGE), id="map"),
        pytest.param("string", number(-5), id="negative length"),
        pytest.param("int", number(2**40), id="int of more than 32 bits"),
        pytest.param("long", b"\xff" * 10 + b"\x01", id="long of more than 64 bits"),
        pytest.param("boolean", b"\x02", id="neither true nor false"),
        pytest.param(["null", "string"], number(-1), id="negative branch"),
        pytest.param(["null", "string"], number(2), id="branch that does not exist"),
        pytest.param(
            {"type": "enum", "name": "E", "symbols": ["A", "B"]}, number(-1), id="negative symbol"
        ),
        pytest.param(
            {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
            number(2) + b"\x7f\xff",
            id="more digits than the precision",
        ),
        pytest.param(
            {"type": "int", "logicalType": "date"}, number(2**31 - 1), id="year 5.8 million"
        ),
        pytest.param(
            {"type": "long", "logicalType": "timestamp-micros"}, number(2**62), id="far future"
        ),
        pytest.param(
            {"type": "string", "logicalType": "uuid"}, number(3) + b"abc", id="short uuid"
        ),
        pytest.param("string", number(2) + b"\xff\xfe", id="not UTF-8"),
    ],
)
def test_a_value_that_no_writer_produces_is_refused_at_no_cost(type_, body):
    reader = reader_of(type_)
    data = body + number(4) + b"tail"
    tracemalloc.start()
    try:
        with pytest.raises(SchemaError, match=r"not a readable Test: [xy](\[\])? at byte"):
            reader.read(data, 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_a_list_whose_items_take_no_bytes_is_not_even_compiled():
    with pytest.raises(ValueError, match="no bytes"):
        reader_of({"type": "array", "items": "null"})


def test_the_byte_and_field_of_an_error_are_named():
    data = CODEC.encode(record_of("lead", Random(3)))
    schema = json.loads(CATALOG.event("lead").text)

    with pytest.raises(SchemaError, match=r"not a readable crm.LeadEvent: event_id at byte 11"):
        Reader("crm.LeadEvent", schema).read(data[:20], SINGLE_OBJECT_HEAD)
