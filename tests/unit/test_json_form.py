"""Records as JSON: strict on the way in, exact on the way out."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from schemas.json_form import JsonProblem, dumps, from_json, to_json
from tests.strategies import CATALOG

LEAD = CATALOG.record("lead")
LEAST = {"id": "1", "title": "Panels"}


def read(**fields: Any) -> dict[str, Any]:
    record, problems = from_json(LEAD, LEAST | fields)
    assert problems == []
    assert record is not None
    return record


def problems_of(value: object) -> list[JsonProblem]:
    record, problems = from_json(LEAD, value)
    assert record is None
    return problems


def test_what_may_be_left_out_is_filled_in():
    record = read()

    assert list(record) == list(LEAD.fields)
    assert record["lead_value"] is None
    assert record["tags"] == []


def test_a_default_is_not_shared_between_records():
    read()["tags"].append("x")

    assert read()["tags"] == []


@pytest.mark.parametrize(
    ("field", "given", "expected"),
    [
        pytest.param("lead_value", "12.5", Decimal("12.5000"), id="decimal as text"),
        pytest.param("lead_value", 12, Decimal("12.0000"), id="decimal as a whole number"),
        pytest.param("lead_value", 12.3, Decimal("12.3000"), id="decimal as a number"),
        pytest.param("lead_value", 0.1 + 0.2, Decimal("0.3000"), id="noise of a binary number"),
        pytest.param("lead_value", "-0.0001", Decimal("-0.0001"), id="smallest negative"),
        pytest.param("expected_close_date", "2026-02-28", date(2026, 2, 28), id="date"),
        pytest.param(
            "closed_at", "2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC), id="UTC"
        ),
        pytest.param(
            "closed_at",
            "2026-01-31t12:00:00.000001+05:45",
            datetime(2026, 1, 31, 6, 15, 0, 1, tzinfo=UTC),
            id="offset",
        ),
        pytest.param("status", False, False, id="bool"),
        pytest.param("user", {"id": "7"}, {"id": "7", "name": None}, id="reference"),
    ],
)
def test_a_value_is_read_as_its_type(field, given, expected):
    assert read(**{field: given})[field] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("2026-01-31", date(2026, 1, 31), id="date"),
        pytest.param("20260131", "20260131", id="digits are text"),
        pytest.param("12.50", "12.50", id="a number as text is text"),
        pytest.param(12, Decimal(12), id="number"),
        pytest.param(True, True, id="truth"),
        pytest.param(["a"], ["a"], id="list"),
        pytest.param(None, None, id="null"),
        pytest.param("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC), id="datetime"),
    ],
)
def test_a_custom_attribute_is_what_it_looks_like(given, expected):
    found = read(custom_attributes={"a": given})["custom_attributes"]["a"]

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "pointer", "message"),
    [
        pytest.param("titel", 1, "/titel", "is not a field here; the fields are id", id="unknown"),
        pytest.param("a/b~c", 1, "/a~1b~0c", "is not a field", id="pointer is escaped"),
        pytest.param("title", None, "/title", "is null; expected text", id="null"),
        pytest.param("title", 5, "/title", "is 5; expected text", id="type"),
        pytest.param("title", "\ud800", "/title", "expected text", id="half a surrogate pair"),
        pytest.param("title", ["x"], "/title", "is a list; expected text", id="list for text"),
        pytest.param(
            "status", 1, "/status", "is 1; expected true or false or null", id="1 for true"
        ),
        pytest.param(
            "lead_value", True, "/lead_value", "is true; expected a number", id="true for 1"
        ),
        pytest.param(
            "lead_value", "1.00001", "/lead_value", "more than 4 digits after", id="scale"
        ),
        pytest.param(
            "lead_value", 1.00001, "/lead_value", "more than 4 digits after", id="float's scale"
        ),
        pytest.param(
            "lead_value", 10**8, "/lead_value", "more than 8 digits before", id="precision"
        ),
        pytest.param("lead_value", "1e999999", "/lead_value", "expected a number", id="exponent"),
        pytest.param("lead_value", "NaN", "/lead_value", "expected a number", id="not a number"),
        pytest.param("lead_value", "abc", "/lead_value", "is 'abc'; expected a number", id="word"),
        pytest.param("closed_at", "2026-01-31T12:00:00", "/closed_at", "add Z or", id="naive"),
        pytest.param(
            "closed_at", "2026-01-31", "/closed_at", "a date and time", id="date for datetime"
        ),
        pytest.param(
            "closed_at", "2026-02-30T00:00:00Z", "/closed_at", "a date and time", id="no such day"
        ),
        pytest.param(
            "expected_close_date", "31.1.2026", "/expected_close_date", "a date like", id="date"
        ),
        pytest.param(
            "expected_close_date", "2026-W05-6", "/expected_close_date", "a date like", id="week"
        ),
        pytest.param("tags", ["a", 1], "/tags/1", "is 1; expected text", id="item"),
        pytest.param("tags", "a", "/tags", "expected a list, each item text", id="no list"),
        pytest.param(
            "products", [{}], "/products/0/price", "is missing; expected a number", id="nested"
        ),
        pytest.param(
            "products", [{"quantity": 2**31}], "/products/0/quantity", "32 bits hold", id="32 bits"
        ),
        pytest.param(
            "user", "Ana", "/user", "is 'Ana'; expected an object or null", id="no object"
        ),
        pytest.param(
            "custom_attributes",
            {"x": {}},
            "/custom_attributes/x",
            "is an object; expected true",
            id="union",
        ),
        pytest.param(
            "custom_attributes", [], "/custom_attributes", "expected an object", id="no map"
        ),
        pytest.param("title", 10**70, "/title", "expected text", id="long number"),
    ],
)
def test_a_problem_has_its_pointer_and_says_what_is_allowed(field, value, pointer, message):
    found = problems_of(LEAST | {field: value})

    assert [p for p in found if p.pointer == pointer and message in p.message], found


def test_every_problem_is_named():
    found = problems_of({"extra": 1, "title": 5, "tags": [1, 2], "status": "x"})

    assert sorted(p.pointer for p in found) == [
        "/extra",
        "/id",
        "/status",
        "/tags/0",
        "/tags/1",
        "/title",
    ]


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_what_is_no_object_is_no_record(value):
    assert [p.pointer for p in problems_of(value)] == [""]


def test_pointers_start_where_the_record_stands():
    _, problems = from_json(LEAD, {"id": "1"}, "/events/3/after")

    assert [p.pointer for p in problems] == ["/events/3/after/title"]


def test_values_have_one_json_form():
    value = {
        "decimal": Decimal("1E+2"),
        "small": Decimal("0.0001"),
        "date": date(2026, 1, 31),
        "at": datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=1))),
        "id": uuid.UUID(int=1),
        "bytes": b"\0\xff",
        "many": (1, True, None),
        "map": MappingProxyType({"ß": "\u2028"}),
    }

    assert (
        json.loads(dumps(value))
        == to_json(value)
        == {
            "decimal": "100",
            "small": "0.0001",
            "date": "2026-01-31",
            "at": "2026-01-31T11:00:00.000000Z",
            "id": "00000000-0000-0000-0000-000000000001",
            "bytes": "AP8=",
            "many": [1, True, None],
            "map": {"ß": "\u2028"},
        }
    )


def test_what_has_no_json_form_is_an_error_of_ours():
    with pytest.raises(TypeError):
        dumps({"x": object()})
