"""A webhook: where deliveries go, how they are signed, retried and bounded.

Pure.  `webhook_service.parse` makes one from a manifest; here are its values and its stored form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.errors import SchemaError
from webhook_service.sign import key_of
from webhook_service.writes import Write, parse_writes, plain_writes

Method = Literal["POST", "PUT", "PATCH", "DELETE", "GET"]
State = Literal["active", "paused", "disabled"]

#: Waits after the first attempt, the second, … : about 3.2 days in all (Standard Webhooks 1.0).
DEFAULT_SCHEDULE: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)

_DURATION: Final = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNITS: Final = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


class Retry(BaseModel):
    """When a failed delivery is tried again.

    Attributes:
        schedule: The wait after each failed attempt; when it is used up the delivery is dead.
        jitter: Up to this share of a wait is added to it at random; never taken away.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schedule: tuple[timedelta, ...] = DEFAULT_SCHEDULE
    jitter: float = Field(default=0.1, ge=0.0, le=1.0)


class Webhook(BaseModel):
    """One endpoint and how it is called.

    Attributes:
        entities: Entities whose events it accepts; None accepts any.
        headers: Added to every request; their values are treated as secrets.
        query: Added to the URL of every request; likewise.
        secret: The signing secret, `whsec_…`, in the clear: only in memory.
        body: What is sent: `full`, `thin`, or a template, as `schemas.templates` reads it.
        concurrency: Requests under way at once, per process.
        timeout: For the whole of an attempt: connect, send, headers and body.
        writes: What its receiver writes back, for `hookline workflows lint`; None is not declared.
        state: `active`; `paused` and `disabled` webhooks' deliveries wait.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    url: str
    entities: tuple[str, ...] | None = None
    method: Method = "POST"
    headers: Mapping[str, str] = Field(default={}, repr=False)
    query: Mapping[str, str] = Field(default={}, repr=False)
    secret: str = Field(repr=False)
    body: Any = "full"
    concurrency: int = 8
    timeout: timedelta = timedelta(seconds=15)
    retry: Retry = Retry()
    writes: tuple[Write, ...] | None = None
    state: State = "active"
    description: str = ""

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, value: str) -> str:
        key_of(value)
        return value


def parse_duration(text: str) -> timedelta:
    """`500ms`, `15s`, `5m`, `2h`, `1d` or several of them, largest first: `1h30m`.

    Raises:
        ValueError: It is none of these.
    """
    parts = _DURATION.findall(text)
    units = [unit for _, unit in parts]
    ordered = sorted(set(units), key=list(_UNITS).index)
    if not parts or "".join(number + unit for number, unit in parts) != text or units != ordered:
        raise ValueError(f"{text!r} is not a duration such as 500ms, 15s, 5m, 2h or 1d")
    try:
        return sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())
    except OverflowError:
        raise ValueError(f"{text!r} is too long a duration") from None


def duration_text(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads as this value: `1h30m`."""
    text, rest = "", value
    for unit, size in _UNITS.items():
        number, rest = divmod(rest, size)
        if number:
            text += f"{number}{unit}"
    return text or "0s"


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
