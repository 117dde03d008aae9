"""A match → the action record that asks for a delivery.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas import headers
from schemas.records import Action, Event, action_id_of
from workflow_service.compiled import CompiledWorkflow


@dataclass(frozen=True, slots=True)
class Origin:
    """The event as it stands on its topic."""

    topic: str
    partition: int
    offset: int
    data: bytes


def actions_of(
    compiled: CompiledWorkflow, event: Event, origin: Origin, matched_at: datetime
) -> tuple[Action, ...]:
    """The actions of one match, in the workflow's order; the same match gives the same ids."""
    workflow = compiled.workflow
    return tuple(
        Action(
            action_id_of(event.event_id, workflow.id, compiled.version, index),
            event.event_id,
            event.entity,
            event.entity_id,
            event.operation,
            workflow.id,
            compiled.version,
            index,
            step.webhook,
            matched_at,
            event.correlation_id,
            event.hops + 1,
            origin.topic,
            origin.partition,
            origin.offset,
            origin.data,
        )
        for index, step in enumerate(workflow.then)
    )


def action_headers(action: Action) -> tuple[tuple[str, bytes], ...]:
    """The headers of an action's record: enough to route and filter it without decoding."""
    return (
        (headers.CONTENT_TYPE, headers.AVRO),
        (headers.WEBHOOK, action.webhook_id.encode()),
        (headers.WORKFLOW, action.workflow_id.encode()),
        (headers.ACTION_ID, str(action.action_id).encode()),
    )
