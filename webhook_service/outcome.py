"""What an answer, or the lack of one, means for the delivery: one table.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal

#: The stable words for what prevented an answer; `status` stands for an answer that is a failure.
ErrorClass = Literal[
    "timeout",
    "dns",
    "connection",
    "tls",
    "forbidden-address",
    "protocol",
    "status",
    "token",
    "webhook",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint said.

    Attributes:
        body: Its first bytes, up to the cap.
        whole: False if the body was longer than the cap.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool
    connect_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is no answer.

    Attributes:
        error: For people: what happened, without secrets.
        unknown: The request was sent, or a part of it: the endpoint may have acted on it.
    """

    error_class: ErrorClass
    error: str
    connect_ms: float
    total_ms: float
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint has it."""


@dataclass(frozen=True, slots=True)
class Retryable:
    """Time, or an operator, may mend it.

    Attributes:
        retry_after: The endpoint asked not to be called sooner.
    """

    error_class: ErrorClass
    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The same request would fail in the same way."""

    error_class: ErrorClass
    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The endpoint asks not to be called any more (410)."""

    reason: str


Judgement = Delivered | Retryable | Rejected | Gone

#: Answers below 500 that are retried: the endpoint is busy, or its operator will mend it.
RETRIED: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
#: Answers whose `Retry-After` is honoured.
THROTTLED: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

DELIVERED: Final = Delivered()
_LONGEST_SECONDS: Final = 12  # digits; more would overflow a timedelta


def judge(result: Answer | NoAnswer, now: datetime) -> Judgement:
    """What becomes of the delivery.

    Args:
        now: When the answer came; a date in `Retry-After` is counted from it.
    """
    if isinstance(result, NoAnswer):
        return Retryable(result.error_class, result.error)
    status = result.status
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return DELIVERED
    reason = _said(status)
    if status == HTTPStatus.GONE:
        return Gone(reason)
    if status in RETRIED or 500 <= status < 600:  # noqa: PLR2004 - the class of server errors
        after = result.headers.get("retry-after") if status in THROTTLED else None
        return Retryable("status", reason, retry_after_of(after, now) if after else None)
    if 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
        return Rejected("status", f"{reason}; redirects are not followed: change the URL")
    return Rejected("status", reason)


def retry_after_of(value: str, now: datetime) -> timedelta | None:
    """How long `Retry-After` asks to wait, in seconds or until a date; None if it is neither."""
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_SECONDS:
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(timedelta(), at - now)


def _said(status: int) -> str:
    """The answer in words."""
    try:
        return f"the endpoint answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"the endpoint answered {status}"
