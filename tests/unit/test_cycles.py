"""Cycles that definitions make possible, and what makes them impossible."""

from __future__ import annotations

import pytest

from console.cycles import MOST, Cycle, cycles_of, set_off_by
from tests.crm import workflow_of
from webhook_service.parse import parse_webhook
from webhook_service.writes import Write


def hook(id="hook", **writes):
    content = {"id": id, "url": "https://example.com", "secret": "whsec_" + "A" * 32}
    return parse_webhook({**content, "writes": writes})


def paths(workflows, *hooks):
    """The cycles, each as the workflows on it."""
    found = cycles_of({each.id: each for each in workflows}, {each.id: each for each in hooks})
    return [cycle.workflows for cycle in found]


def flow(id="w", webhook="hook", **content):
    return workflow_of(id=id, then=[{"webhook": webhook}], **content)


def test_a_workflow_whose_receiver_writes_what_it_looks_at_sets_itself_off():
    assert paths([flow()], hook(lead=["updated"])) == [("w",)]


def test_a_cycle_is_told_as_a_path_back_to_where_it_began():
    one, two = flow("one", "a", on=["updated"]), flow("two", "b", entity="person")
    hooks = {"a": hook("a", person="any"), "b": hook("b", lead=["updated", "created"])}

    (cycle,) = cycles_of({"one": one, "two": two}, hooks)

    assert str(cycle) == (
        "one → webhook a → person created/updated/deleted → two → webhook b → lead updated → one"
    )


def test_every_workflow_on_a_cycle_is_on_one_that_is_told_once():
    flows = [flow("a", "x"), flow("b", "y", entity="person"), flow("c", "x")]

    found = paths(flows, hook("x", person="any"), hook("y", lead=["created"]))

    assert found == [("a", "b"), ("c", "b")]


@pytest.mark.parametrize(
    ("content", "writes"),
    [
        pytest.param({"source": {"not_in": ["workflow"]}}, "any", id="source leaves it out"),
        pytest.param({"source": ["ui", "api"]}, "any", id="source does not name it"),
        pytest.param({"on": ["created"]}, ["updated"], id="another operation"),
        pytest.param({"entity": "person"}, "any", id="another entity"),
        pytest.param(
            {"when_changed": ["stage.id"], "on": ["updated"]},
            {"on": ["updated"], "fields": ["tags", "title"]},
            id="another field is watched",
        ),
        pytest.param(
            {"only_if": {"field": "stage.id", "changed_to": "won"}, "on": ["updated"]},
            {"on": ["updated"], "fields": ["tags"]},
            id="another field must change",
        ),
        pytest.param(
            {"only_if": {"field": "event.source", "not_equals": "workflow"}},
            "any",
            id="a condition",
        ),
        pytest.param(
            {
                "only_if": {
                    "all": [
                        {"field": "event.hops", "less_than": 1},
                        {"field": "after.title", "contains": "a"},
                    ]
                }
            },
            "any",
            id="only the first hop",
        ),
        pytest.param({"fire": "once_per_record"}, ["updated", "deleted"], id="once per record"),
        pytest.param(
            {
                "fire": "on_entering",
                "on": ["updated"],
                "only_if": {"field": "after.stage.id", "equals": "won"},
            },
            ["updated"],
            id="on entering",
        ),
    ],
)
def test_what_makes_a_cycle_impossible_is_seen(content, writes):
    assert paths([flow(**content)], hook(lead=writes)) == []


@pytest.mark.parametrize(
    ("content", "writes"),
    [
        pytest.param({"source": ["workflow"]}, "any", id="source"),
        pytest.param(
            {"when_changed": ["stage.id"], "on": ["updated"]},
            {"on": ["updated"], "fields": ["stage"]},
            id="the field that is watched",
        ),
        pytest.param(
            {"when_changed": ["stage.id"]}, {"fields": ["tags"]}, id="a creation changes all"
        ),
        pytest.param({"when_changed": ["stage.id"]}, ["updated"], id="fields are not declared"),
        pytest.param({"fire": "once_per_record"}, ["created"], id="new records"),
        pytest.param(
            {"only_if": {"not": {"field": "event.source", "equals": "workflow"}}},
            "any",
            id="a not, which is not looked into",
        ),
        pytest.param(
            {
                "only_if": {
                    "any": [
                        {"field": "event.source", "equals": "ui"},
                        {"field": "after.title", "contains": "a"},
                    ]
                }
            },
            "any",
            id="one of several",
        ),
        pytest.param(
            {"only_if": {"field": "event.source", "equals": "WORKFLOW", "ignore_case": True}},
            "any",
            id="a comparison that is not plain",
        ),
    ],
)
def test_what_leaves_a_cycle_possible_is_warned_about(content, writes):
    assert paths([flow(**content)], hook(lead=writes)) == [("w",)]


def test_workflows_that_both_fire_on_entering_can_toggle_a_record_for_ever():
    won, lost = (
        flow(
            stage,
            stage,
            on=["updated"],
            fire="on_entering",
            only_if={"field": "after.stage.id", "equals": stage},
        )
        for stage in ("won", "lost")
    )

    assert paths([won, lost], hook("won", lead=["updated"]), hook("lost", lead=["updated"])) == [
        ("lost", "won")
    ]


def test_an_action_that_is_never_made_on_account_of_a_workflow_ends_a_cycle():
    step = {"webhook": "hook", "if": {"field": "event.source", "equals": "ui"}}

    assert paths([workflow_of(id="w", then=[step])], hook(lead="any")) == []


def test_what_is_not_declared_or_not_there_is_not_followed():
    undeclared = hook().model_copy(update={"writes": None})

    assert paths([flow(), flow("v", "nowhere")], undeclared) == []


def test_only_the_operations_that_both_have_are_named():
    workflow = flow(on=["created", "deleted"])

    assert set_off_by(workflow, Write("lead", ("created", "updated"))) == ("created",)


def test_very_many_cycles_are_cut_off():
    flows = [flow(f"w{number}", f"h{number}") for number in range(MOST + 20)]
    alone = [
        flow(f"w{number}", f"h{number}", source={"not_in": ["workflow"]}) for number in range(5)
    ]

    assert (
        len(paths(flows, *(hook(f"h{number}", lead="any") for number in range(MOST + 20)))) == MOST
    )
    assert paths(alone, *(hook(f"h{number}", lead="any") for number in range(5))) == []


def test_ten_thousand_workflows_that_one_webhook_sets_off_are_looked_at_at_once():
    flows = [flow(f"w{number}", source={"not_in": ["workflow"]}) for number in range(9_999)]

    assert paths([*flows, flow("x")], hook(lead="any")) == [("x",)]
    assert len(paths([flow(f"w{number}") for number in range(2_000)], hook(lead="any"))) == MOST


def test_a_cycle_knows_its_workflows():
    (found,) = cycles_of({"w": flow()}, {"hook": hook(lead="any")})

    assert isinstance(found, Cycle)
    assert found.workflows == ("w",)
