"""Resolution: records of another version of a schema become ours, or say why they cannot."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import pytest

from schemas.reading import Reader
from schemas.resolution import adapter
from schemas.wire import MisfitError

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}


def record(*fields: Any, name: str = "R", **attributes: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **attributes}


def x(type_: Any, **attributes: Any) -> dict[str, Any]:
    return {"name": "x", "type": type_, **attributes}


def enum(*symbols: str, **attributes: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **attributes}


def resolved(writer: Any, reader: Any, value: Any) -> Any:
    """The value `x` after it was written by one schema and read by another."""
    one, other = record(x(writer)), record(x(reader))
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(one), {"x": value})
    read = Reader("R", one).read(out.getvalue(), 0)
    return adapter(json.dumps(one), json.dumps(other))(read)["x"]


SAME_AS_FASTAVRO = [
    pytest.param("int", "long", 5, id="int to long"),
    pytest.param("int", "double", 5, id="int to double"),
    pytest.param("long", "float", 5, id="long to float"),
    pytest.param("float", "double", 0.5, id="float to double"),
    pytest.param("string", "bytes", "ß", id="text to bytes"),
    pytest.param("bytes", "string", b"abc", id="bytes to text"),
    pytest.param("int", ["null", "long"], 5, id="into a union"),
    pytest.param(["null", "int"], ["int", "null"], 5, id="branches in another order"),
    pytest.param(["null", "int"], ["null", "string", "long"], 5, id="more branches"),
    pytest.param(["null", "string"], "string", "a", id="out of a union"),
    pytest.param(["null", "string"], ["null", "string"], None, id="null"),
    pytest.param(
        {"type": "array", "items": "int"}, {"type": "array", "items": "long"}, [1, 2], id="list"
    ),
    pytest.param(
        {"type": "map", "values": "int"}, {"type": "map", "values": "double"}, {"a": 1}, id="map"
    ),
    pytest.param(enum("a", "b"), enum("b", "a"), "b", id="symbols in another order"),
    pytest.param(
        enum("a", "c"), enum("a", "b", default="b"), "c", id="unknown symbol has a default"
    ),
]


@pytest.mark.parametrize(("writer", "reader", "value"), SAME_AS_FASTAVRO)
def test_what_avro_resolves_is_resolved_the_same_way(writer, reader, value):
    one = fastavro.parse_schema(record(x(writer)))
    out = BytesIO()
    fastavro.schemaless_writer(out, one, {"x": value})
    out.seek(0)
    other = fastavro.parse_schema(record(x(reader)))

    theirs: Any = fastavro.schemaless_reader(out, one, other)
    assert resolved(writer, reader, value) == theirs["x"]


def test_fields_go_by_name_then_alias_and_the_rest_by_default():
    writer = record(x("int"), {"name": "y", "type": "string"}, name="I")
    reader = record(
        {"name": "z", "type": "long", "aliases": ["y2", "x"]},
        {"name": "w", "type": {"type": "array", "items": "string"}, "default": []},
        name="I",
    )

    assert resolved(writer, reader, {"x": 1, "y": "dropped"}) == {"z": 1, "w": []}


def test_a_default_is_not_shared_between_records():
    reader = record(x({"type": "array", "items": "string"}, default=[]))
    adapt = adapter(json.dumps(record()), json.dumps(reader))

    adapt({})["x"].append("a")

    assert adapt({}) == {"x": []}


def test_a_decimal_keeps_its_value_in_another_scale():
    wider = {**DECIMAL, "precision": 12, "scale": 4}

    assert str(resolved(DECIMAL, wider, Decimal("1.50"))) == "1.5000"


@pytest.mark.parametrize(
    ("writer", "reader", "value", "message"),
    [
        pytest.param("string", "int", "a", "x: is of type string; expected int", id="type"),
        pytest.param("long", "int", 5, "x: is of type long; expected int", id="narrower"),
        pytest.param(
            "long", MICROS, 5, "x: is of type long; expected timestamp-micros", id="meaning"
        ),
        pytest.param(
            ["null", "string"], "string", None, "x: is of type null", id="null where none may be"
        ),
        pytest.param(["int", "string"], ["int", "null"], "a", "x: is of type string", id="branch"),
        pytest.param("string", ["int", "null"], "a", "expected int, null", id="into a union"),
        pytest.param(["int", "long"], "long", 5, "choice between two kinds of int", id="two kinds"),
        pytest.param(enum("a", "b"), enum("a"), "b", "x: 'b' is none of a", id="symbol"),
        pytest.param(
            DECIMAL,
            {**DECIMAL, "scale": 1},
            Decimal("1.55"),
            "more than 1 digits after",
            id="digits",
        ),
        pytest.param(record(name="A"), record(name="B"), {}, "x is a A; expected a B", id="name"),
        pytest.param(
            record(name="A"),
            record(x("int"), name="A"),
            {},
            "x.x is missing in the writer's",
            id="no default",
        ),
    ],
)
def test_what_cannot_be_resolved_says_why(writer, reader, value, message):
    with pytest.raises(MisfitError, match=message):
        resolved(writer, reader, value)
