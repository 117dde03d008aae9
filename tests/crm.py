"""Events, records and workflows of the CRM, for tests that are about something else."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from schemas.catalog import Catalog
from schemas.events import changed_fields
from schemas.json_form import from_json
from schemas.records import Event
from schemas.types import FieldType, ListType, RecordType, ScalarType
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMESPACE = uuid.UUID("00000000-0000-5000-8000-000000000000")


@functools.cache
def catalog() -> Catalog:
    """The built-in entities, loaded once."""
    return Catalog.load()


def record_of(entity: str, **fields: object) -> dict[str, Any]:
    """A record with these fields, in JSON's words, and plausible values for the others."""
    type_ = RecordType(entity, catalog().fields(entity))
    given = {name: blank(each) for name, each in type_.fields.items() if not each.optional}
    value, problems = from_json(type_, {**given, "id": "1", **fields})
    assert value is not None, problems
    return value


def blank(type_: FieldType) -> object:
    """The plainest value of a type, in JSON's words."""
    match type_:
        case ScalarType(kind="enum", symbols=symbols):
            return symbols[0]
        case ScalarType(kind=kind):
            return {"text": "x", "bool": False}.get(kind, 0)
        case ListType():
            return []
        case RecordType(fields=fields):
            return {name: blank(each) for name, each in fields.items() if not each.optional}
        case _:
            return {}


def event_id_of(number: int) -> uuid.UUID:
    """The id of the event with that number."""
    return uuid.uuid5(NAMESPACE, f"event {number}")


def event_of(
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    *,
    entity: str = "lead",
    number: int = 1,
    **changes: Any,
) -> Event:
    """An event of a record that was so before and is so after.

    Args:
        number: Another number gives another event id.
    """
    operation = "created" if before is None else "deleted" if after is None else "updated"
    values: dict[str, Any] = {
        "event_id": event_id_of(number),
        "entity": entity,
        "operation": operation,
        "entity_id": str((after or before or {}).get("id", "1")),
        "version": number,
        "occurred_at": NOON,
        "source": "ui",
        "actor": None,
        "correlation_id": uuid.uuid5(NAMESPACE, f"chain {number}"),
        "causation_id": None,
        "hops": 0,
        "before": before,
        "after": after,
        "changed_fields": changed_fields(before, after),
    }
    return Event(**(values | changes))


def lead_event(number: int = 1, /, **fields: object) -> Event:
    """A lead was created with these fields."""
    return event_of(None, record_of("lead", **fields), number=number)


def workflow_of(**content: object) -> Workflow:
    """A workflow on leads, as its manifest would say it; it must be well-formed."""
    defaults: dict[str, object] = {
        "id": "w",
        "entity": "lead",
        "on": ["created", "updated", "deleted"],
        "then": [{"webhook": "hook"}],
    }
    parsed = parse_workflow(defaults | content)
    assert isinstance(parsed, Workflow), parsed
    return parsed


def compiled_of(version: int = 1, /, **content: object) -> CompiledWorkflow:
    """A workflow that makes sense, ready to run."""
    compiled = compile_workflow(workflow_of(**content), version, catalog())
    assert isinstance(compiled, CompiledWorkflow), compiled
    return compiled
