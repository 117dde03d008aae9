"""What happened to a record, as an event: the rules of `before`, `after` and `changed_fields`.

Pure: no clock, no I/O, no chance; ids and instants are arguments.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.errors import SchemaError
from schemas.events import changed_fields
from schemas.records import Event, Operation, Source

Fields = Mapping[str, Any]

#: More is no chain of workflows but a mistake.
MAX_HOPS = 10_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change comes from: the part of an event that its publisher decides.

    Attributes:
        version: Of the record after the change; rises with each, the first is 1.
        correlation_id: None starts a new story, named by the event's own id.
        causation_id: The action or event that caused this change, if one did.
        hops: Of the cause, plus one where the cause was a workflow's action.
        chain: The actions that led here, oldest first, as far as known (`schemas.links`).
    """

    version: int
    occurred_at: datetime
    source: Source = "api"
    actor: str | None = None
    correlation_id: uuid.UUID | None = None
    causation_id: uuid.UUID | None = None
    hops: int = 0
    chain: tuple[str, ...] = ()


def event_of(
    entity: str,
    event_id: uuid.UUID,
    origin: Origin,
    *,
    before: Fields | None,
    after: Fields | None,
    entity_id: str | None = None,
) -> Event | None:
    """The event of a change, or None where nothing changed.

    Args:
        before: The record's fields before the change; None where it was created.
        after: The record's fields after the change; None where it was deleted.
        entity_id: The record's id, for an entity whose fields have no `id`.

    Raises:
        SchemaError: Neither `before` nor `after`, or no usable id.
    """
    changed = changed_fields(before, after)
    if not changed and before is not None and after is not None:
        return None
    return Event(
        event_id=event_id,
        entity=entity,
        operation=operation_of(before, after),
        entity_id=entity_id or id_of(before, after),
        version=origin.version,
        occurred_at=origin.occurred_at,
        source=origin.source,
        actor=origin.actor,
        correlation_id=origin.correlation_id or event_id,
        causation_id=origin.causation_id,
        hops=origin.hops,
        before=before,
        after=after,
        changed_fields=changed,
        chain=origin.chain,
    )


def default_source(causation_id: uuid.UUID | None, chain: Sequence[str] = ()) -> Source:
    """By what way a change came that does not say so: one that names its cause, by a workflow."""
    return "workflow" if causation_id is not None or chain else "api"


def problem_with_hops(hops: int, chain: Sequence[str]) -> str | None:
    """Why a number of hops cannot be right, as the rest of a sentence; one rule for every way in."""
    if hops < 0:
        return f"is {hops}; hops are counted from 0"
    if hops > MAX_HOPS:
        return f"is {hops}; at most {MAX_HOPS} are taken"
    if hops >= len(chain):
        return None
    count = "1 action" if len(chain) == 1 else f"{len(chain)} actions"
    return f"is {hops}, but the chain names {count}: hand on both as they came"


def operation_of(before: Fields | None, after: Fields | None) -> Operation:
    """What happened follows from which sides are there.

    Raises:
        SchemaError: Neither is.
    """
    if before is None and after is None:
        message = "before and after are both missing: a creation has after, a deletion before"
        raise SchemaError(message)
    if before is None:
        return "created"
    return "deleted" if after is None else "updated"


def id_of(before: Fields | None, after: Fields | None) -> str:
    """The record's id, which is a field of the record itself and never changes.

    Raises:
        SchemaError: It is missing, empty, not text, or not the same before and after.
    """
    ids = {name: side.get("id") for name, side in (("before", before), ("after", after)) if side}
    for name, value in ids.items():
        if not isinstance(value, str) or not value:
            message = f"{name}.id: must be the record's id, a text that is not empty; got {value!r}"
            raise SchemaError(message)
    if len(set(ids.values())) > 1:
        message = f"after.id: a record keeps its id; it was {ids['before']!r}, now {ids['after']!r}"
        raise SchemaError(message)
    if not ids:
        message = "id: the record has no fields; pass entity_id"
        raise SchemaError(message)
    return str(next(iter(ids.values())))
