"""A webhook: where deliveries go, how they are signed, retried and bounded.

Pure.  `webhook_service.parse` makes one from a manifest, `webhook_service.stored` from what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from webhook_service.sign import key_of
from webhook_service.writes import Write

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
