"""The bodies that need no template: the whole event, or no more than which one it is.

Pure.  Both are Standard Webhooks' `{type, timestamp, data}`; `timestamp` is the event's own.
"""

from __future__ import annotations

from typing import Any

from schemas.records import Action, Event


def full_payload(action: Action, event: Event) -> dict[str, Any]:
    """All that a receiver may ask.

    Which record, what happened, by whom, what it was before and is now, and which workflow sent it.
    """
    return {
        "type": f"{event.entity}.{event.operation}",
        "timestamp": event.occurred_at,
        "data": {
            "event_id": event.event_id,
            "entity": event.entity,
            "operation": event.operation,
            "entity_id": event.entity_id,
            "version": event.version,
            "occurred_at": event.occurred_at,
            "source": event.source,
            "actor": event.actor,
            "correlation_id": event.correlation_id,
            "causation_id": event.causation_id,
            "hops": event.hops,
            "chain": event.chain,
            "workflow": {"id": action.workflow_id, "version": action.workflow_version},
            "changed_fields": event.changed_fields,
            "before": event.before,
            "after": event.after,
        },
    }


def thin_payload(action: Action, event: Event) -> dict[str, Any]:
    """Which event of which record: the receiver asks for the rest, and no personal data travels."""
    return {
        "type": f"{event.entity}.{event.operation}",
        "timestamp": event.occurred_at,
        "data": {
            "event_id": event.event_id,
            "entity": event.entity,
            "operation": event.operation,
            "entity_id": event.entity_id,
            "version": event.version,
            "workflow": {"id": action.workflow_id, "version": action.workflow_version},
        },
    }
