"""Every row of the table of cases holds, for what runs and for the second opinion alike."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from schemas.records import Event
from tests.crm import catalog, compiled_of
from tests.naive_evaluator import condition, fires, steps, world_of
from tests.semantics_table import Case, conditions, groups, saved, workflows
from workflow_service.language.check import check, check_warnings
from workflow_service.language.operators import OPERATORS
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow

COMMON: dict[str, Any] = {
    "id": "w",
    "entity": "lead",
    "on": ["created", "updated", "deleted"],
    "then": [{"webhook": "hook"}],
}
CONDITIONS, WORKFLOWS, SAVED = conditions(), workflows(), saved()
ROWS = [
    case for each in (CONDITIONS, WORKFLOWS, SAVED) for cases in each.values() for case in cases
]


def plain(event: Event) -> dict[str, Any]:
    return {each.name: getattr(event, each.name) for each in dataclasses.fields(event)}


def verdict(case: Case) -> tuple[bool | None, bool | None]:
    compiled = compiled_of(**case.content).condition
    assert compiled is not None
    explained = compiled.explain(case.event)
    assert explained.reason
    return compiled.decide(case.event), explained.verdict


def second_verdict(case: Case) -> bool | None:
    manifest = COMMON | case.content
    assert case.event is not None
    return condition(manifest["only_if"], world_of(manifest, plain(case.event)))


def made(case: Case) -> bool | list[int]:
    compiled = compiled_of(**case.content)
    assert case.event is not None
    fired = compiled.takes(case.event) and compiled.matches(case.event)
    if not isinstance(case.expected, list):
        return fired
    return [each.index for each in compiled.steps if fired and each.takes(case.event)]


def second_made(case: Case) -> bool | list[int]:
    manifest = COMMON | case.content
    assert case.event is not None
    event = plain(case.event)
    fired = fires(manifest, event)
    if not isinstance(case.expected, list):
        return fired
    return [index for index, each in enumerate(steps(manifest, event)) if fired and each]


def said_on_saving(case: Case) -> str:
    """Whether a workflow is refused, or accepted, with or without a report."""
    parsed = parse_workflow(COMMON | case.content)
    if not isinstance(parsed, Workflow):
        assert all(each.message for each in parsed)
        return "refused"
    problems = check(parsed, catalog(), {"hook": None})
    warnings = check_warnings(parsed, catalog())
    assert all(each.message for each in (*problems, *warnings))
    return "refused" if problems else "reported" if warnings else "accepted"


@pytest.mark.parametrize("group", CONDITIONS)
def test_conditions_mean_what_the_table_says(group: str) -> None:
    for case in CONDITIONS[group]:
        assert verdict(case) == (case.expected, case.expected), case.name


@pytest.mark.parametrize("group", CONDITIONS)
def test_the_second_opinion_on_conditions_is_the_same(group: str) -> None:
    for case in CONDITIONS[group]:
        assert case.re2 or second_verdict(case) is case.expected, case.name


@pytest.mark.parametrize("group", WORKFLOWS)
def test_workflows_fire_as_the_table_says(group: str) -> None:
    for case in WORKFLOWS[group]:
        assert made(case) == case.expected, case.name


@pytest.mark.parametrize("group", WORKFLOWS)
def test_the_second_opinion_on_workflows_is_the_same(group: str) -> None:
    for case in WORKFLOWS[group]:
        assert second_made(case) == case.expected, case.name


@pytest.mark.parametrize("group", SAVED)
def test_saving_says_what_the_table_says(group: str) -> None:
    for case in SAVED[group]:
        assert said_on_saving(case) == case.expected, case.name


def test_the_table_is_as_long_as_promised():
    assert len(ROWS) >= 300


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_has_rows_with_every_verdict(operator: str) -> None:
    found = {
        case.expected
        for cases in CONDITIONS.values()
        for case in cases
        if operator in case.content["only_if"]
    }

    assert found == {True, False, None}


def test_every_group_has_a_sentence_and_no_sentence_stands_twice():
    sentences = [document.value["about"] for document in groups()]

    assert all(sentences)
    assert len(set(sentences)) == len(sentences)
