"""The request that a delivery would send, as `webhook_service` renders it, fit to be shown.

Configured header and query values and the signature are masked; the body is exactly what would be
sent, or the same with personal fields masked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from schemas.catalog import Catalog
from schemas.errors import SchemaError
from schemas.records import Action, Definition, Event
from schemas.templates import Bodies, pieces_of
from webhook_service.places import MASK, split_query
from webhook_service.render import AUTHORIZATION, SHOWN, NoBody, Request, request_of
from webhook_service.sign import WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, signer_of
from webhook_service.stored import hidden_from_spec
from webhook_service.url import masked_url
from webhook_service.webhook import Webhook
from webhook_service.wire import request_bytes


@dataclass(frozen=True, slots=True)
class Preview:
    """A request before it is sent.

    Attributes:
        body: As text.
        exact: Whether the body is byte for byte what would be sent; else personal fields are masked.
        wire: The whole request as it would go out, from its first line to its body; empty where
            nobody asked for it.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    exact: bool
    wire: bytes = b""

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "body": self.body,
            "exact": self.exact,
            **({"wire": self.wire.decode()} if self.wire else {}),
        }

    @property
    def text(self) -> str:
        """As it would look on the wire."""
        lines = [f"{self.method} {self.url}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\n".join([*lines, "", self.body])


def hidden_webhook(definition: Definition) -> Webhook:
    """The webhook of a definition with a stand-in for every secret; needs no key.

    Raises:
        SchemaError: The definition is not a webhook's.
    """
    return hidden_from_spec(definition.spec)


def made(webhook: Webhook, action: Action, event: Event, catalog: Catalog) -> Request:
    """The request that delivers an action, as the service makes it.

    Raises:
        SchemaError: Its body cannot be made; such an action becomes a dead letter.
    """
    request = request_of(webhook, action, event, Bodies(catalog))
    if isinstance(request, NoBody):
        raise SchemaError(request.reason)
    return request


def preview(
    definition: Definition, action: Action, event: Event, catalog: Catalog, *, exact: bool
) -> Preview:
    """The request that would deliver an action.

    Args:
        event: Already masked, unless `exact`.

    Raises:
        SchemaError: The definition is not a webhook's, or its body cannot be made.
    """
    request = made(hidden_webhook(definition), action, event, catalog)
    signing = (
        (WEBHOOK_ID, str(action.action_id)),
        (WEBHOOK_TIMESTAMP, "(set when it is sent)"),
        (WEBHOOK_SIGNATURE, "v1,(made when it is sent)"),
    )
    return Preview(
        method=request.method,
        url=request.masked.url,
        headers=(*request.masked.headers, *signing),
        body=request.body.decode(),
        exact=exact,
    )


def wire_preview(
    webhook: Webhook,
    action: Action,
    event: Event,
    catalog: Catalog,
    sent_at: datetime,
    *,
    exact: bool,
    reveal: bool = False,
) -> Preview:
    """The request that would deliver an action, byte for byte as it would go out.

    Args:
        event: Already masked, unless `exact`.
        sent_at: When the attempt would be made: that is signed.
        reveal: Show secrets; without it each is `***`, and whatever else there is stays as it is.

    Raises:
        SchemaError: Its body cannot be made.
    """
    request = made(webhook if reveal else masked(webhook), action, event, catalog)
    signer = signer_of(webhook.secret, webhook.previous_secrets, webhook.signatures)
    signing = signer.headers(str(action.action_id), sent_at, request.body)
    if not reveal:
        unmasked = replace(request, url=request.url.replace(quote(MASK, safe=""), MASK))
        request = replace(unmasked, headers=tuple(map(_masked_authorization, request.headers)))
        signing = tuple(_masked_signature(name, value, webhook) for name, value in signing)
    if request.oauth2 is not None:
        signing = ((AUTHORIZATION, f"Bearer {MASK}"), *signing)  # nobody has asked for one
    return Preview(
        method=request.method,
        url=request.url,
        headers=(*request.headers, *signing),
        body=request.body.decode(),
        exact=exact,
        wire=request_bytes(request, signing),
    )


def masked(webhook: Webhook) -> Webhook:
    """A webhook whose configured values are masked; its placeholders stay what they are."""
    headers = {
        name: value if name.lower() in SHOWN else _masked_line(value)
        for name, value in webhook.headers.items()
    }
    query = {name: _masked_line(value) for name, value in webhook.query.items()}
    base, asked = split_query(webhook.url)
    url = base + masked_url(asked)
    return webhook.model_copy(update={"headers": headers, "query": query, "url": url})


def _masked_line(text: str) -> str:
    """A line with a mask for every part that an operator wrote, unless it only parts others."""
    return "".join(
        MASK if piece.given and any(map(str.isalnum, piece.text)) else piece.text
        for piece in pieces_of(text)
    )


def _masked_authorization(header: tuple[str, str]) -> tuple[str, str]:
    name, value = header
    return (name, f"{value.partition(' ')[0]} {MASK}") if name == AUTHORIZATION else header


def _masked_signature(name: str, value: str, webhook: Webhook) -> tuple[str, str]:
    """A header of an attempt; signatures are as good as the request itself, so they are masked."""
    if name == WEBHOOK_SIGNATURE:
        return name, " ".join(f"{each.partition(',')[0]},{MASK}" for each in value.split())
    signed = any(name == scheme.header for scheme in webhook.signatures)
    return (name, MASK) if signed else (name, value)
