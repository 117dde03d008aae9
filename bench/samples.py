"""Events and definitions as they come in real life: a lead of some 600 bytes, a handful of rules."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from schemas.records import Action, Event, action_id_of

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
STAGES = ("new", "follow-up", "prospect", "negotiation", "won", "lost")
RECORDS = 1_000


def lead(number: int, stage: str, updated_at: datetime) -> dict[str, Any]:
    """A lead as an entity service holds it."""
    return {
        "id": f"lead-{number % RECORDS}",
        "created_at": NOON - timedelta(minutes=number % RECORDS),
        "updated_at": updated_at,
        "title": f"Thirty seats for branch {number}",
        "description": "Asked for an offer by phone; wants to start in autumn. " * 2,
        "lead_value": Decimal(number % 5_000).quantize(Decimal("0.0001")),
        "status": None,
        "lost_reason": None,
        "closed_at": None,
        "expected_close_date": date(2026, 9, 30),
        "user": {"id": "7", "name": "Grace Hopper"},
        "person": {"id": "1815", "name": "Ada Lovelace"},
        "source": {"id": "2", "name": "Web"},
        "type": {"id": "1", "name": "New Business"},
        "pipeline": {"id": "1", "name": "Default"},
        "stage": {"id": stage, "code": stage, "name": stage.title()},
        "tags": ["autumn", "seats"],
        "products": [],
        "custom_attributes": {},
    }


def event(number: int) -> Event:
    """The update of a lead that moved one stage on."""
    occurred_at = NOON + timedelta(milliseconds=number)
    before = lead(number, STAGES[number % len(STAGES)], occurred_at - timedelta(hours=1))
    after = lead(number, STAGES[(number + 1) % len(STAGES)], occurred_at)
    event_id = uuid.uuid5(uuid.NAMESPACE_OID, str(number))
    return Event(
        event_id=event_id,
        entity="lead",
        operation="updated",
        entity_id=str(after["id"]),
        version=number // RECORDS + 2,
        occurred_at=occurred_at,
        source="ui",
        actor="grace",
        correlation_id=event_id,
        causation_id=None,
        hops=0,
        before=before,
        after=after,
        changed_fields=("stage", "updated_at"),
    )


def action(number: int, webhook: str, event_bytes: bytes, of: Event) -> Action:
    """What a match of that event asks for."""
    return Action(
        action_id=action_id_of(of.event_id, "moved", 1, 0),
        event_id=of.event_id,
        entity=of.entity,
        entity_id=of.entity_id,
        operation=of.operation,
        workflow_id="moved",
        workflow_version=1,
        action_index=0,
        webhook_id=webhook,
        matched_at=NOON,
        correlation_id=of.correlation_id,
        hops=0,
        event_topic="crm.lead.events",
        event_partition=0,
        event_offset=number,
        event=event_bytes,
    )


def webhook(id: str, url: str, concurrency: int = 32) -> str:
    """A webhook's manifest."""
    return (
        f"kind: Webhook\nid: {id}\nurl: {url}\nconcurrency: {concurrency}\n"
        f"secret: whsec_{'aGVhcnR5LWJlbmNoLXNlY3JldC0wMTIzNDU2Nzg5YWI='}\n"
    )


def workflows(webhook_id: str, count: int) -> Iterator[str]:
    """Manifests of `count` workflows, of which one matches each event."""
    yield (
        "kind: Workflow\nid: moved\nentity: lead\non: [updated]\nwhen_changed: [stage]\n"
        f"only_if:\n  all:\n    - {{field: after.lead_value, at_least: 0}}\nthen:\n  - webhook: {webhook_id}\n"
    )
    for number in range(1, count):
        yield (
            f"kind: Workflow\nid: quiet-{number}\nentity: lead\non: [created, updated]\n"
            "only_if:\n  all:\n"
            f"    - {{field: after.title, contains: 'seats for branch {number}x'}}\n"
            f"    - {{field: after.lead_value, greater_than: {number}}}\n"
            f"then:\n  - webhook: {webhook_id}\n"
        )
