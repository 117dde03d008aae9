"""What was sent and what came back, as the record for the attempts topic.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas import records
from schemas.records import Action, Attempt
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.render import Request
from webhook_service.waiting import History

#: Of an answer's headers this many are kept, each to this length.
MOST_HEADERS: Final = 64
LONGEST_HEADER: Final = 1_024
_NONE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt that was made.

    Attributes:
        history: Up to and including it.
        begun: When it began.
    """

    action: Action
    history: History
    request: Request
    signature: tuple[tuple[str, str], ...]
    result: Answer | NoAnswer
    begun: datetime


def attempt_of(
    made: Outcome,
    outcome: records.Outcome,
    error_class: str | None,
    error: str | None,
    next_due_at: datetime | None,
) -> Attempt:
    """The record of an attempt; nothing secret is in it."""
    action, request, result = made.action, made.request, made.result
    answer = result if isinstance(result, Answer) else None
    return Attempt(
        action_id=action.action_id,
        event_id=action.event_id,
        entity=action.entity,
        entity_id=action.entity_id,
        workflow_id=action.workflow_id,
        webhook_id=action.webhook_id,
        attempt=made.history.attempts,
        method=request.method,
        url=request.masked.url,
        request_headers=dict((*request.masked.headers, *made.signature)),
        request_body_bytes=len(request.body),
        status=answer.status if answer else None,
        error_class=error_class,
        error=error,
        response_headers=kept_headers(answer.headers) if answer else _NONE,
        response_body=answer.body if answer else b"",
        started_at=made.begun,
        connect_ms=result.connect_ms,
        total_ms=result.total_ms,
        outcome=outcome,
        next_due_at=next_due_at,
    )


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """An answer's headers, bounded, and as text that can be encoded whatever bytes came."""
    kept: dict[str, str] = {}
    for name, value in headers.items():
        if len(kept) >= MOST_HEADERS:
            break
        kept[_clean(name)] = _clean(value)
    return kept


def _clean(text: str) -> str:
    short = text[:LONGEST_HEADER]
    return short if short.isascii() else short.encode("utf-8", "replace").decode()
