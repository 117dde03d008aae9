"""Planted secrets are looked for in everything that a run produces; they are nowhere but on the wire."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import (
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    redirect_stderr,
    redirect_stdout,
)
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from console.cli.desk import Desk
from console.cli.root import run
from console.session import Session, opened
from runtime.broker import Outgoing, Span
from runtime.kafka import KafkaBroker
from runtime.secrets import new_key
from runtime.settings import Settings
from schemas.events import event_headers
from tests.certificates import authority, signed
from tests.crm import catalog, event_id_of, lead_event
from tests.processes import environment_of, service
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("topics_created")


def planted(name: str) -> str:
    """A secret that is easy to find: 32 bytes in Base64."""
    return base64.b64encode(f"planted-{name}".ljust(32, "x").encode()).decode()


KEY = signed(authority(), "me")
#: Every secret, and what it looks like where it was only encoded.
SECRETS = {
    name: planted(name)
    for name in ("signing", "header", "line", "query", "url", "legacy", "password", "client",
                 "access", "bearer")
}  # fmt: skip
MANIFESTS = """\
kind: Webhook
id: good
url: {url}/good?token={url_secret}
entities: [lead]
secret: whsec_{signing}
headers:
  X-Api-Key: {header}
  X-Line: "{line} {{{{ after.title }}}}"
query: {{key: "{query}"}}
signatures: [{{header: X-Hub-Signature-256, secret: "{legacy}", value: "sha256={{signature}}"}}]
auth:
  oauth2: {{token_url: "{url}/token", client_id: me, client_secret: "{client}"}}
---
kind: Webhook
id: refuses
url: {url}/refuses
secret: whsec_{signing}
auth: {{basic: {{username: me, password: "{password}"}}}}
---
kind: Webhook
id: busy
url: {url}/busy
secret: whsec_{signing}
retry: {{schedule: [10ms], jitter: 0}}
auth: {{bearer: {{token: "{bearer}"}}}}
---
kind: Webhook
id: closed
url: https://127.0.0.1:9/closed?token={url_secret}
secret: whsec_{signing}
retry: {{schedule: [10ms], jitter: 0}}
tls:
  certificate: |
    {certificate}
  key: |
    {key}
---
kind: Webhook
id: nobody
url: {url}/nobody
secret: whsec_{signing}
retry: {{schedule: []}}
auth:
  oauth2: {{token_url: "{url}/refused", client_id: me, client_secret: "{client}", client_auth: body}}
---
kind: Workflow
id: all
entity: lead
on: [created]
then: [{{webhook: good}}, {{webhook: refuses}}, {{webhook: busy}}, {{webhook: closed}}, {{webhook: nobody}}]
"""


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[str, list[Mapping[str, str]]]]:
    """A receiver and a token endpoint; its address, and the headers that came."""
    seen: list[Mapping[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        await request.read()
        path = request.path.strip("/")
        if path == "token":
            return web.json_response({"access_token": SECRETS["access"], "token_type": "bearer"})
        seen.append(dict(request.headers))
        status = {"good": 204, "refuses": 400, "busy": 503, "refused": 401}[path]
        return web.Response(status=status, text="" if status == 204 else "no")

    app: Any = web.Application()
    app.router.add_post("/{path}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


async def said_by(environ: Mapping[str, str], *arguments: str) -> bytes:
    """All that a command prints, whatever its exit code."""

    def called() -> bytes:
        said = io.BytesIO()
        written = io.TextIOWrapper(said, write_through=True)
        with redirect_stdout(written), redirect_stderr(written):
            run(arguments, environ, Desk(environ))
        return said.getvalue()

    found = await asyncio.to_thread(called)
    assert found, arguments
    return found


async def publish(session: Session) -> None:
    publisher = await session.publisher()
    await session.registry.register(catalog().event("lead"))
    event = lead_event(1, id="1", title="Engine", lead_value="1")
    topic, value = session.topics.events("lead"), session.codec.encode(event)
    await publisher.publish(Outgoing(topic, b"1", value, event_headers(event, "/test")))


async def raw_topics(session: Session) -> dict[str, bytes]:
    """Every byte of every topic: keys, values, headers."""
    found: dict[str, bytes] = {}
    for topic in session.topics.all(session.catalog.entities):
        parts: list[bytes] = []
        async with aclosing(session.reader.scan(Span(topic.name))) as records:
            async for record in records:
                parts += [record.key or b"", record.value or b""]
                parts += [name.encode() + b"=" + (value or b"") for name, value in record.headers]
        found[topic.name] = b"\n".join(parts)
    return found


async def attempts(session: Session) -> int:
    async with aclosing(session.reader.scan(Span(session.topics.attempts))) as records:
        return len([record async for record in records])


async def metrics_of(said: str) -> bytes:
    """The metrics page of the service that wrote this log."""
    port = re.findall(r'"port": ?(\d+)', said)[0]
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        return await answer.read()


async def test_nothing_that_a_run_produces_holds_a_secret(settings: Settings, tmp_path) -> None:
    variables = environment_of(settings, webhook_account_interval_ms=20)
    indented = {
        name: text.strip().replace("\n", "\n    ")
        for name, text in (("certificate", KEY.certificate), ("key", KEY.key))
    }
    produced: dict[str, bytes] = {}
    async with AsyncExitStack() as stack:
        url, seen = await stack.enter_async_context(receiving())
        texts = {**SECRETS, **indented, "url": url, "url_secret": SECRETS["url"]}
        manifests = tmp_path / "manifests" / "all.yaml"
        manifests.parent.mkdir()
        manifests.write_text(MANIFESTS.format(**texts))
        produced["apply"] = await said_by(variables, "apply", "-f", str(manifests.parent), "--yes")
        session = await stack.enter_async_context(opened(settings, KafkaBroker(settings)))
        logs = {}
        for module in ("workflow_service", "webhook_service"):
            logs[module] = tmp_path / f"{module}.log"
            noisy = {**variables, "HOOKLINE_LOG_LEVEL": "debug"}
            await stack.enter_async_context(service(noisy, module, logs[module]))

        await publish(session)
        await until(lambda: _enough(session), message=lambda: f"{seen}", within=60)
        produced |= {
            f"metrics of {name}": await metrics_of(log.read_text()) for name, log in logs.items()
        }

        event, two_keys = str(event_id_of(1)), f"{new_key()},{variables['HOOKLINE_SECRET_KEYS']}"
        manifests.write_text(manifests.read_text().replace("X-Line", "X-Other"))
        for arguments in (
            ["apply", "-f", str(manifests.parent), "--dry-run"],
            ["webhooks", "list"],
            ["webhooks", "show", "good"],
            ["webhooks", "show", "closed", "--json"],
            ["webhooks", "preview", "good", event, "--personal"],
            ["webhooks", "preview", "busy", event, "--json"],
            ["webhooks", "test", "good"],
            ["webhooks", "test", "nobody", "--json"],
            ["webhooks", "rotate-secret", "busy", "--json"],
            ["deliveries", "list"],
            ["deliveries", "show", event, "--json"],
            ["dead-letters", "list", "--json"],
            ["trace", event, "--json"],
            ["secret-key", "usage"],
        ):
            produced[" ".join(arguments)] = await said_by(variables, *arguments)
        newer = {**variables, "HOOKLINE_SECRET_KEYS": two_keys}
        produced["secret-key rotate"] = await said_by(newer, "secret-key", "rotate")
        produced |= await raw_topics(session)
    produced |= {f"log of {name}": log.read_bytes() for name, log in logs.items()}

    assert {SECRETS["header"], f"Bearer {SECRETS['access']}"} <= {
        value for headers in seen for value in headers.values()
    }, "the secrets were used"
    needles = {**SECRETS, "key of a certificate": KEY.key.split("\n")[1]}
    needles["basic"] = base64.b64encode(f"me:{SECRETS['password']}".encode()).decode()
    needles |= {f"{name}, decoded": f"planted-{name}x" for name in SECRETS}
    needles["the sealing key"] = variables["HOOKLINE_SECRET_KEYS"]
    assert all(produced[topic] for topic in (session.topics.attempts, session.topics.webhooks))
    assert produced[session.topics.dead(session.topics.actions)]
    leaks = [
        f"{name} in {where}"
        for where, text in produced.items()
        for name, needle in needles.items()
        if needle.encode() in text
    ]
    assert not leaks


async def _enough(session: Session) -> bool:
    """One good, one refused, two busy, two closed, one without a token."""
    return await attempts(session) >= 7
