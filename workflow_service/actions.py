"""A match → the action record that asks for a delivery.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas import headers
from schemas.records import Action, Event, action_id_of
from workflow_service.language.compiled import CompiledWorkflow


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
    """The actions of one match, in the workflow's order: those whose own condition is true.

    The same match gives the same ids; an action's index is its place in `then`, whether or not those
    before it are made.
    """
    workflow = compiled.workflow
    return tuple(
        Action(
            action_id_of(event.event_id, workflow.id, compiled.version, made.index),
            event.event_id,
            event.entity,
            event.entity_id,
            event.operation,
            workflow.id,
            compiled.version,
            made.index,
            made.step.webhook,
            matched_at,
            event.correlation_id,
            event.hops + 1,
            origin.topic,
            origin.partition,
            origin.offset,
            origin.data,
            made.template,
        )
        for made in compiled.steps
        if made.takes(event)
    )


def action_headers(action: Action) -> tuple[tuple[str, bytes], ...]:
    """The headers of an action's record: enough to route and filter it without decoding."""
    return (
        (headers.CONTENT_TYPE, headers.AVRO),
        (headers.WEBHOOK, action.webhook_id.encode()),
        (headers.WORKFLOW, action.workflow_id.encode()),
        (headers.ACTION_ID, str(action.action_id).encode()),
    )
