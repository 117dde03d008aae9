"""The template of a workflow's action: checked when it is saved, carried by the action."""

from __future__ import annotations

import pytest

from schemas.codec import Codec
from tests.crm import NOON, catalog, compiled_of, lead_event, workflow_of
from tests.delivery_rig import KnowsAll
from workflow_service.actions import Origin, actions_of
from workflow_service.language.check import check
from workflow_service.language.compiled import compile_workflow

ORIGIN = Origin("t.lead.events", 0, 7, b"")


def problems(template, **content):
    workflow = workflow_of(then=[{"webhook": "hook"}, {"webhook": "hook", "template": template}])
    workflow = workflow_of(**{"then": workflow.manifest()["then"], **content})
    return [(each.place, each.message) for each in check(workflow, catalog(), {"hook": None})]


@pytest.mark.parametrize(
    ("template", "place", "message"),
    [
        pytest.param("ful", "", "did you mean full?", id="no body"),
        pytest.param({"json": {"t": "{{ after.id"}}, ".json.t", "end of the text", id="syntax"),
        pytest.param(
            {"json": {"title": "{{ after.titel }}"}}, ".json.title", "after.title?", id="field"
        ),
        pytest.param({"form": {"a": "{{ after.tags }}"}}, ".form.a", "join", id="list in a form"),
    ],
)
def test_a_template_that_makes_no_sense_is_refused_once_with_its_place(template, place, message):
    ((found_place, found_message),) = problems(template)

    assert found_place == f"then[1].template{place}"
    assert message in found_message


def test_a_template_is_checked_for_the_operations_of_its_workflow():
    template = {"text": "{{ before.title }}"}

    assert problems(template, on=["created", "updated"]) == []
    ((place, message),) = problems(template, on=["created"])
    assert place == "then[1].template.text"
    assert "has no before" in message


def test_a_template_and_a_condition_are_found_wrong_at_once():
    found = problems({"text": "{{ after.x }}"}, only_if={"field": "after.y", "equals": 1})

    assert {place.partition(".")[0] for place, _ in found} == {"only_if", "then[1]"}


def test_a_template_that_is_none_does_not_compile():
    assert isinstance(
        compile_workflow(workflow_of(then=[{"webhook": "h", "template": 1}]), 1, catalog()), tuple
    )


def test_an_action_carries_its_steps_template_and_no_other_does():
    template = {"json": {"b": "{{ after.title }}", "a": "ö"}}
    compiled = compiled_of(then=[{"webhook": "a"}, {"webhook": "b", "template": template}])

    first, second = actions_of(compiled, lead_event(), ORIGIN, NOON)

    assert first.template is None
    assert second.template == '{"json":{"a":"ö","b":"{{ after.title }}"}}'
    codec = Codec(catalog(), KnowsAll())
    assert codec.decode_action(codec.encode(second)) == second
