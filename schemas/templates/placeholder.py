"""One placeholder, checked and compiled: where its value comes from and the pipes it goes through.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from schemas.paths import Scope
from schemas.records import Action, Event
from schemas.templates.names import Named, Read, find
from schemas.templates.pipe import TEXT, Made, applied, members_of, name_of
from schemas.templates.pipes import PIPES
from schemas.templates.syntax import Placeholder
from schemas.types import FieldType, ListType, MapType, RecordType

Step = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A placeholder that makes sense.

    Attributes:
        type: Of its value, behind the last pipe.
        value: The value; None for null.
    """

    type: FieldType
    value: Read


def compiled_placeholder(
    placeholder: Placeholder, scope: Scope, operations: Collection[str]
) -> Compiled | str:
    """The placeholder made ready for an entity, or what is wrong with it."""
    head = _head(placeholder, scope, operations)
    if isinstance(head, str):
        return f"{placeholder.source}: {head}"
    type_ = head.type
    steps: list[tuple[Step, bool]] = []
    for call in placeholder.pipes:
        made = applied(call, type_, PIPES)
        if not isinstance(made, Made):
            return f"{placeholder.source}: {made}"
        type_ = made.type
        steps.append((made.apply, made.empty_too))
    return Compiled(type_, _through(head.read, tuple(steps)) if steps else head.read)


def problem_in_text(compiled: Compiled, placeholder: Placeholder) -> str | None:
    """Why a value cannot stand inside a text."""
    if any(not isinstance(each, _SHAPES) for each in members_of(compiled.type)):
        return None
    inside = (
        'join(", "), first, count or json'
        if isinstance(compiled.type, ListType)
        else "a field of it, or json"
    )
    return f"{placeholder.source}: {name_of(compiled.type)} has no text of its own; use {inside}"


_SHAPES = (ListType, RecordType, MapType)


def _head(placeholder: Placeholder, scope: Scope, operations: Collection[str]) -> Named | str:
    if placeholder.path is not None:
        return find(placeholder.path, scope, operations)
    constant = placeholder.constant
    return Named(TEXT, lambda _action, _event: constant)


def _through(read: Read, steps: tuple[tuple[Step, bool], ...]) -> Read:
    def value(action: Action, event: Event) -> Any:
        found = read(action, event)
        for apply, empty_too in steps:
            if found is not None or empty_too:
                found = apply(found)
        return found

    return value
