"""Action and event → the request that goes out, byte for byte.

Pure.  The body is rendered here and nowhere else: what a preview shows is what is signed and sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from schemas import headers as names
from schemas.json_form import dumps
from schemas.links import chain_text, extended, link_of
from schemas.records import Action, Event
from webhook_service.url import masked_url, with_query
from webhook_service.webhook import Webhook

USER_AGENT: Final = "Hookline"
#: Configured headers whose values are shown in logs and attempts; all others are masked.
SHOWN: Final = frozenset({"accept", "accept-language", "content-type", "user-agent"})
MASK: Final = "***"
#: What a request says of its cause.  Headers of an operator's that are called so do not go out:
#: they would end, or bend, every chain.
OF_THE_CAUSE: Final = frozenset(
    name.lower()
    for name in (names.X_CORRELATION_ID, names.X_CAUSATION_ID, names.X_HOPS, names.X_CHAIN)
)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete but for what the connection adds (`host`, `content-length`).

    Attributes:
        url: With every query parameter, percent-encoded.
        headers: In the order sent; signature headers are added by `signed`.
        body: Empty for GET.
        masked: The URL and headers fit for logs: no value that an operator configured.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    masked: Masked


@dataclass(frozen=True, slots=True)
class Masked:
    """What may be shown of a request."""

    url: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Template:
    """What of a request is the same for every delivery of a webhook; made once per version."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    masked: Masked


def template_of(webhook: Webhook) -> Template:
    """The part of a webhook's requests that no event changes."""
    given = {name.lower() for name in webhook.headers}
    ours = [("user-agent", USER_AGENT), ("accept-encoding", "identity")]
    if webhook.method != "GET":
        ours.append(("content-type", "application/json"))
    headers = (
        *((name, value) for name, value in ours if name not in given),
        *(
            (name, value)
            for name, value in webhook.headers.items()
            if name.lower() not in OF_THE_CAUSE
        ),
    )
    url = with_query(webhook.url, webhook.query.items())
    shown = tuple(
        (name, value if name.lower() in SHOWN or name not in webhook.headers else MASK)
        for name, value in headers
    )
    return Template(webhook.method, url, headers, Masked(masked_url(url), shown))


def request_of(webhook: Webhook, action: Action, event: Event) -> Request:
    """The request that delivers an action, still to be signed."""
    return filled(template_of(webhook), action, event)


def filled(template: Template, action: Action, event: Event) -> Request:
    """The request of a template with the body for one action."""
    body = b"" if template.method == "GET" else body_of(action, event)
    cause = cause_headers(action, event)
    masked = Masked(template.masked.url, (*template.masked.headers, *cause))
    return Request(template.method, template.url, (*template.headers, *cause), body, masked)


def cause_headers(action: Action, event: Event) -> tuple[tuple[str, str], ...]:
    """What a receiver hands on, as it came, with whatever it changes on the action's account."""
    return (
        (names.X_CORRELATION_ID, str(action.correlation_id)),
        (names.X_CAUSATION_ID, str(action.action_id)),
        (names.X_HOPS, str(action.hops)),
        (names.X_CHAIN, chain_text(extended(event.chain, link_of(action)))),
    )


def body_of(action: Action, event: Event) -> bytes:
    """The default body: Standard Webhooks' `{type, timestamp, data}`."""
    return dumps(payload_of(action, event))


def payload_of(action: Action, event: Event) -> dict[str, Any]:
    """The default body as a value.

    `data` has all that a receiver may ask: which record, what happened, by whom, what it was
    before and is now, and which workflow sent it here.  `timestamp` is the event's own.
    """
    return {
        "type": f"{event.entity}.{event.operation}",
        "timestamp": event.occurred_at,
        "data": {
            "event_id": event.event_id,
            "entity": event.entity,
            "operation": event.operation,
            "entity_id": event.entity_id,
            "version": event.version,
            "occurred_at": event.occurred_at,
            "source": event.source,
            "actor": event.actor,
            "correlation_id": event.correlation_id,
            "causation_id": event.causation_id,
            "hops": event.hops,
            "chain": event.chain,
            "workflow": {"id": action.workflow_id, "version": action.workflow_version},
            "changed_fields": event.changed_fields,
            "before": event.before,
            "after": event.after,
        },
    }
