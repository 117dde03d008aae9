"""What `hookline webhooks preview` shows is what arrives, byte for byte, through both services as processes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from console.apply import Author, apply
from console.session import Session, opened
from runtime.broker import Outgoing
from runtime.clock import SystemClock
from runtime.kafka import KafkaBroker
from runtime.manifests import read_texts
from runtime.settings import Settings
from schemas.events import event_headers
from tests.crm import catalog, event_id_of, lead_event
from tests.processes import command, environment_of, receiver, service
from tests.waiting import until

SECRET = "whsec_" + "c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Q="
TITLE = 'Ship "Ada" \\ & {{ after.id }}\n\u202e😀\0'
MANIFESTS = """\
kind: Webhook
id: own
url: {url}
secret: {secret}
entities: [lead]
body:
  form:
    title: "{{{{ after.title }}}}"
    value: '{{{{ after.lead_value | decimal(2, ",", ".") }}}} €'
    none: "{{{{ after.lost_reason }}}}"
---
kind: Workflow
id: flow
entity: lead
on: [created]
then:
  - webhook: own
---
kind: Workflow
id: other
entity: lead
on: [created]
then:
  - webhook: own
    template:
      json:
        text: "won: {{{{ after.title }}}}"
        title: "{{{{ after.title }}}}"
        value: "{{{{ after.lead_value | number }}}}"
        at: '{{{{ event.occurred_at | in_zone("Europe/Berlin") | date("%d.%m.%Y %H:%M") }}}}'
        of: ["{{{{ workflow.id }}}}", "{{{{ workflow.version }}}}", "{{{{ action.id }}}}"]
---
kind: Workflow
id: thin
entity: lead
on: [created]
then:
  - webhook: own
    template: thin
"""

pytestmark = pytest.mark.usefixtures("topics_created")


def signed(body: bytes, headers: Mapping[str, str]) -> str:
    """The signature that the library of another's makes; its verifier reads JSON only."""
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    return Verifier(SECRET).sign(headers["webhook-id"], at, body.decode())


async def publish(session: Session) -> None:
    publisher = await session.publisher()
    await session.registry.register(catalog().event("lead"))
    event = lead_event(1, id="1", title=TITLE, lead_value="1234.5")
    topic, value = session.topics.events("lead"), session.codec.encode(event)
    await publisher.publish(Outgoing(topic, b"1", value, event_headers(event, "/test")))


async def test_the_preview_of_a_body_is_what_a_receiver_gets(settings: Settings, tmp_path) -> None:
    variables = environment_of(settings)
    async with AsyncExitStack() as stack:
        arrivals = await stack.enter_async_context(receiver())
        session = await stack.enter_async_context(opened(settings, KafkaBroker(settings)))
        manifests = MANIFESTS.format(url=arrivals.url, secret=SECRET)
        await apply(session, read_texts([("m.yaml", manifests)]), Author("test", SystemClock()))
        for module in ("workflow_service", "webhook_service"):
            log = tmp_path / f"{module}.log"
            await stack.enter_async_context(service(variables, module, log))

        await publish(session)
        await until(lambda: len(arrivals.bodies) == 3)

        arguments = ["-m", "console", "webhooks", "preview", "own", "--personal", "--json"]
        arguments += ["--event", str(event_id_of(1)), "--workflow"]
        shown = [
            json.loads(await command(variables, *arguments, workflow))
            for workflow in ("flow", "other", "thin")
        ]

    got = {
        headers["webhook-id"]: (body, {k.lower(): v for k, v in headers.items()})
        for body, headers in zip(arrivals.bodies, arrivals.headers, strict=True)
    }
    for preview in shown:
        body, headers = got[preview["headers"]["webhook-id"]]
        assert body == preview["body"].encode()
        assert headers["content-type"] == preview["headers"]["content-type"]
        assert headers["webhook-signature"] == signed(body, headers)
    assert [preview["headers"]["content-type"] for preview in shown] == [
        "application/x-www-form-urlencoded",
        "application/json",
        "application/json",
    ]
    form, own, thin = (preview["body"] for preview in shown)
    assert form.startswith("none=&title=Ship+%22Ada%22+%5C+%26+%7B%7B+after.id+%7D%7D%0A%E2%80%AE")
    assert form.endswith("&value=1.234%2C50+%E2%82%AC")
    assert '"value":1234.5000' in own
    assert json.loads(own)["title"] == TITLE
    assert json.loads(own)["text"] == f"won: {TITLE}"
    assert json.loads(own)["at"] == "01.01.2026 13:00"
    assert json.loads(own)["of"][:2] == ["other", 1]
    assert TITLE[:4] not in thin
