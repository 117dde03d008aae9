"""A record that is written a second time: its bytes, or its error, are those it has on its own."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Mapping
from decimal import Decimal
from io import BytesIO
from random import Random
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import fastavro
import pytest
from hypothesis import given

from schemas.codec import Codec
from schemas.errors import SchemaError
from schemas.records import Event
from schemas.types import record_type
from schemas.writing import Writer
from tests.strategies import CATALOG, SEEDS, OwnSchemas, events, sample

UTC = dt.UTC
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=UTC)
PRAGUE = ZoneInfo("Europe/Prague")
#: Half past two comes twice in this night.
TWICE = dt.datetime(2026, 10, 25, 2, 30, tzinfo=PRAGUE)


def field(name: str, type_: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, "doc": name}


MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4}
INSTANT = {"type": "long", "logicalType": "timestamp-micros"}
DAY = {"type": "int", "logicalType": "date"}
ID = {"type": "string", "logicalType": "uuid"}
KIND = {"type": "enum", "name": "Kind", "namespace": "crm", "symbols": ["call", "note"]}
NESTED = [
    field("id", "string"),
    {"name": "label", "type": ["null", "string"], "default": None},
    field("worth", ["null", MONEY]),
    field("ratio", "double"),
    field("words", {"type": "array", "items": "string"}),
]
REF = {"type": "record", "name": "Ref", "namespace": "crm", "fields": NESTED}
OWNER = {
    "type": "record",
    "name": "Owner",
    "namespace": "crm",
    "fields": [
        field("id", "string"),
        field("since", INSTANT),
        {"name": "name", "type": ["null", "string"], "default": None},
    ],
}
FIELDS = [
    field("text", "string"),
    field("note", ["null", "string"]),
    field("flag", ["null", "boolean"]),
    field("count", "long"),
    field("small", ["null", "int"]),
    field("money", ["null", MONEY]),
    field("day", DAY),
    field("at", INSTANT),
    field("closed", ["null", INSTANT]),
    field("uuid", ID),
    field("kind", KIND),
    field("raw", "bytes"),
    field("ratio", ["null", "double"]),
    field("ref", ["null", REF]),
    field("owner", ["null", OWNER]),
    field("refs", {"type": "array", "items": "crm.Ref"}),
    field("words", {"type": "array", "items": "string"}),
    field("more", {"type": "map", "values": ["null", "boolean", "string", INSTANT, DAY, MONEY]}),
    {"name": "late", "type": ["null", "string"], "default": None},
]
THING = {"type": "record", "name": "Thing", "namespace": "crm", "fields": FIELDS}
PAIR = {
    "type": "record",
    "name": "Pair",
    "namespace": "crm",
    "fields": [field("before", ["null", THING]), field("after", ["null", "crm.Thing"])],
}
TYPE = record_type(THING)
WRITER = Writer("Pair", PAIR)


class Loose(str):
    """Text that takes any other for equal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    __hash__ = str.__hash__


class LooseMoney(Decimal):
    """A decimal that takes any other for equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Decimal)

    __hash__ = Decimal.__hash__


class LooseInstant(dt.datetime):
    """An instant that takes any other for equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dt.datetime)

    def __hash__(self) -> int:
        return hash(NOON)


class LooseDict(dict[str, Any]):
    """A mapping that takes any other for equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping)

    __hash__ = None


class LooseList(list[Any]):
    """A list that takes any other for equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list)

    __hash__ = None


def written(before: Any, after: Any) -> bytes | str:
    """The bytes of a pair, or why there are none."""
    try:
        return WRITER.write(SimpleNamespace(before=before, after=after), b"")
    except SchemaError as error:
        return str(error)


def apart(before: Any, after: Any) -> bytes | str:
    """The same, put together of two records that were written on their own."""
    first, second = written(before, None), written(None, after)
    if isinstance(first, str):
        return first
    return second if isinstance(second, str) else first[:-1] + second[1:]


def renewed(value: Any) -> Any:
    """An equal value of the same class that shares no object with it, where there can be one."""
    return RENEWED[type(value)](value)


RENEWED: Mapping[type, Callable[[Any], Any]] = {
    dict: lambda value: {renewed(name): renewed(item) for name, item in value.items()},
    list: lambda value: [renewed(item) for item in value],
    str: lambda value: value.encode().decode(),
    bytes: lambda value: bytes(bytearray(value)),
    Decimal: lambda value: Decimal(str(value)),
    dt.datetime: lambda value: value.replace(),
    dt.date: lambda value: value.replace(),
    UUID: lambda value: UUID(int=value.int),
    int: lambda value: int(str(value)),
    float: lambda value: float(str(value)),
    bool: lambda value: value,
    type(None): lambda value: value,
}


def as_mapping(value: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is nearly a record or map."""
    lacking = dict(list(value.items())[:-1])
    return (
        OrderedDict(value),
        MappingProxyType(dict(value)),
        LooseDict({**value, "extra": "x"}),
        {**value, "extra": "x"},
        {**lacking, "extra": "x"},
        lacking,
        dict(reversed(list(value.items()))),
    )


def as_instant(value: dt.datetime) -> tuple[Any, ...]:
    """What is nearly an instant."""
    return (
        value.astimezone(dt.timezone(dt.timedelta(hours=-9, minutes=-30))),
        value.replace(tzinfo=None),
        value.replace(fold=1),
        value.replace(tzinfo=PRAGUE),
        LooseInstant(2026, 1, 1, tzinfo=UTC),
        value.date(),
    )


#: By class: values that equal one, or look like it, and are not written alike or not at all.
NEAR: Mapping[type, Callable[[Any], tuple[Any, ...]]] = {
    dict: as_mapping,
    list: lambda it: (tuple(it), LooseList([*it, "x"]), [*it, *it], [*it, None]),
    str: lambda it: (Loose(f"{it}x"), Loose(it), it.encode(), it + " "),
    bytes: lambda it: (bytearray(it), it + b"\0"),
    Decimal: lambda it: (int(it), LooseMoney(1), -it, it + Decimal("0.00001"), float(it)),
    dt.datetime: as_instant,
    dt.date: lambda it: (dt.datetime(it.year, it.month, it.day, tzinfo=UTC), str(it)),
    UUID: lambda it: (str(it), UUID(int=it.int ^ 1)),
    bool: lambda it: (int(it), float(it), not it, None),
    int: lambda it: (float(it), -it, it == 1, Decimal(it), 2**70),
    float: lambda it: (int(it) if abs(it) < 1 else it, -it, Decimal(1), True),
    type(None): lambda _: (False, 0, "", [], {}),
}


def twisted(value: Any, chance: Random) -> Any:
    """A value of which something, here or further in, is replaced by what is nearly the same."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        return {**value, name: twisted(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        place = chance.randrange(len(value))
        return [*value[:place], twisted(value[place], chance), *value[place + 1 :]]
    return chance.choice(NEAR[type(value)](value))


def through_fastavro(before: Any, after: Any) -> bytes:
    out = BytesIO()
    parsed = fastavro.parse_schema(PAIR)
    fastavro.schemaless_writer(out, parsed, {"before": before, "after": after}, strict=True)
    return out.getvalue()


def changed(before: dict[str, Any], chance: Random) -> dict[str, Any]:
    """A record of which a few fields are others and the rest is equal, but no object is shared."""
    names = chance.sample(sorted(before), chance.randrange(6))
    return {
        name: sample(TYPE.fields[name], chance) if name in names else renewed(value)
        for name, value in before.items()
    }


@given(chance=SEEDS)
def test_a_changed_record_is_the_bytes_that_fastavro_writes(chance):
    before = sample(TYPE, chance)
    after = changed(before, chance)

    assert written(before, after) == through_fastavro(before, after)


@given(event=events())
def test_an_event_whose_record_did_not_change_is_read_whole(event):
    codec = Codec(CATALOG, OwnSchemas())
    again = Event(
        **{name: getattr(event, name) for name in Event.__dataclass_fields__}
        | {"before": event.after and renewed(event.after)}
    )

    assert codec.decode_event(event.entity, codec.encode(again)) == again


@given(chance=SEEDS)
def test_a_record_that_is_nearly_the_same_is_written_or_refused_as_on_its_own(chance):
    before = sample(TYPE, chance)
    for _ in range(20):
        one, other = before, twisted(changed(before, chance), chance)
        if chance.random() < 0.5:
            one, other = other, one

        assert written(one, other) == apart(one, other)


ADA: Mapping[str, Any] = {"id": "1", "since": TWICE, "name": None}
THINGS = sample(TYPE, Random(1))
LIKE: Mapping[str, Any] = {
    "ref": {"id": "7", "label": None, "worth": Decimal("1.0"), "ratio": 0.0, "words": ["a"]}
}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        pytest.param("flag", True, 1, id="true and 1"),
        pytest.param("count", 1, True, id="1 and true"),
        pytest.param("count", 1, 1.0, id="1 and 1.0"),
        pytest.param("money", Decimal("1.0"), Decimal("1.00"), id="another scale"),
        pytest.param("money", Decimal(1), 1, id="a decimal and an int"),
        pytest.param("money", Decimal(0), Decimal("-0"), id="zero and minus zero"),
        pytest.param("money", Decimal(1), Decimal("NaN"), id="not a number"),
        pytest.param("money", Decimal(1), Decimal("sNaN"), id="a signaling NaN"),
        pytest.param("money", Decimal(1), LooseMoney(2), id="a lax decimal"),
        pytest.param("ratio", 0.0, -0.0, id="minus zero"),
        pytest.param("at", NOON, NOON.astimezone(PRAGUE), id="one instant, two zones"),
        pytest.param("at", TWICE, TWICE.replace(fold=1), id="an hour that comes twice"),
        pytest.param("at", NOON, NOON.replace(tzinfo=None), id="naive"),
        pytest.param("at", NOON, LooseInstant(2020, 1, 1, tzinfo=UTC), id="a lax instant"),
        pytest.param("day", NOON.date(), NOON, id="a date and a datetime"),
        pytest.param("text", "a", Loose("b"), id="a lax text after"),
        pytest.param("text", Loose("b"), "a", id="a lax text before"),
        pytest.param("text", "a", "a\ud800", id="half of a surrogate pair"),
        pytest.param("uuid", UUID(int=1), str(UUID(int=1)), id="a UUID and its text"),
        pytest.param("words", ["a"], [Loose("b")], id="a lax text in a list"),
        pytest.param("words", ["a"], ("a",), id="a list and a tuple"),
        pytest.param("words", [], (), id="an empty list and tuple"),
        pytest.param("words", [], {}, id="an empty list and dict"),
        pytest.param("words", [], LooseList(["a"]), id="a lax list"),
        pytest.param("more", {}, LooseDict(a=1.5), id="a lax dict"),
        pytest.param("more", {"a": True}, {"a": 1}, id="true and 1 in a map"),
        pytest.param("ref", LIKE["ref"], LIKE["ref"] | {"extra": 1}, id="an extra key"),
        pytest.param("ref", LIKE["ref"], LIKE["ref"] | {"label": Loose("")}, id="a lax label"),
        pytest.param("ref", LIKE["ref"], LIKE["ref"] | {"id": Loose("8")}, id="a lax id"),
        pytest.param("ref", LIKE["ref"], LIKE["ref"] | {"ratio": -0.0}, id="minus zero within"),
        pytest.param("ref", LIKE["ref"], LIKE["ref"] | {"ratio": 0}, id="0.0 and 0 within"),
        pytest.param("ref", LIKE["ref"], LIKE["ref"] | {"worth": 1}, id="an int within"),
        pytest.param("ref", LIKE["ref"], LIKE["ref"] | {"words": ["b"]}, id="another list within"),
        pytest.param("ref", LIKE["ref"], LooseDict(id="9"), id="a lax record"),
        pytest.param("ref", LIKE["ref"], "7", id="a record and a text"),
        pytest.param("owner", ADA, ADA | {"name": ""}, id="null and an empty text within"),
        pytest.param("owner", ADA, ADA | {"since": TWICE.replace(fold=1)}, id="an hour within"),
        pytest.param("owner", ADA, ADA | {"id": Loose("2")}, id="a lax text within"),
        pytest.param("owner", ADA, LooseDict(ADA | {"name": "x"}), id="a lax mapping"),
        pytest.param(
            "owner",
            ADA,
            {"id": "1", "since": TWICE, "nickname": None},
            id="another key of the same value",
        ),
    ],
)
def test_what_equals_and_is_not_the_same_is_written_or_refused_as_on_its_own(name, before, after):
    one, other = THINGS | {name: before}, renewed(THINGS) | {name: after}

    assert written(one, other) == apart(one, other)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda given: given, id="with null"),
        pytest.param(lambda given: {k: v for k, v in given.items() if k != "label"}, id="left out"),
        pytest.param(lambda _: None, id="no record"),
    ],
)
@pytest.mark.parametrize("late", [{}, {"late": None}, {"late": "x"}], ids=str)
def test_a_field_that_is_left_out_takes_its_default_in_either_record(
    shape: Callable[[Any], Any], late: dict[str, Any]
):
    named = {**LIKE["ref"], "label": None}
    full = THINGS | {"ref": named, "late": None}
    short = {k: v for k, v in renewed(THINGS).items() if k != "late"} | late
    short["ref"] = shape(renewed(named))

    assert written(full, short) == apart(full, short)
    assert written(short, full) == apart(short, full)
    assert written(short, renewed(short)) == apart(short, short)
    assert isinstance(written(full, short), bytes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(NOON, LooseInstant(2020, 1, 1, tzinfo=UTC), id="a lax instant"),
        pytest.param(TWICE, TWICE.replace(fold=1), id="an hour that comes twice"),
    ],
)
def test_an_instant_is_not_taken_for_one_that_was_written_before(one, other):
    moment = dt.datetime.fromtimestamp(other.timestamp(), UTC)
    first, second, plain = (THINGS | {"at": at} for at in (one, other, moment))

    written(first, None)

    assert written(second, None) == written(plain, None)
