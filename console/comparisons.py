"""What each condition of a workflow compares: field, operator, expectation, the record's two sides.

Pure.  A verdict says what came out; this says what went in, and whether that is about a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.records import Event
from schemas.types import FieldType, ListType, MapType, RecordType, walk
from workflow_service.asked import fields_in
from workflow_service.language.workflow import (
    Condition,
    Group,
    Items,
    Leaf,
    Not,
    Value,
    Workflow,
    written_operand,
)

Fields = Mapping[str, FieldType]
#: Stands in a way for "each element".
ELEMENT = "[]"
#: A verdict on one element says which, behind the path of the condition on the list.
_NUMBERED = re.compile(r"\.(any_item|all_items|no_item)\[\d+\]$")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one condition looks at.

    Attributes:
        expected: As the manifest says it.
        before, after: The field's value on both sides of the change; None for the envelope's
            fields and for elements of lists.
        personal: The field, or another one that it is compared with, is about a person.
    """

    field: str
    operator: str
    expected: Value
    before: Value = None
    after: Value = None
    personal: bool = False


def comparisons(workflow: Workflow, event: Event, fields: Fields) -> dict[str, Comparison]:
    """The comparison at each path of the manifest.

    Args:
        fields: Those of the event's entity.
    """
    look = _Looking(event, fields)
    found: dict[str, Comparison] = {}
    if workflow.only_if is not None:
        found.update(look.at("only_if", workflow.only_if, ()))
    for index, step in enumerate(workflow.then):
        if step.condition is not None:
            found.update(look.at(f"then[{index}].if", step.condition, ()))
    return found


def place_of(path: str) -> str:
    """The condition that a verdict is about: of one element, that on its list."""
    return _NUMBERED.sub("", path)


@dataclass(frozen=True, slots=True)
class _Looking:
    """One walk over a workflow's conditions."""

    event: Event
    fields: Fields

    def at(
        self, path: str, condition: Condition, element: tuple[str, ...]
    ) -> Iterator[tuple[str, Comparison]]:
        """Every comparison at or below a path.

        Args:
            element: The way to what `item` means here.
        """
        match condition:
            case Leaf():
                yield path, self._leaf(condition, element)
            case Group():
                for index, each in enumerate(condition.of):
                    yield from self.at(f"{path}.{condition.mode}[{index}]", each, element)
            case Not():
                yield from self.at(f"{path}.not", condition.of, element)
            case Items():
                way = _way(condition.field, element)
                yield path, self._comparison(condition.field, condition.quantifier, None, way, ())
                inner = f"{path}.{condition.quantifier}"
                yield from self.at(inner, condition.of, (*way, ELEMENT))

    def _leaf(self, leaf: Leaf, element: tuple[str, ...]) -> Comparison:
        expected, way = written_operand(leaf.value), _way(leaf.field, element)
        others = tuple(_way(path, element) for path in fields_in(leaf.value))
        return self._comparison(leaf.field, leaf.operator, expected, way, others)

    def _comparison(
        self,
        field: str,
        operator: str,
        expected: Value,
        way: tuple[str, ...],
        others: tuple[tuple[str, ...], ...],
    ) -> Comparison:
        side = field.partition(".")[0]
        has_sides = side not in {"event", "item"} and ELEMENT not in way
        return Comparison(
            field,
            operator,
            expected,
            _read(self.event.before, way[1:]) if has_sides else None,
            _read(self.event.after, way[1:]) if has_sides else None,
            any(_is_personal(each, self.fields) for each in (way, *others)),
        )


def _way(path: str, element: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a path, its side first; `after` where it names none."""
    first, *rest = path.split(".")
    if first == "item" and element:
        return (*element, *rest)
    return (first, *rest) if first in {"before", "after", "event"} else ("after", first, *rest)


def _read(record: Mapping[str, Any] | None, keys: tuple[str, ...]) -> Value:
    """A value of a record; None for null, and for what is not there.

    What a map holds may have dots in its key, so the rest of a way is tried as one first.
    """
    value: Any = record
    for index, key in enumerate(keys):
        if not isinstance(value, Mapping):
            return None
        rest = ".".join(keys[index:])
        if rest in value:
            return value[rest]
        value = value.get(key)
    return value


def _is_personal(way: tuple[str, ...], fields: Fields) -> bool:
    """Whether a field, anything on the way to it or anything in it is marked as personal."""
    side, *keys = way
    if side == "event":
        return keys[:1] == ["actor"]
    kind: FieldType = RecordType("", fields)
    for index, key in enumerate(keys):
        inner = _inside(kind, ".".join(keys[index:]) if isinstance(kind, MapType) else key)
        if inner is None:
            return True  # the catalog does not know it, so nobody has said that it is not
        if inner.personal or isinstance(kind, MapType):
            return inner.personal
        kind = inner
    return any(each.personal for _, each in walk({"": kind}))


def _inside(kind: FieldType, key: str) -> FieldType | None:
    """What stands under a key."""
    match kind:
        case RecordType():
            return kind.fields.get(key)
        case ListType():
            return kind.item if key == ELEMENT else None
        case MapType():
            return kind.values
        case _:
            return None
