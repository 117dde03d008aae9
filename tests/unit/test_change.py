"""What happened to a record, as an event."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from producers.change import Origin, event_of
from schemas.errors import SchemaError

ID = uuid.UUID("9b2f8a54-4c47-4a0e-9b9e-0d5f0a5b0001")
ORIGIN = Origin(version=3, occurred_at=datetime(2026, 3, 1, tzinfo=UTC))
OLD = {"id": "7", "name": "Ada", "tags": ["a"]}
NEW = {"id": "7", "name": "Ada", "tags": ["a", "b"]}


def test_an_update_names_the_fields_that_changed():
    event = event_of("person", ID, ORIGIN, before=OLD, after=NEW)

    assert event.operation == "updated"
    assert event.changed_fields == ("tags",)
    assert event.entity_id == "7"
    assert event.version == 3


def test_an_update_that_changes_nothing_is_no_event():
    assert event_of("person", ID, ORIGIN, before=OLD, after={**OLD, "job_title": None}) is None


@pytest.mark.parametrize(
    ("before", "after", "operation"), [(None, NEW, "created"), (OLD, None, "deleted")]
)
def test_the_operation_follows_from_the_sides(before, after, operation):
    event = event_of("person", ID, ORIGIN, before=before, after=after)

    assert event.operation == operation
    assert event.changed_fields == ("id", "name", "tags")


def test_an_event_without_a_cause_starts_its_own_story():
    event = event_of("person", ID, ORIGIN, before=None, after=NEW)

    assert event.correlation_id == event.event_id
    assert event.causation_id is None


def test_an_entity_without_an_id_of_its_own_is_named_by_the_caller():
    event = event_of("ping", ID, ORIGIN, before=None, after={"x": 1}, entity_id="a/b")

    assert event.entity_id == "a/b"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param(None, None, "both missing", id="neither side"),
        pytest.param(None, {"name": "x"}, "after.id: must be", id="no id"),
        pytest.param({"id": 7}, None, "before.id: must be", id="a number as id"),
        pytest.param(OLD, {**NEW, "id": "8"}, "keeps its id", id="an id that changes"),
        pytest.param(None, {}, "pass entity_id", id="no fields"),
    ],
)
def test_what_names_no_record_is_refused(before, after, said):
    with pytest.raises(SchemaError, match=said):
        event_of("person", ID, ORIGIN, before=before, after=after)
