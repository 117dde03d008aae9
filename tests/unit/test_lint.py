"""What is doubtful about definitions taken together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from console.lint import Definitions, lint
from tests.crm import catalog, workflow_of
from webhook_service.parse import parse_webhook

NOW = datetime(2026, 5, 4, tzinfo=UTC)
LOOP = {"lead": ["updated"]}


def hook(id="hook", **content):
    given = {"id": id, "url": "https://example.com", "secret": "whsec_" + "A" * 32}
    return parse_webhook({"writes": {}, **given, **content})


def found(workflows, webhooks, *, everything=False, age=timedelta(0), about=()):
    given = Definitions(
        {each.id: each for each in workflows},
        {each.id: each for each in webhooks},
        {each.id: NOW - age for each in workflows},
        frozenset(about),
    )
    return lint(given, catalog(), NOW, everything=everything)


def undeclared(id="hook", **content):
    return hook(id, **content).model_copy(update={"writes": None})


def test_sound_definitions_have_no_findings():
    assert found([workflow_of()], [hook()]) == ()


def test_a_cycle_is_a_warning_with_its_path_and_what_ends_it():
    (finding,) = found([workflow_of()], [hook(writes=LOOP)])

    assert finding.kind == "cycle"
    assert finding.warns
    assert finding.path == ("w → webhook hook → lead updated", "w")
    assert "w can set itself off, again and again" in finding.message
    assert "source: {not_in: [workflow]}" in finding.advice
    assert "when_changed" in finding.advice
    assert "on_entering" not in finding.advice
    assert finding.about == ("workflow/w", "webhook/hook")


def test_advice_leaves_out_what_the_workflows_already_say():
    condition = {"field": "after.stage.id", "equals": "won"}
    workflow = workflow_of(when_changed=["stage.id"], only_if=condition)

    (finding,) = found([workflow], [hook(writes=LOOP)])

    assert "when_changed" not in finding.advice
    assert "fire: on_entering" in finding.advice


def test_what_is_paused_or_a_dry_run_is_followed_only_when_asked_for():
    for state in ("paused", "dry_run"):
        workflow = workflow_of(state=state)

        assert found([workflow], [hook(writes=LOOP)]) == ()
        (finding,) = found([workflow], [hook(writes=LOOP)], everything=True)
        assert finding.kind == "cycle"


def test_what_cannot_be_known_is_said_and_is_no_warning():
    (finding,) = found([workflow_of()], [undeclared(), undeclared("unused")])

    assert finding.kind == "undeclared"
    assert not finding.warns
    assert "cycles through hook cannot be seen" in finding.message
    assert "writes: {}" in finding.advice


def test_an_active_workflow_whose_webhook_does_not_deliver_is_warned_about():
    (paused,) = found([workflow_of()], [hook(state="paused")])
    (missing,) = found([workflow_of()], [])

    assert "w is active and its webhook hook paused" in paused.message
    assert "does not exist" in missing.message
    assert found([workflow_of(state="paused")], [hook(state="disabled")]) == ()


def test_a_dry_run_is_warned_about_when_it_was_left_on():
    workflow = workflow_of(state="dry_run")

    assert found([workflow], [hook()], age=timedelta(days=6)) == ()
    (finding,) = found([workflow], [hook()], age=timedelta(days=30))
    assert "w has been a dry run for 30 days" in finding.message


def test_a_condition_that_always_holds_is_warned_about():
    condition = {"any": [{"field": "after.title", "is_empty": each} for each in (True, False)]}

    (finding,) = found([workflow_of(on=["created"], only_if=condition)], [hook()])

    assert finding.kind == "condition"
    assert finding.message.startswith("w: only_if")


def test_only_what_is_asked_about_is_shown():
    workflows = [workflow_of(), workflow_of(id="v", then=[{"webhook": "gone"}])]

    shown = found(workflows, [hook(writes=LOOP)], about=["workflow/v"])

    assert [finding.kind for finding in shown] == ["webhook"]
    assert found(workflows, [hook(writes=LOOP)], about=["workflow/other"]) == ()
