"""Why did it not fire?  Asked of a real system, at the command line, while it runs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import Settings
from schemas.topics import Topic
from tests.desks import SECRET
from tests.processes import ROOT, environment, service
from tests.waiting import until

MANIFESTS = f"""\
kind: Webhook
id: sales
url: http://127.0.0.1:9/hooks/sales
secret: {SECRET}
---
kind: Workflow
id: big-lead
entity: lead
on: [created]
only_if: {{field: after.lead_value, at_least: 10000}}
then: [{{webhook: sales}}]
---
kind: Workflow
id: tried-out
entity: lead
on: [created]
state: dry_run
then: [{{webhook: sales}}]
"""
LEAD = '{"id": "7", "title": "Engine", "lead_value": "12000", "description": "in private"}'
NOBODY = "0b0e7a39-5f0c-4a53-8f1c-6f0f7f11ffff"


class Shell:
    """Runs commands on one system; each is a process of its own."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables

    async def __call__(self, *arguments: str, stdin: str = "") -> tuple[int, Any, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "console",
            *arguments,
            cwd=ROOT,
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 120)
        return process.returncode or 0, json.loads(out) if out else None, err.decode()

    async def explain(self, workflow: str, event: str, *more: str, stdin: str = "") -> Any:
        code, answer, err = await self(
            "workflows", "explain", workflow, event, "--json", *more, stdin=stdin
        )
        assert answer is not None, err
        assert code == (0 if answer["matched"] else 1)
        return answer


@pytest.fixture
def hookline(settings: Settings, topics_created: tuple[Topic, ...]) -> Shell:
    """The command line on the test's own topics."""
    return Shell(
        environment(
            kafka_bootstrap_servers=",".join(settings.kafka_bootstrap_servers),
            kafka_session_timeout_ms=settings.kafka_session_timeout_ms,
            topic_prefix=settings.topic_prefix,
            topic_partitions=settings.topic_partitions,
            retry_tiers_ms="100,400",
            secret_keys=settings.secret_keys[0].get_secret_value(),
            webhook_allow_networks="127.0.0.0/8",
            workflow_group=settings.workflow_group,
        )
    )


async def test_the_answer_follows_the_event_through_a_running_system(
    hookline: Shell, tmp_path: Path
):
    file = tmp_path / "hooks.yaml"
    file.write_text(MANIFESTS)
    assert (await hookline("apply", "-f", str(file), "--json"))[0] == 0
    _, published, _ = await hookline("events", "publish", "lead", "--after", LEAD, "--json")
    event = published["event_id"]

    waiting = await hookline.explain("big-lead", event)
    nowhere = await hookline.explain("big-lead", NOBODY)
    async with service(hookline.variables, "workflow_service", tmp_path / "log"):

        async def is_read() -> bool:
            answer = await hookline.explain("big-lead", event, "--entity", "lead")
            return bool(answer["fate"]["kind"] != "behind")

        await until(is_read)
        acted = await hookline.explain("big-lead", event)
        tried = await hookline.explain("tried-out", event)
        file.write_text(MANIFESTS.replace("10000", "50000"))
        assert (await hookline("apply", "-f", str(file), "--json"))[0] == 0
        changed = await hookline.explain("big-lead", event)
        before = await hookline.explain("big-lead", event, "--version", "1")
    _, shown, _ = await hookline("events", "show", event, "--personal", "--json")
    given = await hookline.explain("big-lead", "-", stdin=json.dumps(shown))
    place = f"{published['topic']}:{published['partition']}:{published['offset']}"
    by_place = await hookline.explain("big-lead", place)
    _, history, _ = await hookline("workflows", "history", "big-lead", "--json")
    _, stored, _ = await hookline("schemas", "check", "--workflows", "--json")

    assert (waiting["matched"], waiting["fate"]["kind"]) == (True, "behind")
    assert (nowhere["matched"], nowhere["fate"]["kind"]) == (None, "not_found")
    assert acted["fate"]["kind"] == "acted", acted
    assert acted["version_then"] == {"version": 1, "approximate": False}
    assert acted["fate"]["consumer"]["behind"] == 0
    assert tried["fate"]["kind"] == "dry_run", tried
    assert (changed["matched"], changed["version"], changed["first_failed"]) == (
        False,
        2,
        "only_if",
    )
    assert any("version 1 was in force" in note for note in changed["notes"]), changed
    assert (before["matched"], before["version"]) == (True, 1)
    assert given["event"]["event_id"] == by_place["event"]["event_id"] == event
    assert "in private" not in json.dumps([acted, tried, given])
    assert [(one["version"], one["what"]) for one in history["versions"]] == [
        (1, "created"),
        (2, "changed"),
    ]
    assert stored["stored"] == {"workflows": 2, "webhooks": 1, "breaking": []}
