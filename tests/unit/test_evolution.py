"""Evolution: what may change in a schema, and why the rest may not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.evolution import incompatibilities
from tests.strategies import CATALOG

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4}
BASE: dict[str, Any] = {
    "type": "record",
    "name": "Deal",
    "namespace": "crm",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "worth", "type": ["null", DECIMAL], "default": None},
        {
            "name": "state",
            "type": {"type": "enum", "name": "State", "symbols": ["new", "won"], "default": "new"},
        },
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["a", "b"]}},
        {
            "name": "items",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Item",
                    "fields": [{"name": "count", "type": "int"}],
                },
            },
        },
        {"name": "first", "type": ["null", "Item"], "default": None},
        {"name": "made", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    ],
}
for each in BASE["fields"]:
    each["doc"] = "Words."
BASE["fields"][4]["type"]["items"]["namespace"] = "crm"
BASE["fields"][5]["type"][1] = "crm.Item"
BASE["fields"][2]["type"]["namespace"] = BASE["fields"][3]["type"]["namespace"] = "crm"

Change = Callable[[list[Any]], Any]


def changed(change: Change) -> str:
    schema = copy.deepcopy(BASE)
    change(schema["fields"])
    return json.dumps(schema)


def reasons(change: Change) -> tuple[str, ...]:
    return incompatibilities(json.dumps(BASE), changed(change))


def put(fields: list[Any], index: int, **attributes: Any) -> list[Any]:
    fields[index].update(attributes)
    return fields


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda fields: None, id="nothing"),
        pytest.param(lambda fields: put(fields, 0, doc="Other words."), id="words"),
        pytest.param(lambda fields: put(fields, 0, personal=True), id="mark of personal data"),
        pytest.param(lambda fields: fields.insert(0, fields.pop(1)), id="order"),
        pytest.param(
            lambda fields: fields.append(
                {"name": "x", "type": ["null", "string"], "default": None}
            ),
            id="new field with a default",
        ),
        pytest.param(lambda fields: fields.pop(1), id="field with a default removed"),
        pytest.param(
            lambda fields: fields[2]["type"]["symbols"].append("lost"), id="symbol with a default"
        ),
        pytest.param(
            lambda fields: fields[4]["type"]["items"]["fields"].append(
                {"name": "x", "type": "string", "default": ""}
            ),
            id="new nested field with a default",
        ),
    ],
)
def test_a_change_that_both_sides_can_live_with_is_allowed(change):
    assert reasons(change) == ()


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        pytest.param(lambda f: f.pop(0), "id", "without a default", id="removed without default"),
        pytest.param(
            lambda f: f.append({"name": "x", "type": "string"}),
            "x",
            "needs a default",
            id="added without default",
        ),
        pytest.param(lambda f: put(f, 0, name="key"), "key", "without a default", id="renamed"),
        pytest.param(lambda f: put(f, 0, type="long"), "id", "writes string", id="another type"),
        pytest.param(
            lambda f: put(f, 0, type=["null", "string"]), "id", "may hold null", id="made nullable"
        ),
        pytest.param(
            lambda f: put(f, 1, type=DECIMAL), "worth", "may hold null", id="no longer nullable"
        ),
        pytest.param(
            lambda f: put(f, 1, type=["null", {**DECIMAL, "scale": 2}]),
            "worth",
            "is decimal(12,4) in the old version and decimal(12,2) in the new one",
            id="scale",
        ),
        pytest.param(
            lambda f: put(f, 1, type=["null", {**DECIMAL, "precision": 20}]),
            "worth",
            "decimal(20,4)",
            id="precision",
        ),
        pytest.param(
            lambda f: put(f, 6, type="long"),
            "made",
            "timestamp-micros (long) in the old",
            id="meaning lost",
        ),
        pytest.param(
            lambda f: put(f, 6, type={"type": "long", "logicalType": "timestamp-millis"}),
            "made",
            "values would change",
            id="another unit",
        ),
        pytest.param(
            lambda f: f[3]["type"]["symbols"].append("c"),
            "kind",
            "does not know the symbol c",
            id="symbol",
        ),
        pytest.param(
            lambda f: f[3]["type"]["symbols"].remove("b"), "kind", "symbol b", id="symbol removed"
        ),
        pytest.param(
            lambda f: (
                f[4]["type"]["items"].update(name="Line") or put(f, 5, type=["null", "crm.Line"])
            ),
            "items[]",
            "is crm.Item in the old version and crm.Line in the new one; keep the name",
            id="record renamed",
        ),
        pytest.param(
            lambda f: put(f[4]["type"]["items"]["fields"], 0, type="long"),
            "items[].count",
            "writes long, which the old one cannot read as int",
            id="wider number: old readers cannot",
        ),
        pytest.param(
            lambda f: put(f[4]["type"]["items"]["fields"], 0, type="string"),
            "items[].count",
            "",
            id="nested",
        ),
        pytest.param(
            lambda f: put(f, 4, type={"type": "array", "items": "int"}).pop(5),
            "items[]",
            "",
            id="items",
        ),
    ],
)
def test_a_change_that_breaks_one_side_has_its_reason(change, path, words):
    found = reasons(change)

    assert [reason for reason in found if reason.startswith(f"{path}: ") and words in reason], found


def test_the_same_reasons_hold_in_both_directions():
    narrow = changed(lambda fields: fields.pop(0))

    assert incompatibilities(json.dumps(BASE), narrow)
    assert incompatibilities(narrow, json.dumps(BASE))


def test_a_renamed_record_is_a_reason():
    other = json.dumps({**BASE, "name": "Offer"})

    (reason, *_) = incompatibilities(json.dumps(BASE), other)

    assert reason.startswith("the record: is crm.Deal in the old version and crm.Offer")


def test_a_reason_is_given_once():
    found = reasons(lambda fields: fields[4]["type"]["items"]["fields"].pop())

    assert len(found) == len(set(found)) == 1


@pytest.mark.parametrize("schema", CATALOG.schemas, ids=lambda schema: schema.name)
def test_every_schema_suits_itself(schema):
    assert incompatibilities(schema.text, schema.text) == ()


def test_a_change_within_before_and_after_is_seen_once_per_event():
    text = CATALOG.event("lead").text
    other = text.replace('"name":"title"', '"name":"subject"')

    found = incompatibilities(text, other)

    assert {reason.partition(":")[0] for reason in found} == {"before.title", "before.subject"}
