"""The `changed` family, compiled: what a field was before the change and is after it.

Pure.  A side that is not there counts as null, and null is a value here.  An update that does not
carry `before` says which top-level fields changed, and nothing else about what was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Context as Arithmetic
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.paths import NO_RECORD, Field, Read, resolve_both
from schemas.types import UnionType
from workflow_service.language.amounts import Amount, Share, Span, amount_of
from workflow_service.language.comparisons import operands_by_slot
from workflow_service.language.kinds import Mistyped, Slot, nfc
from workflow_service.language.leaf import CompiledLeaf, Context, Decide, fitting_slots
from workflow_service.language.operators import OPERATORS, Operator
from workflow_service.language.relative import moved_day, moved_instant
from workflow_service.language.verdict import Truth
from workflow_service.language.workflow import Leaf, Value

#: Digits enough for every amount and value there can be, so that nothing is ever rounded.
_EXACT = Arithmetic(prec=10_000)
#: Classes of which equal values are the same, and others are not.
_PLAIN = frozenset({bool, int, float, Decimal, date, datetime, UUID})
Sides = tuple[Field, Field]


def compile_change(leaf: Leaf, path: str, context: Context) -> CompiledLeaf | None:
    """A comparison of the `changed` family; None if it has problems, which were added."""
    operator = OPERATORS[leaf.operator]
    sides = resolve_both(leaf.field, context.scope)
    if isinstance(sides, str):
        context.problems.add(f"{path}.field", sides)
        return None
    slots = fitting_slots(leaf, operator, sides[1], path, context)
    if not slots:
        return None
    if operator.shape == "flag":
        decide = _changed(change_of(*sides, context.scope.root), leaf.value)
        return _leaf(leaf, path, sides, None, leaf.value, decide)
    if operator.shape == "amount":
        return _compile_move(leaf, path, sides, slots, context)
    operands = operands_by_slot(leaf, operator, slots, path, context)
    if not operands:
        return None
    if any(not isinstance(operand, frozenset) for _, operand in operands):
        context.problems.add(
            f"{path}.{operator.name}", f"{operator.name} takes plain values, no relative dates"
        )
        return None
    decide = _turned(operator, sides, operands, context)
    return _leaf(leaf, path, sides, *_operand(slots, operands), decide)


def _operand(
    slots: tuple[Slot, ...], operands: list[tuple[Slot, Value]]
) -> tuple[Slot | None, Value]:
    """What `CompiledLeaf` says about the operand."""
    if len(slots) == 1:
        return operands[0]
    return None, {slot.python: operand for slot, operand in operands}


def _leaf(
    leaf: Leaf, path: str, sides: Sides, slot: Slot | None, operand: Value, decide: Decide
) -> CompiledLeaf:
    before, after = (side.read for side in sides)

    def show(event: Any) -> Value:
        return before(event), after(event)

    operator = OPERATORS[leaf.operator]
    return CompiledLeaf(path, leaf, operator, sides[1], slot, operand, show, None, decide)


def change_of(before: Field, after: Field, root: str = "") -> Decide:
    """Whether a field changed.

    Args:
        root: The attributes that lead from what is looked at to the event.
    """
    event_of = attrgetter(root.rstrip(".")) if root else None
    top, nested = before.keys[0], len(before.keys) > 1
    old, new = _value(before.read), _value(after.read)

    def changed(looked_at: Any) -> Truth:
        event = looked_at if event_of is None else event_of(looked_at)
        if top not in event.changed_fields:
            return False
        if event.before is None and event.operation == "updated":
            return None if nested else True
        return not same(old(looked_at), new(looked_at))

    return changed


def _value(read: Read) -> Read:
    """The value; null on a side that is not there."""

    def read_value(event: Any) -> Value:
        value = read(event)
        return None if value is NO_RECORD else value

    return read_value


def same(old: Value, new: Value) -> bool:
    """Whether two values, however deep, are the same as conditions see them."""
    if old is new or old is None or new is None:
        return old is new
    kind = type(old)
    if kind is type(new) and kind in _PLAIN:
        return bool(old == new)
    if isinstance(old, str) and isinstance(new, str):
        return old == new or nfc(old) == nfc(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(same(old.get(key), new.get(key)) for key in old.keys() | new.keys())
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(same, old, new))
    if isinstance(old, bool) is not isinstance(new, bool):  # true equals 1 in Python
        return False
    return bool(old == new)


def _changed(changed: Decide, wanted: Value) -> Decide:
    if wanted is True:
        return changed

    def unchanged(event: Any) -> Truth:
        truth = changed(event)
        return None if truth is None else not truth

    return unchanged


def _turned(
    operator: Operator, sides: Sides, operands: list[tuple[Slot, Value]], context: Context
) -> Decide:
    """It changed, and one side is one of the values; false if either is false for certain."""
    changed = change_of(*sides, context.scope.root)
    is_wanted = _one_of(operands, union=isinstance(sides[1].type, UnionType))
    if operator.name == "changed_to":
        read = _value(sides[1].read)

        def changed_to(event: Any) -> Truth:
            now = is_wanted(read(event))
            return False if now is False else _both(changed(event), now)

        return changed_to
    read, no_before = _value(sides[0].read), _no_before(context.scope.root)

    def changed_from(event: Any) -> Truth:
        turned = changed(event)
        if turned is False:
            return False
        return None if no_before(event) else _both(turned, is_wanted(read(event)))

    return changed_from


def _no_before(root: str) -> Callable[[Any], bool]:
    """Whether an event does not say what was before: an update without `before`."""
    before, operation = attrgetter(f"{root}before"), attrgetter(f"{root}operation")
    return lambda event: before(event) is None and operation(event) == "updated"


def _both(one: Truth, other: Truth) -> Truth:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _one_of(operands: list[tuple[Slot, Value]], *, union: bool) -> Callable[[Value], Truth]:
    """Whether a value is one of the given; null is none of them, what does not fit is unknown."""
    if not union:
        slot, wanted = operands[0]
        return _one_of_one(slot, wanted)
    tests = {slot.python: (slot.normalise, operand) for slot, operand in operands}

    def is_wanted(value: Value) -> Truth:
        if value is None:
            return False
        found = tests.get(type(value))
        if found is None:
            return None
        normalise, wanted = found
        return (value if normalise is None else normalise(value)) in wanted

    return is_wanted


def _one_of_one(slot: Slot, wanted: frozenset[Value]) -> Callable[[Value], Truth]:
    normalise = slot.normalise

    def is_wanted(value: Value) -> Truth:
        if value is None:
            return False
        return (value if normalise is None else normalise(value)) in wanted

    return is_wanted


def _compile_move(
    leaf: Leaf, path: str, sides: Sides, slots: tuple[Slot, ...], context: Context
) -> CompiledLeaf | None:
    """`increased_by` and `decreased_by`."""
    amounts: list[tuple[Slot, Value]] = []
    refusals: list[str] = []
    for slot in slots:
        try:
            amounts.append((slot, amount_of(leaf.value, slot)))
        except Mistyped as refusal:
            refusals.append(f"{leaf.field} is {slot.what}: {refusal}")
    if not amounts:
        context.problems.add(f"{path}.{leaf.operator}", refusals[0])
        return None
    sign = 1 if leaf.operator == "increased_by" else -1
    moves = {slot.python: _move_of(slot, amount, sign, context.zone) for slot, amount in amounts}
    before, after = sides[0].read, sides[1].read

    def decide(event: Any) -> Truth:
        old, new = before(event), after(event)
        move = moves.get(type(old))
        return None if move is None or type(old) is not type(new) else move(old, new)

    return _leaf(leaf, path, sides, *_operand(slots, amounts), decide)


def _move_of(
    slot: Slot, amount: Amount, sign: int, zone: ZoneInfo
) -> Callable[[Value, Value], Truth]:
    """Whether a value (not null) moved so far from another one."""
    match amount:
        case Span():
            return _moved_on(slot, amount, sign, zone)
        case Share():
            return _moved_by_share(slot, amount, sign)
        case _:
            return _moved_by(slot, amount, sign)


def _moved_by(slot: Slot, amount: Decimal, sign: int) -> Callable[[Value, Value], Truth]:
    subtract, normalise = _EXACT.subtract, slot.normalise

    def moved(old: Value, new: Value) -> Truth:
        if normalise is not None:
            old, new = normalise(old), normalise(new)
            if old is None or new is None:
                return None
        return (subtract(new, old) if sign > 0 else subtract(old, new)) >= amount

    return moved


def _moved_by_share(slot: Slot, share: Share, sign: int) -> Callable[[Value, Value], Truth]:
    subtract, multiply, normalise = _EXACT.subtract, _EXACT.multiply, slot.normalise
    factor = share.per_cent.scaleb(-2, _EXACT)

    def moved(old: Value, new: Value) -> Truth:
        if normalise is not None:
            old, new = normalise(old), normalise(new)
        if old is None or new is None or not old:  # there is no share of nothing
            return None
        rise = subtract(new, old) if sign > 0 else subtract(old, new)
        return rise >= multiply(_EXACT.abs(old), factor)

    return moved


def _moved_on(slot: Slot, span: Span, sign: int, zone: ZoneInfo) -> Callable[[Value, Value], Truth]:
    amount, unit = sign * span.amount, span.unit

    def moved(old: Value, new: Value) -> Truth:
        if slot.kind == "date":
            bound = moved_day(old, amount, unit)
        else:
            bound = moved_instant(old, amount, unit, zone)
        if bound is None:
            return None
        return bool(new >= bound if sign > 0 else new <= bound)

    return moved
