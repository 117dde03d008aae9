"""Contradictions are refused and what always holds is reported, each with its place and its words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.crm import catalog, compiled_of, workflow_of
from workflow_service.language.check import check, check_warnings
from workflow_service.language.findings import contradictions

HOOKS = {"hook": None}


def said(field: str, **operator: object) -> dict[str, Any]:
    return {"field": field, **operator}


VALUE, TITLE, TAGS = "after.lead_value", "after.title", "after.tags"
STATUS, DAY, ATTRIBUTE = "after.status", "after.expected_close_date", "after.custom_attributes.x"


@pytest.mark.parametrize(
    "of",
    [
        [said(VALUE, greater_than=5), said(VALUE, less_than=3)],
        [said(VALUE, greater_than=5), said(VALUE, at_most=5)],
        [said(VALUE, between=[1, 2]), said(VALUE, between=[3, 4])],
        [said(VALUE, at_least=5), said(VALUE, at_most=5), said(VALUE, not_equals=5)],
        [said(VALUE, equals=5), said(VALUE, at_least=6)],
        [said(DAY, greater_than="2026-01-01"), said(DAY, less_than="2026-01-02")],
        [said(TITLE, equals="a"), said(TITLE, equals="b")],
        [said(TITLE, equals="a"), {"all": [{"all": [said(TITLE, equals="b")]}]}],
        [said(TITLE, **{"in": ["a", "b"]}), said(TITLE, **{"in": ["c"]})],
        [said(TITLE, **{"in": ["a", "b"]}), said(TITLE, not_in=["b", "a"])],
        [said(TITLE, equals="a"), {"not": said(TITLE, equals="a")}],
        [said(TITLE, **{"in": ["a", "b"]}), said(TITLE, matches="^c")],
        [said(TITLE, contains="x"), said(TITLE, not_contains="x")],
        [said(TITLE, starts_with="ab"), said(TITLE, starts_with="b")],
        [said(TITLE, ends_with="ab"), said(TITLE, ends_with="a")],
        [said(TITLE, is_empty=True), said(TITLE, equals="x")],
        [said(TITLE, is_empty=True), said(TITLE, is_empty=False)],
        [said(VALUE, is_empty=True), said(VALUE, at_least=0)],
        [said(TAGS, is_empty=True), said(TAGS, contains="x")],
        [said(TAGS, is_empty=True), said(TAGS, count={"at_least": 1})],
        [said(TAGS, count={"equals": 0}), said(TAGS, any_item=said("item", equals="x"))],
        [said(TAGS, count={"less_than": 0})],
        [said(STATUS, not_equals=True), said(STATUS, not_equals=False)],
        [said("event.source", equals="ui"), said("event.source", not_in=["ui", "api"])],
        [said("title", changed=False), said("title", changed_to="x")],
        [said("title", changed=True), said("title", changed=False)],
        [said("title", changed_to="x"), said(TITLE, equals="y")],
        [said("title", changed_from="x"), said("title", changed_to="x")],
        [said("lead_value", increased_by=1), said("lead_value", decreased_by=1)],
        [said(ATTRIBUTE, equals=1), said(ATTRIBUTE, equals="x")],
        [
            said(VALUE, equals={"field": "before.lead_value"}),
            said(VALUE, not_equals={"field": "before.lead_value"}),
        ],
        [said(DAY, less_than="today"), said(DAY, at_least="today")],
        [said(TITLE, equals="a"), {"any": [said(TITLE, equals="b"), said(TITLE, equals="c")]}],
        [{"not": {"any": [said(VALUE, at_least=5), said(VALUE, less_than=5)]}}],
        [
            said(
                "after.products",
                any_item={
                    "all": [
                        said("item.quantity", greater_than=5),
                        said("item.quantity", less_than=6),
                    ]
                },
            )
        ],
    ],
    ids=str,
)
def test_what_can_never_hold_is_refused(of: list[dict[str, Any]]) -> None:
    workflow = workflow_of(only_if={"all": of}, on=["updated"])

    (problem,) = check(workflow, catalog(), HOOKS)

    assert problem.place.startswith("only_if")
    assert "can never hold" in problem.message


@pytest.mark.parametrize(
    "of",
    [
        [said(VALUE, at_least=5), said(VALUE, at_most=5)],
        [said(VALUE, greater_than=5), said(VALUE, less_than=6)],
        [said(TITLE, equals="a"), said("before.title", equals="b")],
        [said(TITLE, equals="a", ignore_case=True), said(TITLE, equals="A")],
        [said(TITLE, is_empty=True), said(TITLE, equals="")],
        [said(TAGS, is_empty=True), said(TAGS, not_contains="x")],
        [
            said("title", changed_from="x", ignore_case=True),
            said("title", changed_to="x", ignore_case=True),
        ],
        [said(ATTRIBUTE, equals="2026-01-01"), said(ATTRIBUTE, not_equals="x")],
        [said(TITLE, starts_with="a"), said(TITLE, starts_with="ab")],
        [said("after.emails", starts_with="a"), said("after.emails", starts_with="b")],
        [said(TITLE, equals="a"), {"any": [said(TITLE, equals="b"), said(VALUE, equals=1)]}],
    ],
    ids=str,
)
def test_what_may_hold_is_not(of: list[dict[str, Any]]) -> None:
    entity = "person" if "emails" in str(of) else "lead"
    assert contradictions(compiled_of(entity=entity, only_if={"all": of}, on=["updated"])) == ()


def test_an_action_that_is_never_made_is_refused():
    step = {"webhook": "hook", "if": said(VALUE, less_than=10)}
    workflow = workflow_of(only_if=said(VALUE, at_least=10), then=[step])

    (problem,) = check(workflow, catalog(), HOOKS)

    assert str(problem) == (
        "then[0].if: contradict each other: after.lead_value at_least 10 and "
        "after.lead_value less_than 10 can never hold together"
    )


@pytest.mark.parametrize(
    ("condition", "place", "words"),
    [
        (
            {"any": [said(TITLE, is_empty=True), said(TITLE, is_empty=False)]},
            "only_if",
            "always true",
        ),
        ({"any": [said(VALUE, at_least=5), said(VALUE, less_than=6)]}, "only_if", "always true"),
        ({"any": [said(STATUS, equals=True), said(STATUS, equals=False)]}, "only_if", "always"),
        (said(TAGS, count={"at_least": 0}), "only_if", "always true"),
        ({"not": {"all": [said(VALUE, equals=1), said(VALUE, equals=2)]}}, "only_if", "always"),
        (
            {"all": [said(TITLE, equals="x"), said(TITLE, equals="x")]},
            "only_if.all[1]",
            "says the same as only_if.all[0]",
        ),
    ],
    ids=str,
)
def test_what_always_holds_is_reported_and_accepted(
    condition: dict[str, Any], place: str, words: str
) -> None:
    workflow = workflow_of(only_if=condition)

    (warning,) = check_warnings(workflow, catalog())

    assert check(workflow, catalog(), HOOKS) == ()
    assert warning.place.startswith(place)
    assert words in warning.message


def test_a_sound_workflow_is_not_odd():
    condition = {"any": [said(VALUE, at_least=5), said(VALUE, less_than=3)]}

    assert check_warnings(workflow_of(only_if=condition), catalog()) == ()
