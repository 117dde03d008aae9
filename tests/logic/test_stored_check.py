"""A schema change is checked against what is stored: each workflow that would break is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.desks import SECRET, Office, parsed

FIELDS: list[Any] = [
    {"name": "id", "type": "string", "doc": "Its id."},
    {"name": "subject", "type": "string", "doc": "What it is about."},
    {
        "name": "severity",
        "type": ["null", "int"],
        "doc": "How bad it is, from 1.",
        "default": None,
    },
]
MANIFESTS = f"""\
kind: Webhook
id: desk
url: http://127.0.0.1:9/desk
entities: [ticket]
secret: {SECRET}
---
kind: Workflow
id: bad-ticket
entity: ticket
on: [created]
only_if: {{all: [{{field: after.subject, contains: a}}, {{field: after.severity, at_least: 3}}]}}
then: [{{webhook: desk}}]
---
kind: Workflow
id: any-ticket
entity: ticket
on: [created]
then: [{{webhook: desk}}]
state: paused
"""


def schemas_in(folder: Path, fields: list[dict[str, Any]]) -> Path:
    """A directory with one entity."""
    folder.mkdir()
    schema = {
        "type": "record",
        "name": "Ticket",
        "namespace": "crm",
        "doc": "A question of a customer.",
        "fields": fields,
    }
    (folder / "ticket.avsc").write_text(json.dumps(schema))
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Office:
    """A system whose entity `ticket` has two workflows."""
    made = Office()
    made.environ["HOOKLINE_SCHEMAS_DIR"] = str(schemas_in(tmp_path / "now", FIELDS))
    made.__post_init__()
    for topic in made.topics.all(("ticket", "lead")):
        made.broker.make(topic.name)
    made.apply(MANIFESTS)
    return made


def checked(desk: Office, capsys: Any, *options: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = desk.call("schemas", "check", "--workflows", "--json", *options)
    return code, parsed(capsys.readouterr().out)["stored"]


def test_schemas_that_suit_everything_stored_are_accepted(desk, capsys):
    assert checked(desk, capsys) == (0, {"workflows": 2, "webhooks": 1, "breaking": []})


def test_a_workflow_that_would_break_is_named_with_the_place_and_what_is_wrong(
    desk, capsys, tmp_path
):
    without = schemas_in(tmp_path / "next", FIELDS[:2])

    code, found = checked(desk, capsys, "--schemas-dir", str(without))

    assert code == 1
    (broken,) = found["breaking"]
    assert (broken["id"], broken["version"], broken["already"]) == ("bad-ticket", 1, False)
    (problem,) = broken["problems"]
    assert problem["path"] == "only_if.all[1].field"
    assert "after.severity" in problem["message"]


def test_a_field_of_another_type_breaks_what_compares_it(desk, capsys, tmp_path):
    text = {"name": "severity", "type": ["null", "string"], "doc": "In words.", "default": None}
    retyped = schemas_in(tmp_path / "next", [*FIELDS[:2], text])

    code, found = checked(desk, capsys, "--schemas-dir", str(retyped))

    assert code == 1
    assert found["breaking"][0]["problems"][0]["path"].startswith("only_if.all[1]")


def test_an_entity_that_is_gone_breaks_all_that_name_it(desk, capsys, tmp_path):
    empty = tmp_path / "next"
    empty.mkdir()

    _, found = checked(desk, capsys, "--schemas-dir", str(empty))

    assert [(one["kind"], one["id"]) for one in found["breaking"]] == [
        ("workflow", "any-ticket"),
        ("workflow", "bad-ticket"),
        ("webhook", "desk"),
    ]


def test_a_webhooks_body_that_names_a_field_that_is_gone_is_named_too(desk, capsys, tmp_path):
    body = 'body: {json: {bad: "{{after.severity}}"}}'
    desk.apply(MANIFESTS.replace("entities: [ticket]", f"entities: [ticket]\n{body}"))
    without = schemas_in(tmp_path / "next", FIELDS[:2])

    _, found = checked(desk, capsys, "--schemas-dir", str(without))

    webhook = found["breaking"][-1]
    assert (webhook["kind"], webhook["id"]) == ("webhook", "desk")
    assert webhook["problems"][0]["path"].startswith("body")


def test_an_actions_own_body_that_names_a_field_that_is_gone_is_named_too(desk, capsys, tmp_path):
    own = 'then: [{webhook: desk, template: {json: {bad: "{{after.severity}}"}}}]\nstate: paused'
    desk.apply(MANIFESTS.replace("then: [{webhook: desk}]\nstate: paused", own))
    without = schemas_in(tmp_path / "next", FIELDS[:2])

    _, found = checked(desk, capsys, "--schemas-dir", str(without))

    workflow = found["breaking"][0]
    assert workflow["id"] == "any-ticket"
    assert workflow["problems"][0]["path"].startswith("then[0].template")


def test_what_is_broken_already_is_told_from_what_would_break(desk, capsys, tmp_path):
    without = schemas_in(tmp_path / "next", FIELDS[:2])
    desk.environ["HOOKLINE_SCHEMAS_DIR"] = str(without)
    other = schemas_in(tmp_path / "other", FIELDS[:2])

    code, found = checked(desk, capsys, "--schemas-dir", str(other))

    assert code == 1
    assert found["breaking"][0]["already"] is True


def test_the_report_for_people_names_them_too_and_writes_nothing(desk, capsys, tmp_path):
    without = schemas_in(tmp_path / "next", FIELDS[:2])
    before = {place: log.end for place, log in desk.broker.storage.logs.items()}
    capsys.readouterr()

    assert desk.call("schemas", "check", "--workflows", "--schemas-dir", str(without)) == 1

    out = capsys.readouterr().out
    assert "workflow bad-ticket (version 1) would break:" in out
    assert "only_if.all[1].field: " in out
    assert "workflows: 2, webhooks: 1: 1 would not work with these schemas" in out
    assert {place: log.end for place, log in desk.broker.storage.logs.items()} == before
