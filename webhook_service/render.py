"""Action and event → the request that goes out, byte for byte.

Pure.  The body is rendered here and nowhere else: what a preview shows is what is signed and sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from schemas import headers as names
from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.json_form import dumps
from schemas.links import chain_text, extended, link_of
from schemas.records import Action, Event
from schemas.templates import Bodies, TooLarge, canonical, check_lines, full_payload
from webhook_service.auth import OAuth2, Tls, authorization_of
from webhook_service.places import (
    MASK,
    Placed,
    header_place,
    lines_of,
    masked_moving_url,
    placed,
)
from webhook_service.url import masked_url, with_query
from webhook_service.webhook import Webhook

USER_AGENT: Final = "Hookline"
#: Configured headers whose values are shown in logs and attempts; all others are masked.
SHOWN: Final = frozenset({"accept", "accept-language", "content-type", "user-agent"})
AUTHORIZATION: Final = "authorization"
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
        oauth2: How to get the token that is to be sent along, if one is.
        tls: What the connection is made with, if not with the system's certificates.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    masked: Masked
    oauth2: OAuth2 | None = None
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class NoBody:
    """There is no request, because its body cannot be made.

    Attributes:
        error_class: One stable word.
        reason: One sentence for people.
    """

    error_class: Literal["template", "too-large"]
    reason: str


@dataclass(frozen=True, slots=True)
class Masked:
    """What may be shown of a request."""

    url: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Template:
    """What of a request is the same for every delivery of a webhook; made once per version.

    Attributes:
        url: With its query, unless something in it moves.
        query: Its parameters, if something in it moves.
        body: The webhook's body, canonical.
        typed: Whether its headers say the body's type already, or there is no body.
        moving: The lines with placeholders (`places.lines_of`) as JSON; empty if there are none.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    masked: Masked
    body: str
    typed: bool
    moving: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    oauth2: OAuth2 | None = None
    tls: Tls | None = None


def template_of(webhook: Webhook) -> Template:
    """The part of a webhook's requests that no event changes."""
    given = {name.lower() for name in webhook.headers}
    authorization = authorization_of(webhook.auth)
    ours = [("user-agent", USER_AGENT), ("accept-encoding", "identity")]
    headers = (
        *((name, value) for name, value in ours if name not in given),
        *(
            (name, value)
            for name, value in webhook.headers.items()
            if name.lower() not in OF_THE_CAUSE
        ),
        *(() if authorization is None else ((AUTHORIZATION, authorization),)),
    )
    moving = lines_of(webhook.url, webhook.query, headers)
    url = with_query(masked_moving_url(webhook.url), webhook.query.items())
    shown = tuple(
        (
            name,
            value
            if header_place(name) not in moving
            and (name.lower() in SHOWN or name not in webhook.headers)
            and name != AUTHORIZATION
            else MASK,
        )
        for name, value in headers
    )
    return Template(
        method=webhook.method,
        url=webhook.url if moving else url,
        headers=headers,
        masked=Masked(masked_url(url), shown),
        body=canonical(webhook.body),
        typed="content-type" in given or webhook.method == "GET",
        moving=canonical(moving) if moving else "",
        query=webhook.query,
        oauth2=webhook.auth.oauth2 if webhook.auth else None,
        tls=webhook.tls,
    )


def check_places(webhook: Webhook, catalog: Catalog) -> tuple[Problem, ...]:
    """What is wrong with the placeholders of URL, query and headers, for the entities it accepts."""
    moving = lines_of(webhook.url, webhook.query, webhook.headers.items())
    return check_lines(moving, catalog, webhook.entities)


def request_of(webhook: Webhook, action: Action, event: Event, bodies: Bodies) -> Request | NoBody:
    """The request that delivers an action, still to be signed."""
    return filled(template_of(webhook), action, event, bodies)


def filled(template: Template, action: Action, event: Event, bodies: Bodies) -> Request | NoBody:
    """The request of a template with the body for one action: the action's own, or the webhook's."""
    content_type, body = "", b""
    if template.method != "GET":
        made = bodies.of(action.template or template.body, event.entity)
        if isinstance(made, str):
            return NoBody("template", made)
        content_type, rendered = made.content_type, made.render(action, event)
        if isinstance(rendered, TooLarge):
            return NoBody("too-large", rendered.reason)
        body = rendered
    where = _moved(template, action, event, bodies) if template.moving else template
    if isinstance(where, NoBody):
        return where
    added = cause_headers(action, event)
    if not template.typed:
        added = (("content-type", content_type), *added)
    masked = Masked(template.masked.url, (*template.masked.headers, *added))
    return Request(
        method=template.method,
        url=where.url,
        headers=(*where.headers, *added),
        body=body,
        masked=masked,
        oauth2=template.oauth2,
        tls=template.tls,
    )


def _moved(template: Template, action: Action, event: Event, bodies: Bodies) -> Placed | NoBody:
    """The URL and headers for one action, where these have placeholders."""
    lines = bodies.lines(template.moving, event.entity)
    if isinstance(lines, str):
        return NoBody("template", lines)
    rendered = lines.render(action, event)
    if isinstance(rendered, TooLarge):
        return NoBody("too-large", rendered.reason)
    where = placed(template.url, template.query, template.headers, rendered)
    return where if isinstance(where, Placed) else NoBody("template", where)


def cause_headers(action: Action, event: Event) -> tuple[tuple[str, str], ...]:
    """What a receiver hands on, as it came, with whatever it changes on the action's account."""
    return (
        (names.X_CORRELATION_ID, str(action.correlation_id)),
        (names.X_CAUSATION_ID, str(action.action_id)),
        (names.X_HOPS, str(action.hops)),
        (names.X_CHAIN, chain_text(extended(event.chain, link_of(action)))),
    )


def body_of(action: Action, event: Event) -> bytes:
    """The default body: Standard Webhooks' `{type, timestamp, data}` with the whole event."""
    return dumps(full_payload(action, event))
