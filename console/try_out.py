"""Sends one signed test event to a webhook, as the webhook service would, and keeps the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from console.errors import NotFoundError
from console.find_events import Placed, find
from console.given_event import given_event
from console.personal import masked_event
from console.previews import Preview, hidden_webhook, made, preview
from console.samples import sample_action, sample_event
from console.seek import Asked, sought
from console.session import Session
from runtime.clock import Clock
from runtime.secrets import SecretBox
from schemas.records import Action, Definition, Event, action_id_of
from schemas.templates import canonical
from webhook_service.clients import sending
from webhook_service.outcome import Answer, Delivered, NoAnswer, judge
from webhook_service.sign import signer_of
from webhook_service.stored import from_spec
from webhook_service.webhook import Webhook

#: So that a receiver can tell a test from an event, if it cares.
TEST_HEADER = ("hookline-test", "true")


@dataclass(frozen=True, slots=True)
class Trial:
    """One test request and what came of it.

    Attributes:
        request: As it was sent, secrets and personal fields masked.
        delivered: Whether the answer was 2xx.
        status: None without an answer; `error_class` says why.
    """

    request: Preview
    delivered: bool
    status: int | None
    error_class: str | None
    error: str | None
    response_headers: Mapping[str, str]
    response_body: str
    total_ms: float

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "delivered": self.delivered,
            "request": self.request.view(),
            "status": self.status,
            "error_class": self.error_class,
            "error": self.error,
            "response_headers": dict(self.response_headers),
            "response_body": self.response_body,
            "total_ms": self.total_ms,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which delivery is meant.

    Attributes:
        event_id: That of a real event; None for one made up.
        event: An event id, or `topic:partition:offset`, wherever it is: also a dead letter's.
        text: The event itself as JSON.
        entity: Of the event; None for one that the webhook, or the workflow, accepts.
        workflow: The workflow whose action it is, for its template; None for none.
    """

    event_id: str | None = None
    entity: str | None = None
    workflow: str | None = None
    event: str | None = None
    text: str | None = None


async def chosen_event(
    session: Session, definition: Definition, wanted: Wanted, now: datetime
) -> tuple[Event, Action]:
    """The event with that id, or one made up for the webhook, and an action that delivers it.

    Raises:
        NotFoundError: There is no such event, or the workflow has no action for the webhook.
        ConfigurationError: There is no such entity.
    """
    workflow = _workflow(session, wanted.workflow) if wanted.workflow else None
    entity = wanted.entity or (json.loads(workflow.spec)["entity"] if workflow else None)
    accepted = hidden_webhook(definition).entities
    name = session.known(entity or (accepted or ("person",))[0])[0]
    if wanted.text is not None:
        event = given_event(wanted.text, session.catalog, name, now)
    elif wanted.event is not None:
        event = await _sought(session, wanted.event, name, now)
    elif wanted.event_id is not None:
        event = (await find(session, wanted.event_id, session.known(entity), None)).event
    else:
        event = sample_event(name, session.catalog.fields(name), now)
    action = sample_action(event, definition.id, now)
    return event, action if workflow is None else _of_workflow(action, workflow)


async def _sought(session: Session, event: str, entity: str, now: datetime) -> Event:
    """An event by its id or its place; one that only a dead letter has is one, too.

    Raises:
        NotFoundError: It is nowhere; says where it was looked for.
    """
    found = await sought(session, Asked("", event, None, None, None, None, now), entity)
    if isinstance(found, Placed) or found.event is not None:
        return cast("Event", found.event)
    raise NotFoundError(" ".join(found.fate.sentences))


def _workflow(session: Session, id: str) -> Definition:
    """The workflow with that id."""
    found = session.workflows.current.get(id)
    if found is None:
        known = ", ".join(sorted(session.workflows.current)) or "none"
        raise NotFoundError(f"no workflow {id!r}; there are {known}")
    return found


def _of_workflow(action: Action, workflow: Definition) -> Action:
    """The action as the workflow would make it: the first of its actions for the webhook."""
    for index, step in enumerate(json.loads(workflow.spec)["then"]):
        if step["webhook"] == action.webhook_id:
            template = step.get("template")
            return replace(
                action,
                action_id=action_id_of(action.event_id, workflow.id, workflow.version, index),
                workflow_id=workflow.id,
                workflow_version=workflow.version,
                action_index=index,
                template=None if template is None else canonical(template),
            )
    raise NotFoundError(f"workflow {workflow.id} has no action for webhook {action.webhook_id}")


async def try_out(session: Session, definition: Definition, wanted: Wanted, clock: Clock) -> Trial:
    """Send one request, now, whatever the webhook's state.

    Raises:
        ConfigurationError: There is no key for the webhook's secret.
        NotFoundError: There is no such event, or the workflow has no action for the webhook.
    """
    webhook = from_spec(definition.spec, SecretBox(session.settings.secret_keys).open)
    now = clock.now()
    event, action = await chosen_event(session, definition, wanted, now)
    # An id of its own, so that no receiver takes it for a repeat.
    action = replace(action, action_id=sample_action(event, definition.id, now).action_id)
    answer = await _send(session, webhook, action, event, clock)
    masked = masked_event(event, session.catalog.fields(event.entity))
    shown = preview(definition, action, masked, session.catalog, exact=False)
    if not isinstance(answer, Answer):
        return Trial(
            request=shown,
            delivered=False,
            status=None,
            error_class=answer.error_class,
            error=answer.error,
            response_headers={},
            response_body="",
            total_ms=answer.total_ms,
        )
    judgement = judge(answer, clock.now())
    delivered = isinstance(judgement, Delivered)
    return Trial(
        request=shown,
        delivered=delivered,
        status=answer.status,
        error_class=None if delivered else "status",
        error=getattr(judgement, "reason", None),
        response_headers=answer.headers,
        response_body=answer.body.decode(errors="replace"),
        total_ms=answer.total_ms,
    )


async def _send(
    session: Session, webhook: Webhook, action: Action, event: Event, clock: Clock
) -> Answer | NoAnswer:
    """The signed request, through the service's own hardened client."""
    settings = session.settings
    request = made(webhook, action, event, session.catalog)
    signer = signer_of(webhook.secret, webhook.previous_secrets, webhook.signatures)
    signature = signer.headers(str(action.action_id), clock.now(), request.body)
    async with sending(settings, time.monotonic) as sender:
        return await sender.send(request, (*signature, TEST_HEADER), webhook.timeout)
