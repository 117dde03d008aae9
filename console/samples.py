"""A made-up event of an entity, for trying a webhook out without any record.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from schemas.records import ACTION_NAMESPACE, Action, Event, action_id_of
from schemas.types import FieldType, ListType, MapType, RecordType, ScalarType

#: The workflow that test deliveries name; no saved workflow can have this id.
TEST_WORKFLOW = "(test)"
_DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)
_VALUES: dict[str, Any] = {
    "text": "example",
    "int": 1,
    "decimal": Decimal("1.0000"),
    "bool": True,
    "date": _DAY.date(),
    "datetime": _DAY,
    "uuid": uuid.UUID(int=0),
    "float": 1.0,
    "bytes": b"example",
}


def sample_event(entity: str, fields: Mapping[str, FieldType], now: datetime) -> Event:
    """A creation that never happened; its id says when it was made up."""
    event_id = uuid.uuid5(ACTION_NAMESPACE, f"test:{entity}:{now.isoformat()}")
    return Event(
        event_id=event_id,
        entity=entity,
        operation="created",
        entity_id="example",
        version=1,
        occurred_at=now,
        source="system",
        actor=None,
        correlation_id=event_id,
        causation_id=None,
        hops=0,
        before=None,
        after={name: sample(kind) for name, kind in fields.items()},
        changed_fields=tuple(sorted(fields)),
    )


def sample_action(event: Event, webhook_id: str, now: datetime) -> Action:
    """The action that would deliver an event to a webhook, though no workflow asks for it.

    Its id differs from that of every real action and from one test to the next, so that no receiver
    takes it for a repeat.
    """
    return Action(
        action_id=action_id_of(
            event.event_id, f"{TEST_WORKFLOW}:{webhook_id}:{now.isoformat()}", 0, 0
        ),
        event_id=event.event_id,
        entity=event.entity,
        entity_id=event.entity_id,
        operation=event.operation,
        workflow_id=TEST_WORKFLOW,
        workflow_version=0,
        action_index=0,
        webhook_id=webhook_id,
        matched_at=now,
        correlation_id=event.correlation_id,
        hops=event.hops + 1,
        event_topic="",
        event_partition=0,
        event_offset=0,
        event=b"",
    )


def sample(kind: FieldType) -> Any:
    """A value of a type; null and empty where that is allowed."""
    if kind.nullable:
        return None
    match kind:
        case ScalarType():
            return kind.symbols[0] if kind.symbols else _VALUES[kind.kind]
        case RecordType(fields=fields):
            return {name: sample(inner) for name, inner in fields.items()}
        case ListType():
            return []
        case MapType():
            return {}
        case _:
            return sample(kind.members[0])
