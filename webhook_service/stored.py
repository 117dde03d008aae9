"""A webhook as it is stored, and as it is shown: canonical JSON with secrets sealed or masked.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from schemas.errors import SchemaError
from webhook_service.durations import duration_text, parse_duration
from webhook_service.webhook import Retry, Webhook
from webhook_service.writes import parse_writes, plain_writes


def to_spec(webhook: Webhook, seal: Callable[[str], str]) -> str:
    """The webhook as canonical JSON; secret, header and query values are sealed.

    Args:
        seal: `runtime.secrets.SecretBox.seal`.
    """
    return _canonical(_plain(webhook, seal))


def from_spec(spec: str, open: Callable[[str], str]) -> Webhook:  # noqa: A002 - the counterpart of seal
    """The webhook that a stored spec holds.

    Args:
        open: `runtime.secrets.SecretBox.open`.

    Raises:
        SchemaError: The spec is not a webhook's.
        ConfigurationError: Its secrets cannot be opened.
    """
    try:
        raw = json.loads(spec)
        retry = raw["retry"]
        return Webhook(
            id=raw["id"],
            url=raw["url"],
            entities=None if raw["entities"] is None else tuple(raw["entities"]),
            method=raw["method"],
            headers={name: open(value) for name, value in raw["headers"].items()},
            query={name: open(value) for name, value in raw["query"].items()},
            secret=open(raw["secret"]),
            body=raw.get("body", "full"),
            concurrency=raw["concurrency"],
            timeout=parse_duration(raw["timeout"]),
            retry=Retry(
                schedule=tuple(map(parse_duration, retry["schedule"])), jitter=retry["jitter"]
            ),
            writes=parse_writes(raw["writes"])[0] if "writes" in raw else None,
            state=raw["state"],
            description=raw.get("description", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # The error's text may quote values, and these may be secret.
        message = f"the stored definition is not a webhook ({type(error).__name__})"
        raise SchemaError(message) from None


def masked_spec(webhook: Webhook) -> str:
    """The webhook as canonical JSON for people: secret, header and query values are masked."""
    return _canonical(_plain(webhook, lambda _: "***"))


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(webhook: Webhook, hide: Callable[[str], str]) -> dict[str, Any]:
    """The webhook in JSON's words."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "entities": None if webhook.entities is None else list(webhook.entities),
        "method": webhook.method,
        "headers": {name: hide(value) for name, value in webhook.headers.items()},
        "query": {name: hide(value) for name, value in webhook.query.items()},
        "secret": hide(webhook.secret),
        "body": webhook.body,
        "concurrency": webhook.concurrency,
        "timeout": duration_text(webhook.timeout),
        "retry": {
            "schedule": [duration_text(wait) for wait in webhook.retry.schedule],
            "jitter": webhook.retry.jitter,
        },
        **({} if webhook.writes is None else {"writes": plain_writes(webhook.writes)}),
        "state": webhook.state,
        "description": webhook.description,
    }
