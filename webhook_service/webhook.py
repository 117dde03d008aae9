"""A webhook: where deliveries go, how they are signed, retried and bounded.

Pure.  `webhook_service.parse` makes one from a manifest, `webhook_service.stored` from what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from webhook_service.auth import Auth, Tls
from webhook_service.keys import signing_key
from webhook_service.rate import Rate
from webhook_service.sign import PreviousSecret, Scheme
from webhook_service.writes import Write

Method = Literal["POST", "PUT", "PATCH", "DELETE", "GET"]
State = Literal["active", "paused", "disabled"]
Ordering = Literal["per_record", "none"]

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


class Breaker(BaseModel):
    """When an endpoint that fails is left alone, and how it is tried out again.

    Attributes:
        failures: So many in a row open it.
        share: So does this share of failures among the attempts of a window, if these are at
            least `least`.
        window: The time that `share` looks back.
        open_for: How long it is left alone at first; twice as long after each probe that failed.
        longest: The upper bound of that.
        probes: So many successes in a row, one at a time, close it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    failures: int = 10
    share: float = 0.5
    window: timedelta = timedelta(minutes=1)
    least: int = 50
    open_for: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=5)
    probes: int = 1


class Webhook(BaseModel):
    """One endpoint and how it is called.

    Attributes:
        entities: Entities whose events it accepts; None accepts any.
        headers: Added to every request; their values are treated as secrets.
        query: Added to the URL of every request; likewise.
        secret: The signing secret, `whsec_…` or `whsk_…`, in the clear: only in memory.
        previous_secrets: Secrets that were replaced and sign, too, for a while.
        signatures: Other signatures, in headers of their own.
        auth: How it shows who it is; None is not at all.
        tls: Certificates of its own; None is the system's.
        body: What is sent: `full`, `thin`, or a template, as `schemas.templates` reads it.
        concurrency: Requests under way at once, per process.
        rate_limit: Attempts in a time, over all processes; None is no limit.
        breaker: When it is left alone; None is never.
        ordering: `per_record`: one after the other for each record; `none`: as they come.
        disable_after: After so long of nothing but failures it is disabled; None is never.
        timeout: For the whole of an attempt: connect, send, headers and body.
        writes: What its receiver writes back, for `hookline workflows lint`; None is not declared.
        state: `active`; a `paused` webhook's deliveries wait, a `disabled` one's are dead letters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    url: str
    entities: tuple[str, ...] | None = None
    method: Method = "POST"
    headers: Mapping[str, str] = Field(default={}, repr=False)
    query: Mapping[str, str] = Field(default={}, repr=False)
    secret: str = Field(repr=False)
    previous_secrets: tuple[PreviousSecret, ...] = ()
    signatures: tuple[Scheme, ...] = ()
    auth: Auth | None = None
    tls: Tls | None = None
    body: Any = "full"
    concurrency: int = 8
    rate_limit: Rate | None = None
    breaker: Breaker | None = Breaker()
    ordering: Ordering = "per_record"
    disable_after: timedelta | None = timedelta(days=5)
    timeout: timedelta = timedelta(seconds=15)
    retry: Retry = Retry()
    writes: tuple[Write, ...] | None = None
    state: State = "active"
    description: str = ""

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, value: str) -> str:
        signing_key(value)
        return value
