"""`records.py` and the `.avsc` files agree, field by field."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from schemas import records
from schemas.types import (
    FieldType,
    ListType,
    MapType,
    RecordType,
    ScalarType,
    UnionType,
    record_type,
    walk,
)
from tests.strategies import CATALOG

PAIRS = {
    "event": (records.Event, CATALOG.event("lead")),
    "action": (records.Action, CATALOG.action),
    "attempt": (records.Attempt, CATALOG.attempt),
    "definition": (records.Definition, CATALOG.definition),
    "firing": (records.Firing, CATALOG.firing),
    "lane_state": (records.LaneState, CATALOG.lane_state),
    "workflow_counts": (records.WorkflowCounts, CATALOG.workflow_counts),
}
PYTHON = {
    "text": str,
    "int": int,
    "bool": bool,
    "float": float,
    "bytes": bytes,
    "datetime": datetime,
    "uuid": uuid.UUID,
}


def annotation_of(type_: FieldType) -> Any:
    """The annotation that a field of this type has in `records.py`."""
    plain: Any
    match type_:
        case ScalarType(kind="enum"):
            plain = typing.Literal[type_.symbols]
        case ScalarType():
            plain = PYTHON[type_.kind]
        case RecordType():
            plain = Mapping[str, Any]
        case ListType():
            plain = types.GenericAlias(tuple, (annotation_of(type_.item), ...))
        case MapType():
            plain = types.GenericAlias(Mapping, (str, annotation_of(type_.values)))
        case UnionType():
            raise AssertionError("no record of ours has a field of several types")
    return plain | None if type_.nullable else plain


@pytest.mark.parametrize("name", PAIRS)
def test_a_record_has_the_fields_of_its_schema_in_the_same_order(name):
    kind, schema = PAIRS[name]

    assert [field.name for field in dataclasses.fields(kind)] == [
        field["name"] for field in json.loads(schema.text)["fields"]
    ]


@pytest.mark.parametrize("name", PAIRS)
def test_a_record_has_the_types_of_its_schema(name):
    kind, schema = PAIRS[name]
    hints = typing.get_type_hints(kind)

    expected = {
        field: annotation_of(type_)
        for field, type_ in record_type(json.loads(schema.text)).fields.items()
    }

    assert hints == expected


def test_every_event_has_the_same_envelope():
    for entity in CATALOG.entities:
        fields = record_type(json.loads(CATALOG.event(entity).text)).fields
        assert {name: t for name, t in fields.items() if name in CATALOG.envelope_fields} == (
            CATALOG.envelope_fields
        )


@pytest.mark.parametrize("schema", CATALOG.schemas, ids=lambda schema: schema.name)
def test_every_field_is_documented(schema):
    fields = record_type(json.loads(schema.text)).fields

    assert [path for path, type_ in walk(fields) if not type_.doc.endswith((".", ".)"))] == []


def test_custom_attributes_are_the_same_everywhere():
    kinds = [
        CATALOG.fields(entity)["custom_attributes"].values
        for entity in CATALOG.entities
        if "custom_attributes" in CATALOG.fields(entity)
    ]

    assert len(kinds) == 5
    assert all(kind == kinds[0] for kind in kinds)


PERSONAL = {
    "person": {"name", "emails", "contact_numbers", "job_title", "custom_attributes", "user.name"},
    "lead": {"description", "user.name", "person.name", "custom_attributes"},
    "organization": {"user.name", "custom_attributes"},
    "quote": {
        "description",
        "billing_address",
        "shipping_address",
        "person.name",
        "user.name",
        "custom_attributes",
    },
    "activity": {"comment", "location", "user.name", "participants.name"},
    "product": {"custom_attributes"},
}


@pytest.mark.parametrize("entity", CATALOG.entities)
def test_personal_fields_are_marked(entity):
    marked = {path for path, type_ in walk(CATALOG.fields(entity)) if type_.personal}

    assert marked == PERSONAL[entity]
