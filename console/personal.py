"""Masks personal fields, as the schema marks them, before an operator sees a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from schemas.records import Event
from schemas.types import FieldType, ListType, MapType, RecordType

MASK = "•••"
#: Says nothing about a person, and helps to see what a record lacks.
_EMPTY: tuple[object, ...] = (None, "", [], {})


def masked_event(event: Event, fields: Mapping[str, FieldType]) -> Event:
    """The event with every personal value masked; what is null or empty stays so.

    Who did it (`actor`) is a person's name, whatever the entity, and is masked with the rest.

    Args:
        fields: The entity's fields, from the catalog.
    """
    return replace(
        event,
        actor=MASK if event.actor else event.actor,
        before=None if event.before is None else masked(event.before, fields),
        after=None if event.after is None else masked(event.after, fields),
    )


def masked(record: Mapping[str, Any], fields: Mapping[str, FieldType]) -> dict[str, Any]:
    """The record with its personal values masked; a field the catalog does not know is masked too."""
    return {
        name: _masked(value, fields[name]) if name in fields else MASK
        for name, value in record.items()
    }


def _masked(value: Any, kind: FieldType) -> Any:
    """One value, masked as its type says."""
    if value in _EMPTY:
        return value
    if kind.personal:
        return MASK
    match kind:
        case RecordType(fields=fields):
            return masked(value, fields)
        case ListType(item=item):
            return [_masked(one, item) for one in value]
        case MapType(values=values):
            return {name: _masked(one, values) for name, one in value.items()}
        case _:
            return value
