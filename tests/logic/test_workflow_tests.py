"""`hookline workflows test`: users' own tests of their workflows, for their CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.desks import office

MANIFESTS = """\
kind: Webhook
id: sales
url: http://127.0.0.1:9/
entities: [lead]
body: {json: {text: "{{ after.title }} was won"}}
---
kind: Webhook
id: notes
url: http://127.0.0.1:9/
entities: [lead]
body: {text: "{{ after.title }}"}
---
kind: Workflow
id: won
entity: lead
on: [updated]
only_if: {field: stage.id, changed_to: won}
then:
  - webhook: sales
  - webhook: notes
    if: {field: after.lead_value, at_least: 1000}
---
kind: Webhook
id: counter
url: http://127.0.0.1:9/
entities: [lead]
body: {json: {n: 1}}
---
kind: Workflow
id: typed
entity: lead
on: [created]
then: [{webhook: counter}]
---
kind: Workflow
id: noted
entity: lead
on: [created]
then: [{webhook: notes}]
"""
WON = (
    'event: {before: {id: "7", title: Ship, stage: {id: new}}, '
    'after: {id: "7", title: Ship, stage: {id: won}, lead_value: %s}}'
)


def run(
    folder: Path, capsys: pytest.CaptureFixture[str], *cases: str, head: str = "workflows: m.yaml"
) -> tuple[int, Any, str]:
    """The exit code, the answer as JSON, and what was said to people."""
    (folder / "m.yaml").write_text(MANIFESTS)
    listed = "".join(f"  - {{name: case, workflow: {case}}}\n" for case in cases)
    file = folder / "t.yaml"
    file.write_text(f"{head}\ncases:\n{listed}" if cases else head)
    code = office().call("workflows", "test", str(file), "--json")
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else None, said.err


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(f"won, {WON % 5}, expect: {{match: true}}", id="a match"),
        pytest.param(f"won, {WON % 5}, expect: {{actions: [sales]}}", id="an action's own if"),
        pytest.param(f"won, {WON % 1000}, expect: {{actions: [sales, notes]}}", id="both actions"),
        pytest.param(f"won, {WON % 5}, expect: {{body: {{text: Ship was won}}}}", id="a JSON body"),
        pytest.param(f"won, {WON % 1000}, expect: {{bodies: [null, Ship]}}", id="the second body"),
        pytest.param(
            'noted, event: {after: {id: "7", title: Ship}}, expect: {body: Ship}', id="a text"
        ),
        pytest.param(
            'won, event: {after: {id: "7", title: Ship}}, expect: {match: false, actions: []}',
            id="no match",
        ),
    ],
)
def test_a_case_passes_that_says_what_happens(tmp_path, capsys, case):
    code, answer, _ = run(tmp_path, capsys, case)

    assert (code, answer["passed"], answer["failed"]) == (0, 1, 0), answer


@pytest.mark.parametrize(
    ("case", "failure"),
    [
        pytest.param(
            f"won, {WON % 5}, expect: {{match: false}}", "expected no match", id="it matches"
        ),
        pytest.param(
            'won, event: {after: {id: "7", title: Ship}}, expect: {match: true}',
            "on is created",
            id="it does not match, with the reason",
        ),
        pytest.param(
            f"won, {WON % 5}, expect: {{actions: [notes]}}", "expected the actions", id="actions"
        ),
        pytest.param(
            f"won, {WON % 5}, expect: {{body: {{text: no}}}}", "expected the body", id="a body"
        ),
        pytest.param(
            'typed, event: {after: {id: "7", title: Ship}}, expect: {body: {n: true}}',
            "expected the body",
            id="true is not 1",
        ),
        pytest.param(
            f"won, {WON % 1000}, expect: {{bodies: [{{text: Ship was won}}, no]}}",
            "expected the body",
            id="the second body",
        ),
        pytest.param(
            f"won, {WON % 5}, expect: {{bodies: [null, Ship]}}", "1 were made", id="a body too many"
        ),
    ],
)
def test_a_case_fails_that_says_otherwise_and_the_failure_says_why(tmp_path, capsys, case, failure):
    code, answer, _ = run(tmp_path, capsys, case)

    assert (code, answer["failed"]) == (1, 1)
    assert failure in answer["results"][0]["failure"]
    assert answer["results"][0]["place"].endswith("t.yaml:3")


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        pytest.param("workflows: m.yaml\ncases: []", "at least one case", id="no cases"),
        pytest.param("cases: [{}]", "workflows is missing", id="no manifests"),
        pytest.param("[1]", "keys workflows and cases", id="no mapping"),
        pytest.param("workflows: [", "t.yaml:", id="no YAML"),
        pytest.param(
            "workflows: m.yaml\ncases: [{name: n, workflow: won, event: {}, expect: {mach: true}}]",
            "did you mean match",
            id="a misspelt key",
        ),
        pytest.param(
            "workflows: m.yaml\ncases: [{name: n, workflow: won, event: {}, expect: {match: 1}}]",
            "true or false",
            id="a match that is no truth",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(tmp_path, capsys, head, problem):
    code, answer, said = run(tmp_path, capsys, head=head)

    assert (code, answer) == (2, None)
    assert problem in said


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        pytest.param(f"wonn, {WON % 5}, expect: {{match: true}}", "did you mean won", id="a name"),
        pytest.param(
            "won, event: {after: {id: 7}}, expect: {match: true}",
            "does not fit the schema",
            id="an event that is none",
        ),
    ],
)
def test_a_case_that_asks_nothing_that_there_is_makes_the_file_wrong(
    tmp_path, capsys, case, problem
):
    code, answer, said = run(tmp_path, capsys, case)

    assert (code, answer) == (2, None)
    assert problem in said
    assert "t.yaml:3: cases[0]." in said


def test_people_see_the_failures_and_the_count(tmp_path, capsys):
    run(tmp_path, capsys, f"won, {WON % 5}, expect: {{match: false}}")

    assert office().call("workflows", "test", str(tmp_path / "t.yaml")) == 1
    assert "0 passed, 1 failed" in capsys.readouterr().out
