"""A loop through real processes: it ends at the limit, in a dead letter that tells the whole chain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from console.apply import Author, apply
from console.session import Session, opened
from runtime.broker import Span
from runtime.clock import SystemClock
from runtime.kafka import KafkaBroker
from runtime.manifests import read_texts
from runtime.settings import Settings
from schemas.links import parse_chain
from schemas.records import Action, Event
from tests.entity_process import entity_process
from tests.processes import command, environment_of, service
from tests.waiting import until

MAX_HOPS = 4
ECHOED = ("X-Correlation-Id", "X-Causation-Id", "X-Hops", "X-Chain")
#: Two workflows that set each other off: what one's receiver writes is what the other looks at.
MANIFESTS = """\
kind: Webhook
id: mirror
url: {url}
writes: {{lead: [updated]}}
---
kind: Workflow
id: ping
entity: lead
on: [created, updated]
only_if: {{field: after.title, starts_with: ping}}
then: [{{webhook: mirror}}]
---
kind: Workflow
id: pong
entity: lead
on: [created, updated]
only_if: {{field: after.title, starts_with: pong}}
then: [{{webhook: mirror}}]
"""

pytestmark = pytest.mark.usefixtures("topics_created")


@dataclass
class Mirror:
    """A receiver that writes the lead back with another title, and the headers that it was sent.

    Attributes:
        leads: Where the leads are.
    """

    url: str = ""
    leads: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Turn ping into pong and pong into ping."""
        lead = (await request.json())["data"]["after"]
        word = "pong" if lead["title"].startswith("ping") else "ping"
        patch = {"title": f"{word} {len(self.headers) + 1}"}
        echoed = {name: request.headers[name] for name in ECHOED}
        async with (
            aiohttp.ClientSession() as client,
            client.patch(f"{self.leads}/{lead['id']}", json=patch, headers=echoed) as answer,
        ):
            self.answers.append(answer.status)
        self.headers.append(dict(request.headers))
        return web.Response(status=204)


@asynccontextmanager
async def mirror() -> AsyncIterator[Mirror]:
    """The receiver, listening."""
    it = Mirror()
    app = web.Application()
    app.router.add_post("/hooks", it.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        it.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
        yield it
    finally:
        await runner.cleanup()


async def actions(session: Session) -> list[Action]:
    span = Span(session.topics.actions)
    return [await session.action(record.value) async for record in session.reader.scan(span)]


async def events(session: Session) -> list[Event]:
    span = Span(session.topics.events("lead"))
    found = [await session.event("lead", it.value) async for it in session.reader.scan(span)]
    return sorted(found, key=lambda event: event.version)


async def dead_letters(variables: dict[str, str]) -> list[dict[str, Any]]:
    said = await command(variables, "-m", "console", "dead-letters", "list", "--each", "--json")
    letters: list[dict[str, Any]] = json.loads(said)["dead_letters"]
    return letters


async def test_a_loop_ends_at_the_limit_in_a_dead_letter_with_the_whole_chain(
    settings: Settings, tmp_path
) -> None:
    variables = environment_of(settings, max_hops=MAX_HOPS)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        receiver = await enter(mirror())
        session = await enter(opened(settings, KafkaBroker(settings)))
        texts = [("m.yaml", MANIFESTS.format(url=receiver.url))]
        await apply(session, read_texts(texts), Author("test", SystemClock()))
        leads = await enter(entity_process(settings, tmp_path / "leads.db"))
        await leads.has_logged("entity.ready")
        receiver.leads = f"{leads.base}/leads"
        for module in ("workflow_service", "webhook_service"):
            await enter(service(variables, module, tmp_path / f"{module}.log"))

        first = {"id": "7", "title": "ping 0"}
        async with (
            aiohttp.ClientSession() as client,
            client.post(receiver.leads, json=first) as answer,
        ):
            assert answer.status == 201
        await until(lambda: dead_letters(variables))

        (listed,) = await dead_letters(variables)
        said = await command(
            variables, "-m", "console", "dead-letters", "show", listed["address"], "--json"
        )
        letter = json.loads(said)
        made, happened = await actions(session), await events(session)

    # Everything before the limit was written, matched and delivered, once each.
    assert receiver.answers == [200] * MAX_HOPS
    assert [event.hops for event in happened] == list(range(MAX_HOPS + 1))
    assert [action.hops for action in sorted(made, key=lambda it: it.hops)] == [1, 2, 3, 4]
    by_id = {str(action.action_id) for action in made}
    assert [sent["webhook-id"] for sent in receiver.headers] == [
        sent["X-Causation-Id"] for sent in receiver.headers
    ]
    assert {sent["webhook-id"] for sent in receiver.headers} == by_id

    # The events continue the chain: one story, each caused by the action before.
    assert {event.correlation_id for event in happened} == {happened[0].event_id}
    assert [str(event.causation_id) for event in happened[1:]] == [
        sent["webhook-id"] for sent in receiver.headers
    ]
    assert [event.source for event in happened] == ["api", *["workflow"] * MAX_HOPS]
    assert happened[-1].chain == parse_chain(receiver.headers[-1]["X-Chain"])

    # The dead letter tells it all, for people and programs.
    assert letter["error_class"] == "too-many-hops"
    assert [link["workflow"] for link in letter["chain"]] == [
        "ping",
        "pong",
        "ping",
        "pong",
        "ping",
    ]
    assert [link["event_id"] for link in letter["chain"]] == [str(it.event_id) for it in happened]
    assert [link["action_id"] for link in letter["chain"][:-1]] == [
        sent["webhook-id"] for sent in receiver.headers
    ]
    assert letter["chain"][-1]["action_id"] == letter["action_id"]
    for event, workflow in zip(happened, ("ping", "pong", "ping", "pong", "ping"), strict=True):
        assert f"{workflow}@1 on event {event.event_id}" in letter["reason"]
    assert "ping, pong recur" in letter["reason"]
