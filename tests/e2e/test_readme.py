"""What the README shows works as it stands there, but for addresses and ids."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import AsyncExitStack

import aiohttp
import pytest
from sybil import Document
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from runtime.kafka import KafkaBroker
from runtime.local_broker.jvm import free_ports
from tests.processes import ROOT, command, environment, receiver, service
from tests.waiting import until

README = (ROOT / "README.md").read_text()


def blocks(language):
    lexer = FencedCodeBlockLexer(language)
    return [str(region.lexemes["source"]) for region in lexer(Document(README, "README.md"))]


def commands(block):
    lines = re.sub(r"\\\n\s*", " ", block).splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


SHELL = [words for block in blocks("sh") for words in commands(block)]


@pytest.fixture
def environ(settings, tmp_path):
    return environment(
        kafka_bootstrap_servers=",".join(settings.kafka_bootstrap_servers),
        topic_prefix=settings.topic_prefix,
        topic_partitions=3,
        secret_keys=settings.secret_keys[0].get_secret_value(),
        workflow_group=settings.workflow_group,
        webhook_group=settings.webhook_group,
        webhook_allow_networks="127.0.0.0/8",
        gateway_port=free_ports(1)[0],
    )


@pytest.fixture
async def system(environ, settings, tmp_path):
    """Gateway and both consumers, with the README's definitions sent to a local receiver."""
    await command(environ, "-m", "console", "topics", "create")
    async with AsyncExitStack() as stack:
        arrivals = await stack.enter_async_context(receiver())
        (yaml,) = blocks("yaml")
        path = tmp_path / "hooks.yaml"
        path.write_text(yaml.replace("https://hooks.example.com/sales", arrivals.url))
        await command(environ, "-m", "console", "apply", "--yes", "-f", str(path))
        for module in ("producers.gateway", "workflow_service", "webhook_service"):
            await stack.enter_async_context(service(environ, module, tmp_path / f"{module}.log"))
        yield arrivals
    admin = KafkaBroker(settings).admin()
    mine = [name for name in await admin.topics() if name.startswith(f"{settings.topic_prefix}.")]
    await admin.delete(mine)
    await admin.close()


async def test_the_python_snippet_publishes_in_12_lines_or_fewer(environ, system):
    (snippet,) = blocks("python")

    said = await command(environ, "-c", snippet)

    event_id, topic, partition, offset = said.split()
    assert len([line for line in snippet.splitlines() if line.strip()]) <= 12
    assert topic.endswith(".person.events")
    assert await _shown(environ, event_id) == ("person", "created")
    assert int(partition) >= 0
    assert int(offset) >= 0


async def test_the_curl_snippet_is_accepted_and_a_repeat_gives_the_first_answer(environ, system):
    (curl,) = [words for words in SHELL if words[0] == "curl"]

    first, again = await _curl(curl, environ), await _curl(curl, environ)

    assert first[0] == 202
    assert first == again


async def test_the_workflow_delivers_and_the_commands_say_what_happened(environ, system):
    before = {"id": "9", "title": "Ten seats", "lead_value": "12000", "stage": {"id": "new"}}
    won = {**before, "stage": {"id": "won"}}
    event = {"operation": "updated", "version": 2, "before": before, "after": won}
    url = f"http://127.0.0.1:{environ['HOOKLINE_GATEWAY_PORT']}/events/lead"
    async with aiohttp.ClientSession() as session, session.post(url, json=event) as answer:
        assert answer.status == 202, await answer.text()
        event_id = json.loads(await answer.text())["events"][0]["event_id"]
    await until(lambda: system.bodies)

    said = {
        " ".join(words[1:3]): await command(environ, "-m", "console", *_filled(words[1:], event_id))
        for words in SHELL
        if words[0] == "hookline" and words[1] in ("trace", "deliveries")
    }

    assert json.loads(system.bodies[0])["type"] == "lead.updated"
    assert "big-lead-won" in said["trace EVENT_ID"]
    assert "sales-desk" in said["deliveries list"]


async def test_the_dead_letter_commands_exist_with_these_options(environ):
    for words in SHELL:
        if words[0] == "hookline":
            options = [word for word in words if word.startswith("--")]
            names = [word for word in words[1:3] if word.islower() and not word.startswith("-")]
            said = await command(environ, "-m", "console", *names, "--help")
            assert all(option in said for option in options), (words, said)


def test_the_make_targets_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    named = [words[1] for words in SHELL if words[0] == "make"]

    assert named == ["demo", "test"]
    assert set(named) <= set(targets)


def test_every_link_within_the_repository_leads_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def _filled(words, event_id):
    return [event_id if word == "EVENT_ID" else word for word in words]


async def _shown(environ, event_id):
    shown = json.loads(
        await command(environ, "-m", "console", "events", "show", event_id, "--json")
    )
    event = shown.get("event", shown)
    return event["entity"], event["operation"]


async def _curl(words, environ):
    """What curl would do with the options that the README uses."""
    url = words[2].replace("localhost:8080", f"127.0.0.1:{environ['HOOKLINE_GATEWAY_PORT']}")
    given: dict[str, list[str]] = {"-H": [], "-d": []}
    for option, value in zip(words[3::2], words[4::2], strict=True):
        given[option].append(value)
    headers = dict(header.split(": ", 1) for header in given["-H"])
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, headers=headers, data=given["-d"][0]) as answer,
    ):
        return answer.status, await answer.text()
