"""The request that a delivery would send, as `webhook_service` renders it, fit to be shown.

Configured header and query values and the signature are masked; the body is exactly what would be
sent, or the same with personal fields masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.catalog import Catalog
from schemas.errors import SchemaError
from schemas.records import Action, Definition, Event
from schemas.templates import Bodies
from webhook_service.render import NoBody, Request, request_of
from webhook_service.sign import WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP
from webhook_service.stored import hidden_from_spec
from webhook_service.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Preview:
    """A request before it is sent.

    Attributes:
        body: As text.
        exact: Whether the body is byte for byte what would be sent; else personal fields are masked.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    exact: bool

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "body": self.body,
            "exact": self.exact,
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
