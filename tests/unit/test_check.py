"""A workflow that makes no sense is refused when it is saved, with place, finding and way out."""

from __future__ import annotations

import pytest

from tests.crm import catalog, workflow_of
from workflow_service.language.check import check
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import MAX_CONDITIONS, MAX_DEPTH, Workflow

HOOKS = {"hook": None, "people": ("person", "organization")}
GOOD = {"id": "w", "entity": "lead", "on": ["created"], "then": [{"webhook": "hook"}]}


def problems_with(**content: object) -> list[str]:
    parsed = parse_workflow(GOOD | content)
    if isinstance(parsed, Workflow):
        return [str(problem) for problem in check(parsed, catalog(), HOOKS)]
    return [str(problem) for problem in parsed]


def leaf(field: str, **operator: object) -> dict[str, object]:
    return {"field": field, **operator}


def test_a_sound_workflow_has_no_problems():
    assert (
        problems_with(
            on=["created", "updated"],
            source={"not_in": ["import"]},
            when_changed=["stage", "stage.id"],
            only_if={
                "all": [leaf("after.lead_value", at_least=1000), leaf("stage.id", changed=True)]
            },
        )
        == []
    )


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (leaf("after.lead_valu", equals=1), ["only_if.field", "did you mean after.lead_value?"]),
        (leaf("stage.id", equals="won"), ["write after.stage.id or before.stage.id"]),
        (leaf("source", equals="ui"), ["write after.source or before.source"]),
        (leaf("actor", equals="ada"), ["field of the envelope", "write event.actor"]),
        (leaf("event.actr", equals="ada"), ["did you mean event.actor?"]),
        (leaf("nonsense", equals="x"), ["unknown", "after.NAME, before.NAME or event.NAME"]),
        (leaf("after.stage", equals="won"), ["a record", "id, code, name", "is_empty, changed"]),
        (leaf("after.tags.x", equals="won"), ["after.tags is a list"]),
        (leaf("after.title.x", equals="won"), ["after.title is a text"]),
        (leaf("after.custom_attributes", equals="x"), ["a map", "by code"]),
        (leaf("after.title", at_least="x"), ["after.title is a text", "equals, not_equals"]),
        (leaf("after.status", contains="x"), ["true or false", "equals, not_equals"]),
        (leaf("after.tags", equals="x"), ["a list of a text", "contains"]),
        (leaf("after.title", equals=100), ["found the number 100", 'write "100" in quotes']),
        (leaf("after.lead_value", equals="1e2"), ['found the text "1e2"', "a decimal number"]),
        (leaf("after.lead_value", equals=True), ["found true", "a decimal number"]),
        (leaf("after.lead_value", equals=0.1234567890123456), ["rounded", "in quotes"]),
        (leaf("after.status", equals="yes"), ['found the text "yes"', "true or false"]),
        (
            leaf("after.expected_close_date", equals="2026-01-31T00:00:00Z"),
            ["is a date", "with a time", "2026-01-31 is expected"],
        ),
        (leaf("after.expected_close_date", equals="2026-02-30"), ["the calendar does not have"]),
        (leaf("after.closed_at", equals="2026-01-31"), ["with its offset"]),
        (leaf("after.closed_at", equals="2026-01-31T09:00:00"), ["with its offset"]),
        (leaf("event.source", equals="ap"), ["did you mean api?"]),
        (leaf("event.event_id", equals="x"), ["a UUID is expected"]),
        (leaf("before.title", equals="x"), ["could never hold", "write after"]),
        (leaf("after.title", is_empty="yes"), ["true or false is expected"]),
        (leaf("after.stage", changed=True), ["one side too many", "write stage"]),
        (leaf("event.actor", changed=True), ["between before and after"]),
    ],
    ids=str,
)
def test_a_condition_that_makes_no_sense_is_refused(condition, said):
    (problem,) = problems_with(only_if=condition)

    for part in said:
        assert part in problem


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (leaf("after.title"), "names after.title and no operator"),
        ({"equals": "x"}, "the key field is missing"),
        (leaf("after.title", equals=None), "half-filled"),
        (leaf("after.title", equal="x"), "did you mean equals?"),
        (leaf("after.title", equals="x", contains="y"), "a condition has one"),
        (leaf("after.title", equals=["x"]), "several values are for in"),
        (leaf("after.title", **{"in": "x"}), "a list of at least one value"),
        (leaf("after.title", **{"in": []}), "a list of at least one value"),
        (leaf("after.title", **{"in": ["x", None]}), "only_if.in[1]: half-filled"),
        ({"all": []}, "lists at least one condition"),
        ({"any": {}}, "lists at least one condition"),
        ({"all": [leaf("after.title", equals="x")], "any": []}, "a group has one key"),
        ([], "a condition"),
        (None, "a condition"),
        ({}, "half-filled"),
    ],
    ids=str,
)
def test_a_half_filled_or_misshapen_condition_is_refused(condition, said):
    (problem,) = problems_with(only_if=condition)

    assert problem.startswith("only_if")
    assert said in problem


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        ({"entity": "lad"}, "entity", "did you mean lead?"),
        ({"id": "Big Lead"}, "id", "lower-case"),
        ({"onn": ["created"]}, "onn", "did you mean on?"),
        ({"on": []}, "on", "created, updated, deleted"),
        ({"on": "created"}, "on", "a list"),
        ({"on": ["create"]}, "on[0]", "did you mean created?"),
        ({"on": ["created", "created"]}, "on[1]", "twice"),
        ({"source": ["imports"]}, "source[0]", "did you mean import?"),
        ({"source": {"not": ["import"]}}, "source", "not_in"),
        ({"source": "ui"}, "source", "a list of sources"),
        (
            {"source": {"not_in": ["ui", "api", "import", "webform", "workflow", "system"]}},
            "source",
            "could never match",
        ),
        ({"when_changed": ["stages"]}, "when_changed[0]", "did you mean stage?"),
        ({"when_changed": ["after.stage"]}, "when_changed[0]", "write stage"),
        ({"then": []}, "then", "at least one action"),
        ({"then": ["hook"]}, "then[0]", "{webhook: ID}"),
        ({"then": [{"webhook": 3}]}, "then[0].webhook", "the id of a webhook"),
        ({"then": [{"webhook": "hok"}]}, "then[0].webhook", "did you mean hook?"),
        ({"then": [{"webhook": "people"}]}, "then[0].webhook", "is for person, organization"),
        ({"state": "dry-run"}, "state", "did you mean dry_run?"),
        ({"state": None}, "state", "active, paused"),
        ({"description": 3}, "description", "a text is expected"),
    ],
    ids=str,
)
def test_everything_else_is_refused_with_its_place(content, place, said):
    (problem,) = problems_with(**content)

    assert problem.startswith(f"{place}: ")
    assert said in problem


def test_all_problems_are_found_in_one_go():
    parsed = parse_workflow({"idd": "w", "entity": "lead", "on": ["x"], "then": [{}]})

    assert isinstance(parsed, tuple)
    assert [problem.place for problem in parsed] == ["idd", "", "on[0]", "then[0]"]


def test_trees_are_bounded_in_depth_and_number():
    deep: dict[str, object] = leaf("after.title", equals="x")
    for _ in range(MAX_DEPTH + 1):
        deep = {"all": [deep]}
    wide = {"any": [leaf("after.title", equals="x")] * (MAX_CONDITIONS + 1)}

    assert "nested deeper" in problems_with(only_if=deep)[0]
    assert f"at most {MAX_CONDITIONS}" in problems_with(only_if=wide)[0]
    assert problems_with(only_if=deep["all"][0]) == []


def test_a_manifest_says_the_same_again():
    workflow = workflow_of(
        description="d",
        source={"not_in": ["import"]},
        when_changed=["stage"],
        only_if={
            "any": [leaf("after.title", **{"in": ["x", "y"]}), leaf("after.tags", contains="z")]
        },
        state="paused",
    )

    assert parse_workflow(workflow.manifest()) == workflow
