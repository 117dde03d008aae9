"""Framing: the first bytes of a record, by the Avro specification and by Confluent's."""

from __future__ import annotations

import pytest

from schemas.avro import named_schema
from schemas.errors import SchemaError
from schemas.framing import Fingerprint, SchemaId, head_of, reference_in
from tests.strategies import CATALOG

#: CRC-64-AVRO of the primitives, from the Avro project's own table (share/test/data/schema-tests.txt).
SPECIFIED = {
    "null": 7195948357588979594,
    "boolean": -6970731678124411036,
    "int": 8247732601305521295,
    "long": -3434872931120570953,
    "float": 5583340709985441680,
    "double": -8181574048448539266,
    "bytes": 5746618253357095269,
    "string": -8142146995180207161,
}


def rabin(text: bytes) -> int:
    """The fingerprint as the specification spells it out, in "Schema Fingerprints"."""
    empty = 0xC15D213AA4D7A795
    table = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = (value >> 1) ^ (empty & -(value & 1))
        table.append(value)
    value = empty
    for byte in text:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return value


@pytest.mark.parametrize("name", SPECIFIED)
def test_fingerprints_are_those_of_the_specification_little_endian(name):
    mark = named_schema(f'"{name}"').fingerprint

    assert int.from_bytes(mark, "little", signed=True) == SPECIFIED[name]
    assert int.from_bytes(mark, "little") == rabin(f'"{name}"'.encode())


def test_the_header_of_an_int_is_the_one_that_the_avro_project_tests():
    header = Fingerprint(named_schema('"int"').fingerprint).head

    assert header.hex(" ") == "c3 01 8f 5c 39 3f 1a d5 75 72"


def test_a_registry_id_is_big_endian_after_a_zero():
    assert SchemaId(258).head == b"\0\0\0\1\2"


@pytest.mark.parametrize("reference", [Fingerprint(b"12345678"), SchemaId(0), SchemaId(2**32 - 1)])
def test_a_framing_is_found_again_in_front_of_a_record(reference):
    head = head_of(reference.head + b"record")

    assert reference_in(head) == reference


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "0 bytes begin with nothing", id="empty"),
        pytest.param(b'{"a":1}', "begin with 7b 22 61 22; expected c3 01", id="JSON"),
        pytest.param(b"\xc3\x01\1\2", "within its 10 bytes of framing", id="cut fingerprint"),
        pytest.param(b"\0\1\2", "within its 5 bytes of framing", id="cut id"),
    ],
)
def test_what_is_no_framing_is_shown_with_what_is_expected(data, message):
    with pytest.raises(SchemaError, match=message):
        head_of(data)


def test_every_schema_has_its_own_fingerprint():
    marks = [schema.fingerprint for schema in CATALOG.schemas]

    assert len(set(marks)) == len(marks) == 12
