"""Every part of the language is read from a manifest and written back the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.crm import workflow_of
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import (
    Counted,
    Group,
    Items,
    Leaf,
    Not,
    OtherField,
    Relative,
    Workflow,
)

TITLE = {"field": "after.title", "equals": "x"}


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"not": TITLE}, Not(Leaf("after.title", "equals", "x"))),
        (
            {"field": "after.title", "contains": "x", "ignore_case": True},
            Leaf("after.title", "contains", "x", ignore_case=True),
        ),
        (
            {"field": "after.lead_value", "greater_than": {"field": "before.lead_value"}},
            Leaf("after.lead_value", "greater_than", OtherField("before.lead_value")),
        ),
        (
            {"field": "after.expected_close_date", "between": ["today", "today + 7d"]},
            Leaf(
                "after.expected_close_date",
                "between",
                (Relative("today"), Relative("today", 7, "d")),
            ),
        ),
        (
            {"field": "after.closed_at", "less_than": "now - 36h"},
            Leaf("after.closed_at", "less_than", Relative("now", -36, "h")),
        ),
        (
            {"field": "after.tags", "count": {"at_least": 2}},
            Leaf("after.tags", "count", Counted("at_least", 2)),
        ),
        (
            {"field": "after.tags", "count": {"between": [2, 3]}},
            Leaf("after.tags", "count", Counted("between", (2, 3))),
        ),
        (
            {"field": "after.tags", "any_item": {"field": "item", "equals": "vip"}},
            Items("after.tags", "any_item", Leaf("item", "equals", "vip")),
        ),
        ({"field": "stage.id", "changed_to": ["won", "lost"]}, None),
        ({"field": "lead_value", "increased_by": "10%"}, None),
        (
            {"any": [TITLE, {"not": {"all": [TITLE]}}]},
            Group(
                "any",
                (
                    Leaf("after.title", "equals", "x"),
                    Not(Group("all", (Leaf("after.title", "equals", "x"),))),
                ),
            ),
        ),
    ],
    ids=str,
)
def test_a_condition_is_read_and_written_back(said: dict[str, Any], read: object) -> None:
    workflow = workflow_of(only_if=said)

    assert read is None or workflow.only_if == read
    assert workflow.manifest()["only_if"] == said
    assert parse_workflow(workflow.manifest()) == workflow


def test_a_workflow_is_written_back_whole():
    said = {
        "time_zone": "Europe/Berlin",
        "fire": "on_entering",
        "state": "dry_run",
        "only_if": TITLE,
        "then": [{"webhook": "hook", "if": TITLE, "template": {"json": {"a": 1}}}],
    }

    workflow = workflow_of(**said)

    assert said.items() <= workflow.manifest().items()
    assert parse_workflow(workflow.manifest()) == workflow


def test_a_text_is_compared_with_a_relative_date_as_it_was_written():
    workflow = workflow_of(only_if={"field": "after.title", "equals": "today +7d"})

    assert workflow.manifest()["only_if"]["equals"] == "today +7d"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"time_zone": "Europe/Berln"}, 'time_zone: the time zone "Europe/Berln" is unknown (did'),
        ({"time_zone": 2}, "time_zone: found the number 2; a name of the time zone database"),
        ({"fire": "on_enter"}, "did you mean on_entering?"),
        ({"fire": "on_entering"}, "there is no only_if"),
        ({"only_if": {"not": [TITLE]}}, "only_if.not: found a list of 1; not takes one condition"),
        ({"only_if": {"not": TITLE, "field": "x"}}, "a group has one key"),
        (
            {"only_if": {"field": "after.tags", "any_items": TITLE}},
            'only_if.any_items: the operator "any_items" is unknown (did you mean any_item?)',
        ),
        (
            {"only_if": {"field": "after.tags", "count": {"at_lest": 2}}},
            'only_if.count.at_lest: the operator "at_lest" is unknown (did you mean at_least?)',
        ),
        ({"only_if": {"field": "after.tags", "count": 2}}, "write {equals: 2}"),
        (
            {"only_if": {"field": "after.tags", "count": {"in": [1, "2"]}}},
            'only_if.count.in[1]: found the text "2"; a whole number',
        ),
        (
            {"only_if": {"field": "after.title", "in": [{"field": "before.title"}]}},
            "only_if.in[0]: found a mapping with field; in takes plain values",
        ),
        (
            {"only_if": {"field": "after.title", "equals": {"fild": "before.title"}}},
            "or another field, written {field: before.lead_value}",
        ),
        (
            {"only_if": {"field": "after.title", "equals": {"field": None}}},
            "only_if.equals.field: found nothing (null); the name of a field",
        ),
        ({"only_if": {"field": "after.lead_value", "between": [1, 2, 3]}}, "[low, high]"),
        ({"only_if": {"field": "after.title", "matches": 3}}, "a regular expression is expected"),
        (
            {"only_if": {"field": "lead_value", "increased_by": [1]}},
            "only_if.increased_by: found a list of 1; increased_by takes an amount",
        ),
        (
            {"only_if": {"field": "after.lead_value", "at_least": 1, "ignore_case": True}},
            "only_if.ignore_case: stands beside at_least; it is there for text in equals",
        ),
        (
            {"only_if": {"field": "after.tags", "no_item": TITLE, "ignore_case": True}},
            "only_if.ignore_case: stands beside no_item; write it inside",
        ),
        (
            {"then": [{"webhook": "hook", "if": {"field": "after.title"}}]},
            "then[0].if: half-filled",
        ),
        ({"then": [{"webhook": "hook", "template": None}]}, "then[0].template: half-filled"),
    ],
    ids=str,
)
def test_a_wrong_shape_is_named_with_place_finding_and_way_out(
    content: dict[str, Any], said: str
) -> None:
    good = {"id": "w", "entity": "lead", "on": ["updated"], "then": [{"webhook": "hook"}]}
    problems = parse_workflow(good | content)

    assert not isinstance(problems, Workflow)
    (problem,) = problems
    assert said in str(problem)


def test_comparisons_are_counted_over_the_whole_workflow():
    many = {"any": [{"field": "after.title", "equals": str(n)} for n in range(150)]}
    good = {"id": "w", "entity": "lead", "on": ["updated"]}

    problems = parse_workflow(good | {"only_if": many, "then": [{"webhook": "hook", "if": many}]})

    assert not isinstance(problems, Workflow)
    assert [each.place for each in problems] == ["then[0].if"]


def test_lists_within_lists_are_bounded():
    condition: dict[str, Any] = {"field": "item", "equals": "x"}
    for _ in range(9):
        condition = {"field": "after.tags", "any_item": condition}
    good = {"id": "w", "entity": "lead", "on": ["updated"], "then": [{"webhook": "hook"}]}

    problems = parse_workflow(good | {"only_if": condition})

    assert not isinstance(problems, Workflow)
    assert "lists are nested deeper than 8" in str(problems[0])
