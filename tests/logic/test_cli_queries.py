"""Queries at the command line: events, traces, deliveries, workflows, webhooks; JSON and exit codes."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from schemas.records import action_id_of
from tests.desks import (
    EVENT_ID,
    SECRET,
    Office,
    death,
    lead_action,
    lead_attempt,
    lead_event,
    office,
    parsed,
)
from tests.fakes import NOON

ACTION_ID = action_id_of(EVENT_ID, "big-lead", 1, 0)


@pytest.fixture(scope="module")
def read_only() -> Office:
    """A system with one event, matched once, tried twice, delivered; nobody writes to it."""
    made = office()
    made.publish(lead_event())
    made.act(lead_action())
    made.attempt(
        lead_attempt(),
        lead_attempt(
            attempt=2,
            status=200,
            error_class=None,
            error=None,
            started_at=NOON + timedelta(seconds=5),
            outcome="delivered",
            next_due_at=None,
        ),
    )
    return made


def test_a_trace_leads_from_the_event_to_the_outcome(read_only, capsys):
    assert read_only.call("trace", str(EVENT_ID), "--json") == 0

    answer = parsed(capsys.readouterr().out)
    assert answer["event"]["topic"] == "crm.lead.events"
    assert [(one["workflow"], one["matched"]) for one in answer["workflows"]] == [
        ("big-lead", True),
        ("small-lead", False),
    ]
    assert "12000" in answer["workflows"][1]["reason"]
    (action,) = answer["actions"]
    assert (action["action_id"], action["stand"]) == (str(ACTION_ID), "delivered")
    assert [one["outcome"] for one in action["delivery"]["log"]] == ["waiting", "delivered"]
    assert answer["event"]["after"]["description"] == "•••"


def test_a_trace_for_people_names_each_step(read_only, capsys):
    assert read_only.call("trace", str(EVENT_ID)) == 0

    out = capsys.readouterr().out
    for words in ("crm.lead.events:", "big-lead (version 1): matches", "no match", "attempt 2"):
        assert words in out


def test_a_trace_of_an_unknown_event_is_a_negative_answer(read_only, capsys):
    assert read_only.call("trace", str(uuid.UUID(int=1)), "--entity", "lead") == 1

    assert "crm.lead.events" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seed", "stand", "words"),
    [
        pytest.param(lambda _: None, "queued", "no attempt", id="no attempt yet"),
        pytest.param(
            lambda made: made.attempt(lead_attempt()), "waiting", "waiting until", id="waiting"
        ),
        pytest.param(
            lambda made: (
                made.attempt(lead_attempt(outcome="dead", next_due_at=None)),
                made.die(death(lead_action())),
            ),
            "dead",
            "dead letter ",
            id="dead",
        ),
    ],
)
def test_a_trace_says_where_each_action_stands(capsys, seed, stand, words):
    made = office()
    made.publish(lead_event())
    made.act(lead_action())
    seed(made)

    made.call("trace", str(EVENT_ID), "--json")

    (action,) = parsed(capsys.readouterr().out)["actions"]
    assert action["stand"] == stand
    assert words in action["sentence"]


def test_a_trace_shows_what_was_only_tried_out_as_such(capsys):
    made = office()
    made.publish(lead_event())
    made.act(lead_action(workflow_id="small-lead"), topic=made.topics.actions_dryrun)

    made.call("trace", str(EVENT_ID), "--json")
    (action,) = parsed(capsys.readouterr().out)["actions"]
    made.call("trace", str(EVENT_ID))
    out = capsys.readouterr().out

    assert (action["workflow_id"], action["stand"]) == ("small-lead", "dry_run")
    assert "actions (0)" in out
    assert "dry-run actions (1)" in out
    assert "nothing was" in out


def test_a_trace_tells_a_dry_run_from_a_workflow_that_is_active(capsys):
    made = office()
    made.apply(
        "kind: Workflow\nid: tried-out\nentity: lead\non: [created]\nstate: dry_run\n"
        "then: [{webhook: standby}]\n"
    )
    made.publish(lead_event())

    made.call("trace", str(EVENT_ID))

    out = capsys.readouterr().out
    assert "tried-out (version 1): matches, as a dry run" in out
    assert "big-lead (version 1): matches\n" in out


def test_a_trace_shows_an_action_that_the_workflow_service_refused(capsys):
    made = office()
    made.publish(lead_event())
    (record,) = made.broker.written("crm.lead.events")
    refused = {
        "__connect.errors.topic": "crm.lead.events",
        "__connect.errors.partition": str(record.partition),
        "__connect.errors.offset": str(record.offset),
        "hookline-reason": "the webhook is gone",
    }
    made.die(death(lead_action(), **refused))

    made.call("trace", str(EVENT_ID))

    assert "of big-lead for sales was refused: the webhook is gone" in capsys.readouterr().out


def test_deliveries_are_listed_with_their_counts(read_only, capsys):
    assert read_only.call("deliveries", "list", "--json") == 0

    answer = parsed(capsys.readouterr().out)
    assert answer["counts"] == {"delivered": 1, "waiting": 0, "dead": 0}
    (one,) = answer["deliveries"]
    assert (one["webhook"], one["attempts"], one["last_status"]) == ("sales", 2, 200)
    assert "log" not in one


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        pytest.param(("--webhook", "sales"), 1, id="webhook"),
        pytest.param(("--webhook", "people"), 0, id="another webhook"),
        pytest.param(("--outcome", "dead"), 0, id="outcome"),
        pytest.param(("--event", str(EVENT_ID)), 1, id="event"),
        pytest.param(("--record", "18"), 0, id="record"),
    ],
)
def test_deliveries_can_be_filtered(read_only, capsys, option, expected):
    read_only.call("deliveries", "list", "--json", *option)

    assert len(parsed(capsys.readouterr().out)["deliveries"]) == expected


def test_a_delivery_is_shown_with_every_attempt(read_only, capsys):
    assert read_only.call("deliveries", "show", str(ACTION_ID), "--json") == 0

    (one,) = parsed(capsys.readouterr().out)["deliveries"]
    assert [(each["attempt"], each["status"]) for each in one["log"]] == [(1, 503), (2, 200)]
    assert one["log"][0]["response_body"] == "down"


def test_a_delivery_without_attempts_is_a_negative_answer(read_only):
    assert read_only.call("deliveries", "show", str(uuid.UUID(int=1))) == 1


def test_an_event_is_shown_masked_unless_personal_fields_are_asked_for(read_only, capsys):
    read_only.call("events", "show", str(EVENT_ID), "--json")
    masked = parsed(capsys.readouterr().out)
    read_only.call("events", "show", str(EVENT_ID), "--json", "--personal")
    plain = parsed(capsys.readouterr().out)

    assert masked["after"]["description"] == "•••"
    assert plain["after"]["description"] == "told me in private"
    assert plain["after"]["lead_value"] == "12000.0000"


def test_tail_prints_what_was_published_since_and_stops_at_the_count(read_only, capsys):
    assert read_only.call("events", "tail", "lead", "--since", "1h", "--count", "1", "--json") == 0

    assert parsed(capsys.readouterr().out)["event_id"] == str(EVENT_ID)


def test_an_unknown_entity_is_refused_with_those_there_are(read_only, capsys):
    assert read_only.call("events", "tail", "leed", "--count", "1") == 2

    assert "activity, lead" in capsys.readouterr().err


def test_publish_answers_with_the_place_of_the_event(capsys):
    made = office()

    code = made.call("events", "publish", "lead", "--after", '{"id": "9", "title": "T"}', "--json")

    answer = parsed(capsys.readouterr().out)
    assert code == 0
    (record,) = made.broker.written(answer["topic"])
    assert (record.partition, record.offset) == (answer["partition"], answer["offset"])
    assert record.key == b"9"


def test_an_update_that_changes_nothing_is_no_event(capsys):
    made = office()
    same = '{"id": "9", "title": "T"}'

    code = made.call("events", "publish", "lead", "--before", same, "--after", same, "--json")

    assert code == 1
    assert parsed(capsys.readouterr().out)["event_id"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["lead"], "--after", id="no record"),
        pytest.param(["lead", "--after", "{"], "not JSON", id="no JSON"),
        pytest.param(["lead", "--after", '{"id": "9"}'], "/title", id="a field is missing"),
        pytest.param(["leed", "--after", "{}"], "activity, lead", id="no such entity"),
        pytest.param(["lead", "--after", "@/nowhere.json"], "/nowhere.json", id="no such file"),
    ],
)
def test_a_wrong_event_is_refused_and_named(read_only, capsys, arguments, words):
    assert read_only.call("events", "publish", *arguments) == 2

    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


def test_workflows_are_listed_and_shown_as_manifests(read_only, capsys):
    read_only.call("workflows", "list", "--json")
    listed = parsed(capsys.readouterr().out)["workflows"]
    read_only.call("workflows", "show", "big-lead", "--json")
    shown = parsed(capsys.readouterr().out)

    assert [(one["id"], one["webhooks"]) for one in listed] == [
        ("big-lead", ["sales"]),
        ("small-lead", ["standby"]),
    ]
    assert shown["manifest"]["kind"] == "Workflow"
    assert shown["manifest"]["then"] == [{"webhook": "sales"}]


@pytest.mark.parametrize(
    ("workflow", "code", "matched"),
    [pytest.param("big-lead", 0, True, id="yes"), pytest.param("small-lead", 1, False, id="no")],
)
def test_explain_answers_with_verdict_and_exit_code(read_only, capsys, workflow, code, matched):
    assert read_only.call("workflows", "explain", workflow, str(EVENT_ID), "--json") == code

    answer = parsed(capsys.readouterr().out)
    assert answer["matched"] is matched
    assert answer["verdicts"]


def test_webhooks_are_listed_with_the_workflows_that_name_them(read_only, capsys):
    read_only.call("webhooks", "list", "--json")

    out = capsys.readouterr().out
    assert [(one["id"], one["workflows"]) for one in parsed(out)["webhooks"]] == [
        ("people", []),
        ("sales", ["big-lead"]),
        ("standby", ["small-lead"]),
    ]
    assert "hush" not in out


def test_a_webhooks_secrets_are_shown_only_when_asked_for(read_only, capsys):
    read_only.call("webhooks", "show", "sales", "--json")
    masked = capsys.readouterr().out
    read_only.call("webhooks", "show", "sales", "--json", "--reveal-secret")
    revealed = parsed(capsys.readouterr().out)

    assert SECRET not in masked
    assert parsed(masked)["manifest"]["headers"] == {"X-Api-Key": "***"}
    assert revealed["manifest"]["secret"] == SECRET
    assert revealed["manifest"]["headers"] == {"X-Api-Key": "hush"}


def test_a_preview_shows_the_request_of_a_real_event(read_only, capsys):
    code = read_only.call("webhooks", "preview", "sales", "--event", str(EVENT_ID), "--json")

    out = capsys.readouterr().out
    answer = parsed(out)
    assert code == 0
    assert parsed(answer["body"])["data"]["after"]["title"] == "Engine"
    assert answer["headers"]["X-Api-Key"] == "***"
    assert "hush" not in out


def test_a_preview_makes_an_event_up_for_the_entity_that_the_webhook_accepts(read_only, capsys):
    read_only.call("webhooks", "preview", "people", "--json")

    assert parsed(parsed(capsys.readouterr().out)["body"])["type"] == "person.created"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["workflows", "show", "none"], id="workflow"),
        pytest.param(["workflows", "remove", "none"], id="workflow to remove"),
        pytest.param(["webhooks", "show", "none"], id="webhook"),
        pytest.param(["webhooks", "preview", "none"], id="webhook to preview"),
    ],
)
def test_what_is_not_there_is_a_negative_answer_with_what_is(read_only, capsys, arguments):
    assert read_only.call(*arguments) == 1

    assert "there are" in capsys.readouterr().err


def test_a_webhook_in_use_is_removed_only_by_force(capsys):
    made = office()

    assert made.call("webhooks", "remove", "sales") == 1
    assert "big-lead" in capsys.readouterr().err
    assert made.call("webhooks", "remove", "sales", "--force", "--json") == 0
    assert parsed(capsys.readouterr().out) == {"removed": ["sales"]}
    assert made.call("webhooks", "show", "sales") == 1


def test_apply_shows_what_it_saves_and_then_nothing_to_do(capsys, tmp_path):
    file = tmp_path / "more.yaml"
    file.write_text(
        "kind: Workflow\nid: any-lead\nentity: lead\non: [deleted]\nthen: [{webhook: sales}]\n"
    )
    made = office()

    assert made.call("apply", "-f", str(file), "--dry-run", "--json") == 0
    planned = parsed(capsys.readouterr().out)
    assert made.call("apply", "-f", str(file)) == 0
    assert "1 created" in capsys.readouterr().out
    assert made.call("apply", "-f", str(file), "--json") == 0
    again = parsed(capsys.readouterr().out)

    assert [(one["id"], one["what"]) for one in planned["changes"]] == [("any-lead", "create")]
    assert [one["what"] for one in again["changes"]] == ["unchanged"]


def test_apply_names_file_line_and_path_of_every_problem(capsys, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("kind: Workflow\nid: x\nentity: leed\non: [created]\nthen: [{webhook: nope}]\n")
    made = office()

    assert made.call("apply", "-f", str(file)) == 2

    error = capsys.readouterr().err
    assert f"{file}:3" in error
    assert f"{file}:5" in error
