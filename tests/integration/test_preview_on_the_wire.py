"""What `hookline webhooks preview` prints is what the webhook service puts on the wire, byte for byte."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import timedelta

import pytest

from console.catalogs import catalog_of
from console.ports import free_ports
from runtime.secrets import SecretBox
from schemas.records import Action, Event
from schemas.templates import Bodies
from tests.desks import KEY, Office, lead, lead_event, office
from webhook_service.clients import sending
from webhook_service.directory import Directory, Endpoint
from webhook_service.render import Request, filled
from workflow_service.actions import Origin, actions_of
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow

MANIFEST = """\
kind: Webhook
id: wire
url: "http://127.0.0.1:{port}/leads/{{{{ event.entity_id }}}}?token=hush1"
method: {method}
entities: [lead]
headers:
  X-Api-Key: hush2
  X-Title: "no. {{{{ after.title }}}} hush3"
query: {{q: "{{{{ after.title }}}}", key: hush4}}
secret: whsec_{secret}
previous_secrets: [{{secret: whsk_{secret}, until: "2099-01-01T00:00:00Z"}}]
signatures: [{{header: X-Hub-Signature-256, secret: hush5, value: "sha256={{signature}}"}}]
auth: {auth}
{body}
---
kind: Workflow
id: tell
entity: lead
on: [created]
then: [{{webhook: wire}}]
"""
SECRET = "A" * 43 + "="
TITLE = 'Zoë "&" \r\n{{ after.id }} 100%'
HUSH = re.compile(rb"hush\d|" + SECRET.encode() + b"|aHVzaA|aHVzaD")
CASES = {
    "the whole event": ("POST", "{bearer: {token: hush6}}", ""),
    "thin": ("PUT", "{basic: {username: me, password: hush6}}", "body: thin"),
    "json": ("PATCH", "{bearer: {token: hush6}}", 'body: {json: {t: "{{ after.title }}"}}'),
    "form": ("DELETE", "{bearer: {token: hush6}}", 'body: {form: {t: "{{ after.title }}"}}'),
    "text": ("POST", "{bearer: {token: hush6}}", 'body: {text: "{{ after.title }}"}'),
    "none": ("GET", "{bearer: {token: hush6}}", ""),
}


class Captured:
    """A socket server that keeps what comes and answers 204."""

    def __init__(self) -> None:
        self.data = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        self.data = head + await reader.readexactly(int(length[1]) if length else 0)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()


async def delivered(system: Office, endpoint: Endpoint, action: Action, event: Event) -> None:
    """One attempt, made as the webhook service makes it."""
    bodies = Bodies(catalog_of(None))
    request = filled(endpoint.template, action, event, bodies)
    assert isinstance(request, Request), request
    signature = endpoint.signer.headers(str(action.action_id), system.clock.now(), request.body)
    async with sending(system.settings, time.monotonic) as sender:
        answer = await sender.send(request, signature, timedelta(seconds=5))
    assert getattr(answer, "status", None) == 204, answer


@pytest.mark.parametrize("case", CASES)
def test_the_bytes_of_a_preview_are_the_bytes_on_the_wire(case, capsysbinary):
    method, auth, body = CASES[case]
    event = lead_event(after=lead(title=TITLE))
    captured, system = Captured(), office()

    async def one(session, port: int) -> None:
        workflow = parse_workflow(
            {"id": "tell", "entity": "lead", "on": ["created"], "then": [{"webhook": "wire"}]}
        )
        assert isinstance(workflow, Workflow)
        compiled = compile_workflow(workflow, 1, session.catalog)
        assert isinstance(compiled, CompiledWorkflow)
        (action,) = actions_of(compiled, event, Origin("t", 0, 0, b""), system.clock.now())
        directory = Directory(SecretBox([KEY]).open)
        directory.on_definition("wire", session.webhooks.current["wire"])
        endpoint = directory.find("wire")
        assert isinstance(endpoint, Endpoint)
        server = await asyncio.start_server(captured.serve, "127.0.0.1", port)
        async with server:
            await delivered(system, endpoint, action, event)

    (port,) = free_ports(1)
    manifest = MANIFEST.format(port=port, method=method, auth=auth, secret=SECRET, body=body)
    system.apply(manifest)
    system.publish(event)
    system.within(lambda session: one(session, port))

    arguments = ["webhooks", "preview", "wire", str(event.event_id), "--workflow", "tell"]
    assert system.call(*arguments, "--personal", "--reveal-secret") == 0
    revealed = capsysbinary.readouterr().out
    assert system.call(*arguments, "--personal") == 0
    masked = capsysbinary.readouterr().out

    assert revealed == captured.data
    assert HUSH.search(revealed)
    assert not HUSH.search(masked)
    assert re.fullmatch(pattern_of(masked), captured.data, re.DOTALL), masked


def pattern_of(masked: bytes) -> bytes:
    """A pattern for all bytes that look like these where there is a mask, and are equal elsewhere."""
    return re.escape(masked).replace(re.escape(b"***"), rb"[ -~]+?")
