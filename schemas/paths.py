"""A field's path → where it is, what type it has, and the function that reads it from an event.

Pure.  `after.stage.id` and `before.stage.id` are the record's fields after and before the change,
`event.source` is the envelope's, `after.custom_attributes.<code>` a custom attribute; the `changed`
family and `when_changed` look at both sides and name a field without one: `stage.id`.  In conditions
on the elements of a list, `item` and `item.quantity` are the element and its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from schemas.records import Event
from schemas.types import FieldType, ListType, MapType, RecordType, ScalarType
from schemas.wording import nearest, shown, unknown

SIDES = ("after", "before", "event")
#: Fields of the envelope that conditions cannot ask for as `event.*`: there is a better way.
_ELSEWHERE = frozenset({"before", "after", "changed_fields", "entity", "chain"})


class _NoRecord:
    """What reading a side of the event gives that is not there: `after` of a deletion."""

    def __repr__(self) -> str:
        return "no record"


#: Readers that are kept, so that many conditions on one field share one.
_KEPT = 4_096
NO_RECORD: Final = _NoRecord()
Read = Callable[[Any], Any]


class Element(NamedTuple):
    """An element of a list with the event that it is in: what conditions on elements look at."""

    event: Event
    item: Any


@dataclass(frozen=True, slots=True)
class Scope:
    """What conditions can name.

    Attributes:
        item: The type of a list's elements, in conditions on them; those look at an `Element`.
        item_of: The path of that list.
    """

    entity: str
    fields: Mapping[str, FieldType]
    envelope: Mapping[str, FieldType]
    item: FieldType | None = None
    item_of: str = ""

    @property
    def root(self) -> str:
        """The attributes that lead to the event, each with its dot."""
        return "" if self.item is None else "event."

    def inside(self, field: Field, item: FieldType) -> Scope:
        """What conditions on the elements of a list can name."""
        return Scope(self.entity, self.fields, self.envelope, item, field.path)


@dataclass(frozen=True, slots=True)
class Field:
    """A field that exists.

    Attributes:
        side: `after`, `before`, `event` or `item`.
        keys: The way down from the side.
        read: The value in an event, or for conditions on elements in an `Element`, as decoded;
            None for null, `NO_RECORD` without the side.
        path: Where it is in the event: `after.products.quantity` for the element's `item.quantity`.
    """

    side: str
    keys: tuple[str, ...]
    type: FieldType
    read: Read
    path: str


def resolve(path: str, scope: Scope) -> Field | str:
    """The field that a condition names with its side, or what is wrong with the name."""
    side, _, rest = path.partition(".")
    if side == "item" and not (scope.item is None and side in scope.fields):
        return _of_item(path, rest, scope)
    if side not in SIDES or not rest:
        return _without_side(path, scope)
    if side == "event":
        return _of_envelope(path, rest, scope)
    found = _way(rest, _record(scope), f"{side}.", scope.entity)
    if isinstance(found, str):
        return found
    keys, type_ = found
    return _field(side, keys, _Same(type_), _reader(scope.root + side, keys), path)


def resolve_both(path: str, scope: Scope) -> tuple[Field, Field] | str:
    """The field before and after, for a name without a side, or what is wrong with the name."""
    side, _, rest = path.partition(".")
    if side == "item" and scope.item is not None and side not in scope.fields:
        return "a change is between before and after, and nobody knows which element was which"
    if side in SIDES and rest and side not in scope.fields:
        meant = f"; write {rest}" if side != "event" else ""
        return (
            f"a change is between before and after, so {shown(path)} has one side too many{meant}"
        )
    found = _way(path, _record(scope), "", scope.entity)
    if isinstance(found, str):
        return found
    keys, type_ = found
    before, after = (
        _field(side, keys, _Same(type_), _reader(scope.root + side, keys), f"{side}.{path}")
        for side in ("before", "after")
    )
    return before, after


class _Same:
    """A type, known by its identity."""

    __slots__ = ("type",)

    def __init__(self, type_: FieldType) -> None:
        self.type = type_

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.type is self.type

    def __hash__(self) -> int:
        return id(self.type)


@lru_cache(maxsize=_KEPT)
def _field(side: str, keys: tuple[str, ...], of: _Same, read: Read, path: str) -> Field:
    """A field; one object for all conditions that name it."""
    return Field(side, keys, of.type, read, path)


def _record(scope: Scope) -> RecordType:
    """The entity's record."""
    return RecordType(scope.entity, scope.fields)


def _of_item(path: str, rest: str, scope: Scope) -> Field | str:
    """An element of the list, or a field of it."""
    if scope.item is None:
        return (
            f"{shown(path)}: item is an element of a list, and stands only inside any_item, "
            "all_items and no_item"
        )
    if not rest:
        return Field("item", (), scope.item, attrgetter("item"), scope.item_of)
    found = _way(rest, scope.item, "item.", scope.item_of)
    if isinstance(found, str):
        return found
    keys, type_ = found
    read = _reader("item", keys, missing=None)
    return _field("item", keys, _Same(type_), read, f"{scope.item_of}.{rest}")


def _without_side(path: str, scope: Scope) -> str:
    first = path.partition(".")[0]
    if first in scope.fields:
        return f"{shown(path)} does not say which side: write after.{path} or before.{path}"
    if first in scope.envelope:
        return f"{shown(path)} is a field of the envelope: write event.{path}"
    return (
        f"the field {shown(path)} is unknown{nearest(path, _suggestions(scope))}; a field is written "
        "after.NAME, before.NAME or event.NAME"
    )


def _suggestions(scope: Scope) -> list[str]:
    named = [f"{side}.{name}" for side in ("after", "before") for name in scope.fields]
    return named + [f"event.{name}" for name in scope.envelope if name not in _ELSEWHERE]


def _of_envelope(path: str, name: str, scope: Scope) -> Field | str:
    known = [each for each in scope.envelope if each not in _ELSEWHERE]
    if name not in known:
        return unknown("the field", path, [f"event.{each}" for each in known])
    return Field("event", (name,), scope.envelope[name], attrgetter(scope.root + name), path)


def _way(
    path: str, type_: FieldType, prefix: str, on: str
) -> tuple[tuple[str, ...], FieldType] | str:
    """The keys down to a field of a record, and its type."""
    parts = path.split(".")
    for index, part in enumerate(parts):
        walked = prefix + ".".join(parts[:index])
        if isinstance(type_, MapType):
            return _entry(parts, index, type_, walked)
        if not isinstance(type_, RecordType):
            return _no_way(walked.rstrip("."), ".".join(parts[index:]), type_)
        if part not in type_.fields:
            names = [f"{walked.rstrip('.')}.{name}".lstrip(".") for name in type_.fields]
            return f"on {on}, " + unknown("the field", prefix + path, names)
        type_ = type_.fields[part]
    return tuple(parts), type_


def _entry(
    parts: list[str], index: int, type_: MapType, walked: str
) -> tuple[tuple[str, ...], FieldType] | str:
    """An entry of a map; all that is left of the path is its key."""
    code = ".".join(parts[index:])
    if not code:
        return f"{walked} is a map; write {walked}.CODE"
    return (*parts[:index], code), type_.values


def _no_way(walked: str, part: str, type_: FieldType) -> str:
    if isinstance(type_, ListType):
        return (
            f"{walked} is a list, so it has no field {shown(part)}; ask its elements: "
            f"{{field: {walked}, any_item: {{field: item.{part}, ...}}}}, or all_items, no_item"
        )
    kind = type_.kind if isinstance(type_, ScalarType) else "value"
    return f"{walked} is a {kind}, so it has no field {shown(part)}; write {walked}"


@lru_cache(maxsize=_KEPT)
def _reader(record: str, keys: tuple[str, ...], missing: Any = NO_RECORD) -> Read:
    """Reads a field of a record; a field that the writer's schema did not have is null.

    Args:
        record: The attributes that lead to the record.
        missing: What is read when the record is not there.
    """
    record_of = attrgetter(record)
    if len(keys) == 1:
        return _reader_of_one(record_of, keys[0], missing)
    first, *others = keys

    def read(event: Any) -> Any:
        record = record_of(event)
        if record is None:
            return missing
        value = record.get(first)
        for key in others:
            if value is None:
                return None
            value = value.get(key)
        return value

    return read


def _reader_of_one(record_of: Callable[[Any], Any], key: str, missing: Any) -> Read:
    def read(event: Any) -> Any:
        record = record_of(event)
        return missing if record is None else record.get(key)

    return read
