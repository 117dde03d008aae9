"""`--json` on every command: one document (or lines of them) on standard output, problems beside it."""

from __future__ import annotations

import copy
import functools
import json
from datetime import timedelta
from typing import Any

import click
import pytest

from console.cli.root import COMMANDS
from tests.desks import (
    EVENT_ID,
    Office,
    commands_of,
    death,
    lead_action,
    lead_attempt,
    lead_event,
    office,
)

ACTION = str(lead_action().action_id)
DEAD = "1:0"
AFTER = '{"id": "9", "title": "Engine"}'

#: A call of each command that has an answer, with the keys that its help promises.
CALLS: dict[str, tuple[list[str], set[str]]] = {
    "apply": (["-f", "{file}", "--dry-run"], {"dry_run", "changes", "warnings"}),
    "audit": ([], {"since", "events", "verdicts", "actions", "lost"}),
    "workflows list": ([], {"workflows"}),
    "workflows show": (["big-lead"], {"id", "version", "saved_at", "saved_by", "manifest"}),
    "workflows lint": ([], {"findings", "warnings"}),
    "workflows history": (["big-lead"], {"workflow", "complete", "versions", "unreadable"}),
    "workflows explain": (
        ["big-lead", str(EVENT_ID)],
        {
            *("workflow", "version", "matched", "reason", "first_failed", "verdicts", "then"),
            *("event", "version_in_force", "version_then", "fate", "notes"),
        },
    ),
    "workflows backtest": (["big-lead"], {"evaluated", "matched", "requests", "difference"}),
    "workflows replay": (
        ["big-lead", "--from", "7d", "--to", "1m", "--dry-run"],
        {"replay", "actions", "sent", "matched", "sent_before"},
    ),
    "workflows remove": (["small-lead"], {"removed"}),
    "webhooks list": ([], {"webhooks"}),
    "webhooks show": (["sales"], {"id", "version", "saved_at", "saved_by", "manifest"}),
    "webhooks preview": (["sales"], {"method", "url", "headers", "body", "exact"}),
    "webhooks rotate-secret": (
        ["sales"],
        {"id", "version", "previous_until", "public_key"},
    ),
    "webhooks remove": (["people"], {"removed"}),
    "webhooks pause": (["people"], {"webhooks", "state"}),
    "webhooks resume": (["people"], {"webhooks", "state"}),
    "webhooks disable": (["people"], {"webhooks", "state"}),
    "webhooks enable": (["people"], {"webhook", "state", "replayed", "discarded", "left"}),
    "events publish": (["lead", "--after", AFTER], {"event_id", "topic", "partition", "offset"}),
    "events show": ([str(EVENT_ID)], {"event_id", "entity", "after", "topic", "offset"}),
    "events tail": (["lead", "--since", "7d", "--count", "1"], {"event_id", "entity", "offset"}),
    "trace": ([str(EVENT_ID)], {"event", "workflows", "actions", "dead_letters", "notes"}),
    "deliveries list": ([], {"counts", "deliveries", "unreadable"}),
    "deliveries show": ([ACTION], {"deliveries"}),
    "dead-letters list": ([], {"open", "resolved", "groups"}),
    "dead-letters show": (["{dead}"], {"address", "headers", "event", "attempts_log", "request"}),
    "dead-letters replay": (
        ["--all-open", "--dry-run"],
        {"replayed", "dry_run", "to", "dead_letters"},
    ),
    "dead-letters discard": (
        ["--all-open", "--reason", "test", "--dry-run"],
        {"discarded", "dry_run", "dead_letters"},
    ),
    "topics create": ([], {"created", "existing", "drift"}),
    "topics check": ([], {"checked", "drift"}),
    "schemas check": ([], {"releases", "changed", "added", "problems"}),
    "schemas release": (["9.9.9", "--released", "{folder}"], {"version", "files"}),
    "secret-key generate": ([], {"key"}),
    "secret-key rotate": ([], {"webhooks"}),
    "secret-key usage": ([], {"keys", "unreadable"}),
}
#: Commands whose answer is not one document of that kind, each with the reason.
OTHERWISE = {
    "demo": "a story for people",
    "dev": "runs until Ctrl-C",
    "dead-letters export": "prints JSON lines without being asked",
    "webhooks test": "sends over HTTP: tests/e2e",
    "workflows test": "reads a file of tests: tests/logic/test_workflow_tests.py",
    "import krayin": "reads an export: tests/logic/test_import_krayin.py",
    "health": "asks over HTTP: tests/e2e",
}


@functools.cache
def busy() -> Office:
    """A system where something happened; made once, every test gets a copy."""
    system = office()
    system.publish(lead_event())
    system.act(lead_action())
    system.attempt(lead_attempt())
    system.die(death(lead_action()))
    return system


def names() -> set[str]:
    found = set()
    for name, entry in COMMANDS.items():
        command = entry.load()
        inner = commands_of(command) if isinstance(command, click.Group) else None
        found |= {name} if inner is None else {f"{name} {sub}" for sub in inner}
    return found


def test_every_command_is_accounted_for_here():
    assert names() == CALLS.keys() | OTHERWISE.keys()


@pytest.mark.parametrize("command", CALLS)
def test_a_command_answers_with_one_document_that_has_what_its_help_promises(
    command, capsys, tmp_path
):
    system = copy.deepcopy(busy())
    system.clock._now += timedelta(hours=1)  # what was published at noon is settled
    manifest = tmp_path / "m.yaml"
    manifest.write_text("kind: Webhook\nid: new\nurl: http://127.0.0.1:9/\n")
    arguments, keys = CALLS[command]
    places = {"{file}": str(manifest), "{dead}": DEAD, "{folder}": str(tmp_path)}

    code = system.call(*command.split(), *(places.get(a, a) for a in arguments), "--json")

    answer = only_document(capsys.readouterr().out)
    assert code == 0
    assert answer.keys() >= keys


def only_document(out: str) -> dict[str, Any]:
    (line,) = out.splitlines()
    answer = json.loads(line)
    assert isinstance(answer, dict)
    return answer


NEGATIVE = {
    "workflows show": (["nothing"], 1),
    "workflows history": (["nothing"], 1),
    "workflows explain": (["nothing", str(EVENT_ID)], 1),
    "workflows remove": (["nothing"], 1),
    "webhooks show": (["nothing"], 1),
    "webhooks pause": (["nothing"], 1),
    "webhooks resume": (["nothing"], 1),
    "webhooks disable": (["nothing"], 1),
    "webhooks enable": (["nothing"], 1),
    "webhooks preview": (["nothing"], 1),
    "webhooks test": (["nothing"], 1),
    "webhooks rotate-secret": (["nothing"], 1),
    "webhooks remove": (["sales"], 1),
    "events publish": (["lead", "--after", '{"id": "9"}'], 2),
    "events show": (["0b0e7a39-5f0c-4a53-8f1c-6f0f7f11ffff"], 1),
    "events tail": (["unknown"], 2),
    "trace": (["0b0e7a39-5f0c-4a53-8f1c-6f0f7f11ffff"], 1),
    "deliveries show": (["0b0e7a39-5f0c-4a53-8f1c-6f0f7f11ffff"], 1),
    "dead-letters show": (["0:99"], 1),
    "dead-letters replay": (["--all-open", "--yes"], 1),
    "dead-letters discard": (["--all-open", "--yes", "--reason", "x"], 1),
    "apply": (["-f", "/nowhere.yaml"], 2),
    "schemas release": (["not-a-version"], 2),
}


@pytest.mark.parametrize("command", NEGATIVE)
def test_what_cannot_be_answered_leaves_standard_output_empty_or_json_and_has_its_code(
    command, capsys
):
    arguments, expected = NEGATIVE[command]

    code = office().call(*command.split(), *arguments, "--json")

    said = capsys.readouterr()
    assert code == expected
    for line in said.out.splitlines():
        json.loads(line)
    assert said.out or said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b'{"id": "9", "title": "\xff"}', "UTF-8", id="not UTF-8"),
        pytest.param(b"{", "JSON", id="not JSON"),
        pytest.param(b"[]", "object", id="no object"),
    ],
)
def test_a_file_that_holds_no_record_is_refused_with_the_reason(
    content, expected, capsys, tmp_path
):
    file = tmp_path / "after.json"
    file.write_bytes(content)

    code = office().call("events", "publish", "lead", "--after", f"@{file}")

    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith("hookline: the record ")
    assert expected in said
    assert "Traceback" not in said
