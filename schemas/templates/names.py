"""The names that placeholders may use, and the functions that read them.

Pure.  Fields are named as in conditions (`schemas.paths`); on top of that there are whole records
(`after`, `before`), what is never asked in a condition (`event.type`, `event.entity`,
`event.changed_fields`), and what is delivered: `action.*`, `workflow.*`, `webhook.*`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from schemas.paths import Scope, resolve
from schemas.records import Action, Event
from schemas.types import FieldType, ListType, RecordType, ScalarType
from schemas.wording import listed, unknown

#: Reads a value; None for null and for what is not there.
Read = Callable[[Action, Event], Any]

_TEXT: Final = ScalarType("text")
_UUID: Final = ScalarType("uuid")
_INT: Final = ScalarType("int")
#: What is said of the delivery, by how it is written.
_DELIVERY: Final[Mapping[str, tuple[FieldType, str]]] = {
    "action.id": (_UUID, "action_id"),
    "action.index": (_INT, "action_index"),
    "action.matched_at": (ScalarType("datetime"), "matched_at"),
    "workflow.id": (_TEXT, "workflow_id"),
    "workflow.version": (_INT, "workflow_version"),
    "webhook.id": (_TEXT, "webhook_id"),
}
_OF_EVENT: Final[Mapping[str, tuple[FieldType, Callable[[Event], Any]]]] = {
    "event.type": (_TEXT, lambda event: f"{event.entity}.{event.operation}"),
    "event.entity": (_TEXT, attrgetter("entity")),
    "event.changed_fields": (ListType(_TEXT), attrgetter("changed_fields")),
}
#: The operations whose events have a side.
_HAVE: Final[Mapping[str, Collection[str]]] = {
    "after": ("created", "updated"),
    "before": ("updated", "deleted"),
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for."""

    type: FieldType
    read: Read


def find(path: str, scope: Scope, operations: Collection[str]) -> Named | str:
    """What a name stands for, or what is wrong with it.

    Args:
        operations: Those whose events it may meet.
    """
    side = path.partition(".")[0]
    if side in _HAVE and not set(_HAVE[side]) & set(operations):
        return (
            f"{path}: the event of a record that was {listed(operations)} has no {side}, "
            "so there would never be anything"
        )
    if path in _HAVE:
        return Named(RecordType(scope.entity, scope.fields, nullable=True), _side(path))
    if path in _OF_EVENT:
        type_, of_event = _OF_EVENT[path]
        return Named(type_, lambda _, event: of_event(event))
    if side in ("action", "workflow", "webhook"):
        return _of_delivery(path)
    field = resolve(path, scope)
    if isinstance(field, str):
        return field
    if field.side == "event":
        of_envelope = attrgetter(*field.keys)
        return Named(field.type, lambda _, event: of_envelope(event))
    return Named(field.type, _reader(field.side, field.keys))


def _of_delivery(path: str) -> Named | str:
    if path not in _DELIVERY:
        return unknown("the field", path, _DELIVERY)
    type_, name = _DELIVERY[path]
    of_action = attrgetter(name)
    return Named(type_, lambda action, _: of_action(action))


def _side(side: str) -> Read:
    record_of = attrgetter(side)
    return lambda _, event: record_of(event)


def _reader(side: str, keys: tuple[str, ...]) -> Read:
    record_of = attrgetter(side)

    def read(_: Action, event: Event) -> Any:
        value = record_of(event)
        for key in keys:
            if not isinstance(value, dict):  # null, or masked for a preview
                return value
            value = value.get(key)
        return value

    return read
