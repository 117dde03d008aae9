"""Comparisons of one value, compiled: each operator, with plain, relative and other fields' values.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.paths import NO_RECORD, Field, Read, resolve
from workflow_service.language.kinds import Mistyped, Slot, folded, nfc, slots_of
from workflow_service.language.leaf import CompiledLeaf, Context, Decide, fitting_slots
from workflow_service.language.operands import Resolve, resolver, shower, typed
from workflow_service.language.operators import OPERATORS, TURNED, Operator, Test, test_of
from workflow_service.language.verdict import Truth
from workflow_service.language.workflow import Leaf, Value

#: What is said about a value (not null) in an event.
_Judge = Callable[[Any, Any], Truth]


def compile_comparison(leaf: Leaf, path: str, context: Context) -> CompiledLeaf | None:
    """A comparison ready to run; None if it has problems, which were added."""
    operator = OPERATORS[leaf.operator]
    field = resolve(leaf.field, context.scope)
    if isinstance(field, str):
        context.problems.add(f"{path}.field", field)
        return None
    slots = fitting_slots(leaf, operator, field, path, context)
    if not slots:
        return None
    if operator.shape == "flag":
        decide = _emptiness(field.read, operator.test(leaf.value))
        return CompiledLeaf(path, leaf, operator, field, None, leaf.value, field.read, None, decide)
    operands = operands_by_slot(leaf, operator, slots, path, context)
    if not operands:
        return None
    return _compiled(leaf, operator, field, operands, path)


def operands_by_slot(
    leaf: Leaf, operator: Operator, slots: tuple[Slot, ...], path: str, context: Context
) -> list[tuple[Slot, Value]]:
    """The operand in each type of the field that takes it; none if it has problems, which were added."""
    if leaf.ignore_case:
        slots = _folding(slots, operator)
    operands: list[tuple[Slot, Value]] = []
    refusals: list[str] = []
    for slot in slots:
        try:
            operands.append((slot, typed(leaf, operator, slot, context)))
        except Mistyped as refusal:
            refusals.append(f"{leaf.field} is {slot.what}: {refusal}")
    if not slots:
        context.problems.add(
            f"{path}.ignore_case", f"{leaf.field} holds no text, so there is no case to ignore"
        )
    elif not operands:
        context.problems.add(f"{path}.{operator.name}", refusals[0])
    return operands


def _folding(slots: tuple[Slot, ...], operator: Operator) -> tuple[Slot, ...]:
    """The slots that hold text, in which case does not count; an expression sees to that itself."""
    found = []
    for slot in slots:
        fold = folded(slot)
        if fold is not None:
            found.append(slot if operator.shape == "pattern" else fold)
    return tuple(found)


def _compiled(
    leaf: Leaf, operator: Operator, field: Field, operands: list[tuple[Slot, Value]], path: str
) -> CompiledLeaf:
    read = field.read
    if len(slots_of(field.type)) > 1:
        decide = _of_union(read, operator, operands)
        by_class = {slot.python: operand for slot, operand in operands}
        expected = shower(operands[0][1], leaf)
        return CompiledLeaf(path, leaf, operator, field, None, by_class, read, expected, decide)
    slot, operand = operands[0]
    resolve_operand = resolver(operator, operand)
    if resolve_operand is None:
        decide = _static(read, slot, operator, operand)
    else:
        decide = _dynamic(read, slot, operator, resolve_operand)
    expected = shower(operand, leaf)
    return CompiledLeaf(path, leaf, operator, field, slot, operand, read, expected, decide)


def _emptiness(read: Read, test: Test) -> Decide:
    def decide(event: Any) -> Truth:
        actual = read(event)
        return None if actual is NO_RECORD else test(actual)

    return decide


def _static(read: Read, slot: Slot, operator: Operator, operand: Value) -> Decide:
    """What is asked most: one type, one operand."""
    compare = TURNED.get(operator.name)
    if compare is None or slot.normalise not in (None, nfc):
        return _tested(read, slot.normalise, test_of(operator, slot.kind, operand))
    if slot.normalise is None:

        def decide(event: Any) -> Truth:
            actual = read(event)
            return None if actual is None or actual is NO_RECORD else compare(operand, actual)

        return decide

    def decide_text(event: Any) -> Truth:
        actual = read(event)
        if actual is None or actual is NO_RECORD:
            return None
        return compare(operand, actual if actual.isascii() else nfc(actual))

    return decide_text


def _tested(read: Read, normalise: Callable[[Any], Any] | None, test: Test) -> Decide:
    if normalise is None:

        def decide(event: Any) -> Truth:
            actual = read(event)
            return None if actual is None or actual is NO_RECORD else test(actual)

        return decide
    if normalise is nfc:

        def decide_text(event: Any) -> Truth:
            actual = read(event)
            if actual is None or actual is NO_RECORD:
                return None
            return test(actual if actual.isascii() else nfc(actual))

        return decide_text

    def decide_normalised(event: Any) -> Truth:
        actual = read(event)
        if actual is None or actual is NO_RECORD:
            return None
        value = normalise(actual)
        return None if value is None else test(value)

    return decide_normalised


def _dynamic(read: Read, slot: Slot, operator: Operator, resolve_operand: Resolve) -> Decide:
    judge = _judge_dynamic(slot, operator, resolve_operand)

    def decide(event: Any) -> Truth:
        actual = read(event)
        return None if actual is None or actual is NO_RECORD else judge(actual, event)

    return decide


def _judge_dynamic(slot: Slot, operator: Operator, resolve_operand: Resolve) -> _Judge:
    normalise, kind = slot.normalise, slot.kind
    compare = TURNED.get(operator.name)
    if normalise is None and compare is not None:

        def judge_plain(actual: Value, event: Any) -> Truth:
            operand = resolve_operand(event)
            return None if operand is None else compare(operand, actual)

        return judge_plain

    def judge(actual: Value, event: Any) -> Truth:
        operand = resolve_operand(event)
        value = actual if normalise is None else normalise(actual)
        if operand is None or value is None:
            return None
        return test_of(operator, kind, operand)(value)

    return judge


def _judge_static(slot: Slot, test: Test) -> _Judge:
    normalise = slot.normalise

    def judge(actual: Value, _: Any) -> Truth:
        value = actual if normalise is None else normalise(actual)
        return None if value is None else test(value)

    return judge


def _of_union(read: Read, operator: Operator, operands: list[tuple[Slot, Value]]) -> Decide:
    """By the class of the value; a value of another type than the operand's is unknown."""
    judges: dict[type, _Judge] = {}
    for slot, operand in operands:
        resolve_operand = resolver(operator, operand)
        if resolve_operand is None:
            judges[slot.python] = _judge_static(slot, test_of(operator, slot.kind, operand))
        else:
            judges[slot.python] = _judge_dynamic(slot, operator, resolve_operand)

    def decide(event: Any) -> Truth:
        actual = read(event)
        judge = judges.get(type(actual))
        return None if judge is None else judge(actual, event)

    return decide
