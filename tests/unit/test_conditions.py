"""What conditions mean, where the table of cases cannot say it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.records import Event
from tests.crm import compiled_of, event_of, record_of
from workflow_service.language.explain import explain_compiled


def verdict_on(event: Event, condition: dict[str, Any]) -> bool | None:
    compiled = compiled_of(entity=event.entity, only_if=condition)
    assert compiled.condition is not None
    explained = compiled.condition.explain(event)
    decided = compiled.condition.decide(event)
    assert explained.verdict is decided
    assert explained.reason
    return decided


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        pytest.param("at_least", 3, Decimal("3.0000"), True, id="decimals are numbers"),
        pytest.param(
            "equals", "2026-01-31", date(2026, 1, 31), True, id="a date operand on a date"
        ),
        pytest.param("equals", "2026-01-31", "2026-01-31", True, id="the same operand on a text"),
        pytest.param(
            "less_than",
            "2026-01-31T10:00:00+01:00",
            datetime(2026, 1, 31, 8, 59, tzinfo=UTC),
            True,
            id="an instant",
        ),
        pytest.param(
            "greater_than", "2026-01-31", 5, None, id="a date is not compared with a number"
        ),
        pytest.param("in", [1, 2], Decimal(2), True, id="a list of numbers"),
    ],
)
def test_custom_attributes_are_compared_by_the_type_they_have(operator, operand, value, expected):
    event = event_of(None, record_of("lead") | {"custom_attributes": {"size": value}})

    verdict = verdict_on(event, {"field": "after.custom_attributes.size", operator: operand})

    assert verdict is expected


TRUE = {"field": "after.title", "equals": "x"}
FALSE = {"field": "after.title", "equals": "y"}
UNKNOWN = {"field": "after.lead_value", "equals": 1}


@pytest.mark.parametrize(
    ("mode", "of", "expected"),
    [
        pytest.param("all", [TRUE, TRUE], True, id="all hold"),
        pytest.param("all", [TRUE, UNKNOWN], None, id="one unknown leaves all unknown"),
        pytest.param("all", [UNKNOWN, FALSE], False, id="one false settles all"),
        pytest.param("any", [FALSE, TRUE], True, id="one true settles any"),
        pytest.param("any", [UNKNOWN, TRUE], True, id="even beside an unknown"),
        pytest.param("any", [FALSE, UNKNOWN], None, id="one unknown leaves any unknown"),
        pytest.param("any", [FALSE, FALSE], False, id="none holds"),
    ],
)
def test_groups_have_three_values(mode, of, expected):
    assert verdict_on(event_of(None, record_of("lead")), {mode: of}) is expected


def test_unknown_at_the_root_is_no_match():
    assert not compiled_of(only_if=UNKNOWN).matches(event_of(None, record_of("lead")))


def test_an_update_without_a_before_does_not_say_what_changed_below_the_top():
    event = dataclasses.replace(
        event_of(None, record_of("lead", stage={"id": "won"})),
        operation="updated",
        changed_fields=("stage",),
    )

    assert verdict_on(event, {"field": "stage", "changed": True}) is True
    assert verdict_on(event, {"field": "stage.id", "changed": True}) is None
    assert verdict_on(event, {"field": "person.id", "changed": True}) is False


@pytest.mark.parametrize(
    ("condition", "fields", "reason"),
    [
        (
            {"field": "after.lead_value", "at_least": 1000},
            {"lead_value": "999.5"},
            "after.lead_value is 999.5000, which is less than 1000",
        ),
        (
            {"field": "after.lead_value", "not_equals": 1000},
            {},
            "unknown: after.lead_value is null, which is neither equal to a value nor different from it",
        ),
        (
            {"field": "after.stage.id", "in": ["won", "lost"]},
            {"stage": {"id": "new"}},
            'after.stage.id is "new", which is none of ["won", "lost"]',
        ),
        (
            {"field": "after.tags", "is_empty": True},
            {"tags": ["vip"]},
            'after.tags is ["vip"], which is not empty',
        ),
        (
            {"field": "before.title", "equals": "x"},
            {},
            "unknown: the event has no record before",
        ),
        (
            {"field": "title", "changed": False},
            {"title": "New"},
            'title changed from null to "New"',
        ),
    ],
    ids=["too small", "null", "not in", "not empty", "no before", "changed"],
)
def test_an_explanation_says_what_was_found_and_why_it_failed(condition, fields, reason):
    compiled = compiled_of(
        only_if={"all": [TRUE | {"equals": fields.get("title", "x")}, condition]}
    )

    explanation = explain_compiled(compiled, event_of(None, record_of("lead", **fields)))

    assert not explanation.matched
    assert explanation.reason == reason


def test_an_explanation_goes_through_every_filter():
    compiled = compiled_of(
        on=["updated"], source=["api"], when_changed=["stage"], state="paused", only_if=TRUE
    )

    explanation = explain_compiled(compiled, event_of(None, record_of("lead")))

    assert [(each.path, each.verdict) for each in explanation.verdicts] == [
        ("state", False),
        ("entity", True),
        ("on", False),
        ("source", False),
        ("when_changed", False),
        ("only_if", True),
    ]
    assert explanation.reason == "state is paused, and must be active"
