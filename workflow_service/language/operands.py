"""An operand as a manifest says it → in the type and form of a field's values, or how it gets there.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from schemas.paths import NO_RECORD, resolve
from workflow_service.language.expressions import search_of
from workflow_service.language.kinds import Mistyped, Slot, slots_of
from workflow_service.language.leaf import Context, Dynamic
from workflow_service.language.operators import Operator
from workflow_service.language.relative import days_of, instants_of
from workflow_service.language.workflow import DAY_UNITS, Leaf, OtherField, Relative, Value

Resolve = Callable[[Any], Value]


def typed(leaf: Leaf, operator: Operator, slot: Slot, context: Context) -> Value:
    """The operand of a comparison for one type of its field.

    Raises:
        Mistyped: The type does not take it.
    """
    value = leaf.value
    match operator.shape:
        case "pattern":
            return search_of(value, ignore_case=leaf.ignore_case or slot.kind == "addresses")
        case "many" | "one_or_many":
            many = value if isinstance(value, tuple) else (value,)
            parts = tuple(_part(each, slot, context) for each in many)
            return parts if any(map(is_dynamic, parts)) else frozenset(parts)
        case "pair":
            low, high = (_part(each, slot, context) for each in value)
            if not is_dynamic(low) and not is_dynamic(high) and low > high:
                raise Mistyped("the first value is above the second, so nothing is between them")
            return low, high
        case _:
            return _part(value, slot, context)


def is_dynamic(part: Value) -> bool:
    """Whether a part of an operand is another for each event."""
    return isinstance(part, Dynamic)


def resolver(operator: Operator, operand: Value) -> Resolve | None:
    """How an operand is found in an event (null if a part of it is); None if it is always the same."""
    if isinstance(operand, Dynamic):
        return operand.resolve
    if not isinstance(operand, tuple) or not any(map(is_dynamic, operand)):
        return None
    together = tuple if operator.shape == "pair" else frozenset

    def resolve_all(event: Any) -> Value:
        values = [part.resolve(event) if is_dynamic(part) else part for part in operand]
        return None if None in values else together(values)

    return resolve_all


def shower(operand: Value, leaf: Leaf) -> Resolve | None:
    """How an operand that each event has its own of is shown to people."""
    if isinstance(operand, Dynamic):
        return operand.show
    if not isinstance(operand, tuple) or not any(map(is_dynamic, operand)):
        return None
    parts = tuple(zip(operand, leaf.value, strict=True))

    def show_all(event: Any) -> Value:
        return tuple(
            part.show(event) if isinstance(part, Dynamic) else said for part, said in parts
        )

    return show_all


def _part(value: Value, slot: Slot, context: Context) -> Value:
    match value:
        case OtherField():
            return _other(value, slot, context)
        case Relative() if slot.taken.kind == "date":
            return _day(value, context)
        case Relative() if slot.taken.kind == "datetime":
            return _instant(value, context)
        case Relative():
            return slot.operand(str(value))
        case _:
            return slot.operand(value)


def _other(other: OtherField, slot: Slot, context: Context) -> Dynamic:
    field = resolve(other.path, context.scope)
    if isinstance(field, str):
        raise Mistyped(field)
    wanted, others = slot.taken, slots_of(field.type)
    fitting = [each for each in others if each.kind == wanted.kind]
    if not fitting:
        raise Mistyped(
            f"{other.path} is {others[0].what}, which is not compared with {wanted.what}"
        )
    read = field.read
    forms = {
        each.python: wanted.normalise if wanted.kind == "text" else each.normalise
        for each in fitting
    }
    if len(others) > 1:
        return Dynamic(other, field, _by_class(read, forms), read)
    return Dynamic(other, field, _normalised(read, forms[fitting[0].python]), read)


def _normalised(read: Resolve, normalise: Callable[[Any], Any] | None) -> Resolve:
    def resolve_field(event: Any) -> Value:
        value = read(event)
        if value is None or value is NO_RECORD:
            return None
        return value if normalise is None else normalise(value)

    return resolve_field


def _by_class(read: Resolve, forms: dict[type, Callable[[Any], Any] | None]) -> Resolve:
    """For a custom attribute; one of a type that does not fit is nothing to compare with."""

    def resolve_entry(event: Any) -> Value:
        value = read(event)
        if type(value) not in forms:
            return None
        normalise = forms[type(value)]
        return value if normalise is None else normalise(value)

    return resolve_entry


def _day(relative: Relative, context: Context) -> Dynamic:
    if relative.anchor == "now":
        raise Mistyped(f'found "{relative}", which is an instant; for a date write today')
    _check_unit(relative)
    now = attrgetter(f"{context.scope.root}occurred_at")
    day_at = days_of(relative, context.zone)

    def resolve_day(event: Any) -> Value:
        return day_at(now(event))

    return Dynamic(relative, None, resolve_day, resolve_day)


def _instant(relative: Relative, context: Context) -> Dynamic:
    if relative.anchor == "today":
        _check_unit(relative)
    now = attrgetter(f"{context.scope.root}occurred_at")
    instant_at = instants_of(relative, context.zone)

    def resolve_instant(event: Any) -> Value:
        return instant_at(now(event))

    return Dynamic(relative, None, resolve_instant, resolve_instant)


def _check_unit(relative: Relative) -> None:
    if relative.unit not in DAY_UNITS:
        raise Mistyped(
            f'found "{relative}"; today takes whole days and more: {", ".join(DAY_UNITS)}; for '
            "an instant, now takes h and min, too"
        )
