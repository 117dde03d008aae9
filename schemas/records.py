"""The records that travel: one frozen value per Avro record, field by field as in its `.avsc`.

Pure: no clock, no I/O.  A record is parsed once, at the edge, by `schemas.codec`; inside, its types
are trusted.  An entity's own fields stay a mapping, because a new entity is a new `.avsc` and no code.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Operation = Literal["created", "updated", "deleted"]
Source = Literal["ui", "api", "import", "webform", "workflow", "system"]
DefinitionKind = Literal["workflow", "webhook"]
LaneAspect = Literal["switch", "breaker"]
LaneStatus = Literal["active", "paused", "disabled", "closed", "open"]
LaneCause = Literal["operator", "gone", "failing"]
#: What became of one attempt; `waiting` means that a retry is due at `Attempt.next_due_at`.
Outcome = Literal["delivered", "waiting", "dead"]

#: The namespace of every derived id, so that the same match has the same id everywhere, for ever.
ACTION_NAMESPACE = uuid.UUID("6f6e5a0e-5a58-5f0c-9a53-8f1c6f0f7f11")


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to one record of one entity.

    Attributes:
        entity: The entity's name, as its file and its topic are called: `lead`.
        entity_id: The record's id; the key of the event and so the unit of order.
        version: Rises with every change of the record; the first is 1.
        occurred_at: When the change was committed, aware UTC, whole microseconds.
        actor: Who did it, as the source knows it; None where nobody is known.
        correlation_id: Shared by everything that follows from one first cause.
        causation_id: The action (or event) that caused this change, if one did.
        hops: How many workflow actions lie between the first cause and this event.
        before, after: The record's fields; None before a creation, after a deletion.  Values that
            are the same in both may be one object: read them, do not change them.
        changed_fields: Names of top-level fields whose values differ, sorted.
        chain: The workflow actions that led here, oldest first (`schemas.links`).  What counts is
            `hops`; a chain that is shorter names the latest ones, as far as they are known.
    """

    event_id: uuid.UUID
    entity: str
    operation: Operation
    entity_id: str
    version: int
    occurred_at: datetime
    source: Source
    actor: str | None
    correlation_id: uuid.UUID
    causation_id: uuid.UUID | None
    hops: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changed_fields: tuple[str, ...]
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """A workflow matched an event: deliver it to a webhook.

    Attributes:
        action_id: Derived (`action_id_of`); what receivers see as `webhook-id`.
        action_index: Place in the workflow's list of actions, from 0.
        matched_at: When the match was made.
        event_topic, event_partition, event_offset: Where the event stands.
        event: The event's bytes exactly as they were read, framing included.
        template: The body that the workflow's action asks for instead of the webhook's, as
            canonical JSON (`schemas.templates`).
    """

    action_id: uuid.UUID
    event_id: uuid.UUID
    entity: str
    entity_id: str
    operation: Operation
    workflow_id: str
    workflow_version: int
    action_index: int
    webhook_id: str
    matched_at: datetime
    correlation_id: uuid.UUID
    hops: int
    event_topic: str
    event_partition: int
    event_offset: int
    event: bytes
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """A workflow that fires once per record has fired for this record.

    Attributes:
        event_id: The event that it fired for.
        fired_at: When the match was made.
    """

    workflow_id: str
    workflow_version: int
    entity: str
    entity_id: str
    event_id: uuid.UUID
    fired_at: datetime


@dataclass(frozen=True, slots=True)
class WorkflowCounts:
    """What some of the workflows have said about the events of one partition so far.

    Attributes:
        partition: Of the events, on all entities' topics.
        chunk: Which workflows: those whose id falls into it; -1 is the record of the streams.
        epoch: Rises with each owner of the partition; a lower one never replaces a higher.
        streams, workflows: As `workflow_counts.avsc` has them.
    """

    partition: int
    chunk: int
    as_of: datetime
    epoch: int
    streams: tuple[Mapping[str, Any], ...]
    workflows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class LaneState:
    """How one webhook's lane stands, as all members of the webhook service should know.

    Attributes:
        aspect: `switch` is what somebody decided, `breaker` what failures led to.
        state: Of a switch: active, paused or disabled; of a breaker: closed or open.
        webhook_version: The webhook's version then.
        since: Since when it is in this state.
        next_probe_at: When an open breaker lets the next probe through.
        opened: How many times in a row the breaker has opened.
        failing_since: Since when every attempt has failed; None if the last one did not.
        written_by: An operator, or a member of the service.
    """

    webhook_id: str
    aspect: LaneAspect
    state: LaneStatus
    cause: LaneCause
    reason: str
    webhook_version: int
    since: datetime
    next_probe_at: datetime | None
    opened: int
    failing_since: datetime | None
    written_at: datetime
    written_by: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver one action, and what came of it.

    Attributes:
        attempt: Counted from 1.
        url: Without query values and userinfo: nothing secret is logged.
        request_headers: As sent, with secret values masked.
        status: The answer's status code; None when there was no answer.
        error_class: A stable word (`timeout`, `connection`, `tls`, `forbidden-address`, `status`…);
            None after a success.
        response_body: The first bytes of the answer, up to the cap.
        connect_ms, total_ms: Durations; connect is 0 on a reused connection.
        next_due_at: When the next attempt is due; None unless the outcome is `waiting`.
    """

    action_id: uuid.UUID
    event_id: uuid.UUID
    entity: str
    entity_id: str
    workflow_id: str
    webhook_id: str
    attempt: int
    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body_bytes: int
    status: int | None
    error_class: str | None
    error: str | None
    response_headers: Mapping[str, str]
    response_body: bytes
    started_at: datetime
    connect_ms: float
    total_ms: float
    outcome: Outcome
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a workflow or webhook, as the compacted topics hold it.

    Attributes:
        version: Rises with every save, from 1; it goes on rising after a removal and a new save.
        spec: The manifest's content as canonical JSON; secrets in it are encrypted.
    """

    kind: DefinitionKind
    id: str
    version: int
    saved_at: datetime
    saved_by: str
    spec: str


def action_id_of(
    event_id: uuid.UUID, workflow_id: str, workflow_version: int, action_index: int
) -> uuid.UUID:
    """The id of a match: the same inputs give the same id (UUIDv5), so a replay is recognised."""
    return uuid.uuid5(
        ACTION_NAMESPACE, f"{event_id}:{workflow_id}:{workflow_version}:{action_index}"
    )


def action_key_of(webhook_id: str, entity: str, entity_id: str) -> bytes:
    """The key of an action: what shares it is delivered in order."""
    return f"{webhook_id}/{entity}/{entity_id}".encode()


def lane_key_of(webhook_id: str, aspect: LaneAspect) -> bytes:
    """The key of a lane's state: the newest record of it counts."""
    return f"{webhook_id}/{aspect}".encode()


def firing_key_of(workflow_id: str, entity: str, entity_id: str) -> bytes:
    """The key of a firing: what shares it happens once."""
    return f"{workflow_id}/{entity}/{entity_id}".encode()
