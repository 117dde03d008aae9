"""What commands print with `--json`: the documented shapes, as plain values.

The names here are an interface: they may be added to, not changed.  Pure: no clock, no I/O.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from console.dead_letters import DeadLetter, Group, Resolution
from console.deliveries import Delivery
from runtime.broker import Received
from schemas import headers
from schemas.records import Action, Attempt, Event

View = dict[str, Any]


def place_view(record: Received) -> View:
    """Where a record stands."""
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def event_view(event: Event, record: Received | None = None) -> View:
    """An event, and where it stands if that is known."""
    view = asdict(event)
    view["changed_fields"] = list(event.changed_fields)
    return {**view, **place_view(record)} if record else view


def action_view(action: Action) -> View:
    """An action without the event's bytes."""
    view = asdict(action)
    del view["event"]
    return view


def attempt_view(attempt: Attempt) -> View:
    """An attempt; the answer's body as text, cut where it is not UTF-8."""
    view = asdict(attempt)
    view["request_headers"] = dict(attempt.request_headers)
    view["response_headers"] = dict(attempt.response_headers)
    view["response_body"] = attempt.response_body.decode(errors="replace")
    return view


def delivery_view(delivery: Delivery, *, attempts: bool) -> View:
    """A delivery; with each attempt if asked for."""
    last = delivery.last
    view: View = {
        "action_id": last.action_id,
        "event_id": last.event_id,
        "entity": last.entity,
        "entity_id": last.entity_id,
        "workflow": last.workflow_id,
        "webhook": last.webhook_id,
        "outcome": last.outcome,
        "attempts": len(delivery.attempts),
        "last_status": last.status,
        "last_error_class": last.error_class,
        "last_error": last.error,
        "first_attempt_at": delivery.attempts[0].started_at,
        "last_attempt_at": last.started_at,
        "next_due_at": last.next_due_at,
    }
    if attempts:
        view["log"] = [attempt_view(attempt) for attempt in delivery.attempts]
    return view


def resolution_view(resolution: Resolution | None) -> View | None:
    """What settled a dead letter; None while it is open."""
    return asdict(resolution) if resolution else None


def letter_view(letter: DeadLetter) -> View:
    """A dead letter as the list shows it."""
    return {
        "address": letter.address,
        **place_view(letter.record),
        "state": letter.state,
        "died_at": letter.died_at,
        "webhook": letter.webhook,
        "workflow": letter.workflow,
        "entity": letter.entity,
        "entity_id": letter.entity_id,
        "action_id": letter.action_id,
        "error_class": letter.error_class,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "last_status": _number(letter.headers.get(headers.LAST_STATUS)),
        "origin": {
            "topic": letter.headers.get(headers.ERROR_TOPIC, letter.origin),
            "partition": _number(letter.headers.get(headers.ERROR_PARTITION)),
            "offset": _number(letter.headers.get(headers.ERROR_OFFSET)),
        },
        "resolution": resolution_view(letter.resolution),
    }


def group_view(group: Group) -> View:
    """One line of the grouped list."""
    return asdict(group)


def export_view(letter: DeadLetter) -> View:
    """A dead letter complete, its bytes in base64, so that nothing is lost in an export."""
    return {
        **letter_view(letter),
        "headers": header_view(letter.headers),
        "key": _base64(letter.record.key),
        "value": _base64(letter.record.value),
    }


def header_view(texts: Mapping[str, str]) -> View:
    """Record headers as text."""
    return dict(texts)


def _number(text: str | None) -> int | None:
    """A decimal header's value."""
    return int(text) if text and text.isdecimal() else None


def _base64(data: bytes | None) -> str | None:
    """Bytes for JSON."""
    return None if data is None else base64.b64encode(data).decode()
