"""JSON: what is written is read again, and the JSON Schema says exactly what is read."""

from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_form import from_json, json_schema, to_json
from tests.strategies import CATALOG, records, sample

SCHEMAS = {entity: json_schema(CATALOG.record(entity)) for entity in CATALOG.entities}


def validator(entity: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(SCHEMAS[entity], validate_formats=True)


def as_looked_at(value: Any) -> Any:
    """Custom text that looks like a date is read as one; that is said, so it is left aside here."""
    return {k: v for k, v in value.items() if k != "custom_attributes"}


@pytest.mark.parametrize("entity", CATALOG.entities)
@given(data=st.data())
def test_a_record_is_read_as_it_was_written(entity, data):
    record = data.draw(records(entity))

    read, problems = from_json(CATALOG.record(entity), to_json(record))

    assert problems == []
    assert as_looked_at(read) == as_looked_at(record)


@pytest.mark.parametrize("entity", CATALOG.entities)
def test_the_json_schema_is_one(entity):
    assert jsonschema_rs.meta.is_valid(SCHEMAS[entity])


@pytest.mark.parametrize("entity", CATALOG.entities)
@given(data=st.data())
def test_the_json_schema_allows_what_is_written(entity, data):
    record = to_json(data.draw(records(entity)))

    validator(entity).validate(record)


@pytest.mark.parametrize("entity", CATALOG.entities)
def test_the_example_is_allowed_and_read(entity):
    (example,) = SCHEMAS[entity]["examples"]

    validator(entity).validate(example)
    assert from_json(CATALOG.record(entity), example)[1] == []


BAD = ({"id": 1}, {"extra": 1}, {"created_at": 5}, {"custom_attributes": []}, {"user": "x"})


@pytest.mark.parametrize("entity", CATALOG.entities)
@pytest.mark.parametrize("change", BAD, ids=lambda change: next(iter(change)))
def test_the_json_schema_refuses_what_is_refused(entity, change):
    if not set(change) - {"extra"} <= set(CATALOG.fields(entity)):
        return
    record = to_json(sample(CATALOG.record(entity), Random(0))) | change

    assert not validator(entity).is_valid(record)
    assert from_json(CATALOG.record(entity), record)[1] != []
