"""Conditions, checked against an entity's fields and compiled to functions of an event.

Pure.  A compiled condition decides `True`, `False` or `None` (unknown); unknown at the root is no
match.  `explain` runs the very same reads and judgements and keeps what `decide` throws away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.paths import NO_RECORD, Field, Read, Scope, resolve, resolve_both
from schemas.problems import Problems
from schemas.records import Event
from schemas.wording import listed, shown
from workflow_service.kinds import Mistyped, Slot, slots_of
from workflow_service.operators import OPERATORS, Operator, Test, operators_for, test_of
from workflow_service.verdict import Truth, Verdict, counted, reason_of, together
from workflow_service.workflow import Condition, Group, Leaf, Mode, Value

Judge = Callable[[Any], Truth]


class Compiled(Protocol):
    """A condition ready to run."""

    @property
    def decide(self) -> Callable[[Event], Truth]:
        """Its verdict alone."""

    def explain(self, event: Event) -> Verdict:
        """Its verdict with what led to it."""


@dataclass(frozen=True, slots=True)
class CompiledLeaf:
    """One comparison, ready to run."""

    path: str
    leaf: Leaf
    operator: Operator
    read: Read
    judge: Judge
    show: Read
    decide: Callable[[Event], Truth]

    def explain(self, event: Event) -> Verdict:
        """Read, judge, and say why."""
        actual = self.read(event)
        truth = self.judge(actual)
        seen = self.show(event)
        text = f"{self.leaf.field} {self.leaf.operator} {shown(self.leaf.value)}"
        return Verdict(self.path, text, seen, truth, reason_of(self.leaf, actual, seen, truth))


@dataclass(frozen=True, slots=True)
class CompiledGroup:
    """Conditions together, ready to run."""

    path: str
    mode: Mode
    of: tuple[Compiled, ...]
    decide: Callable[[Event], Truth]

    def explain(self, event: Event) -> Verdict:
        """Every inner verdict, and theirs together."""
        inner = tuple(each.explain(event) for each in self.of)
        truth = together(self.mode, [each.verdict for each in inner])
        return Verdict(self.path, self.mode, None, truth, counted(self.mode, inner), inner)


def compile_condition(
    condition: Condition, scope: Scope, problems: Problems, path: str = "only_if"
) -> Compiled | None:
    """A condition ready to run; None if it has problems, which were added."""
    if isinstance(condition, Leaf):
        return _leaf(condition, scope, problems, path)
    read = [
        compile_condition(each, scope, problems, f"{path}.{condition.mode}[{index}]")
        for index, each in enumerate(condition.of)
    ]
    good = tuple(each for each in read if each is not None)
    if len(good) < len(read):
        return None
    return CompiledGroup(path, condition.mode, good, _decide_group(condition, good))


def _decide_group(group: Group, of: tuple[Compiled, ...]) -> Callable[[Event], Truth]:
    """The group's verdict, stopping at the first that settles it."""
    decisions = tuple(each.decide for each in of)
    settling = group.mode == "any"

    def decide(event: Event) -> Truth:
        truth: Truth = not settling
        for each in decisions:
            found = each(event)
            if found is settling:
                return settling
            if found is None:
                truth = None
        return truth

    return decide


def _leaf(leaf: Leaf, scope: Scope, problems: Problems, path: str) -> CompiledLeaf | None:
    operator = OPERATORS[leaf.operator]
    if operator.name == "changed":
        return _changed(leaf, operator, scope, problems, path)
    field = resolve(leaf.field, scope)
    if isinstance(field, str):
        problems.add(f"{path}.field", field)
        return None
    judge = _judge(leaf, operator, field, problems, path)
    if judge is None:
        return None
    read = field.read

    def decide(event: Event) -> Truth:
        return judge(read(event))

    return CompiledLeaf(path, leaf, operator, read, judge, read, decide)


def _judge(
    leaf: Leaf, operator: Operator, field: Field, problems: Problems, path: str
) -> Judge | None:
    """What the operator says about a value of the field, for every type the value may have."""
    slots = slots_of(field.type)
    fitting = [slot for slot in slots if slot.kind in operator.kinds]
    if not fitting:
        allowed = dict.fromkeys(name for slot in slots for name in operators_for(slot.kind))
        problems.add(
            f"{path}.{operator.name}",
            f"{leaf.field} is {slots[0].what}; it takes {listed(allowed)}",
        )
        return None
    if operator.shape == "flag":
        return _judge_emptiness(operator.test(leaf.value))
    tests: dict[type, tuple[Slot, Test]] = {}
    refusals: list[str] = []
    for slot in fitting:
        try:
            tests[slot.python] = (
                slot,
                test_of(operator, slot.kind, _operand(operator, slot, leaf)),
            )
        except Mistyped as refusal:
            refusals.append(str(refusal))
    if not tests:
        problems.add(f"{path}.{operator.name}", f"{leaf.field} is {fitting[0].what}: {refusals[0]}")
        return None
    return _judge_value(*next(iter(tests.values()))) if len(slots) == 1 else _judge_union(tests)


def _operand(operator: Operator, slot: Slot, leaf: Leaf) -> Value:
    """The operand in the slot's type."""
    if operator.shape == "many":
        return frozenset(map(slot.operand, leaf.value))
    return slot.operand(leaf.value)


def _judge_emptiness(test: Test) -> Judge:
    def judge(actual: Value) -> Truth:
        return None if actual is NO_RECORD else test(actual)

    return judge


def _judge_value(slot: Slot, test: Test) -> Judge:
    normalise = slot.normalise
    if normalise is None:

        def judge(actual: Value) -> Truth:
            return None if actual is None or actual is NO_RECORD else test(actual)

        return judge

    def judge_normalised(actual: Value) -> Truth:
        return None if actual is None or actual is NO_RECORD else test(normalise(actual))

    return judge_normalised


def _judge_union(tests: dict[type, tuple[Slot, Test]]) -> Judge:
    """By the class of the value; a value of another type than the operand's is unknown."""
    judges = {python: _judge_value(slot, test) for python, (slot, test) in tests.items()}

    def judge(actual: Value) -> Truth:
        by_class = judges.get(type(actual))
        return None if by_class is None else by_class(actual)

    return judge


def _changed(
    leaf: Leaf, operator: Operator, scope: Scope, problems: Problems, path: str
) -> CompiledLeaf | None:
    sides = resolve_both(leaf.field, scope)
    if isinstance(sides, str):
        problems.add(f"{path}.field", sides)
        return None
    before, after = sides
    read = change_of(before, after)
    wanted = leaf.value

    def judge(changed: Truth) -> Truth:
        return None if changed is None else changed is wanted

    def show(event: Event) -> Value:
        return before.read(event), after.read(event)

    def decide(event: Event) -> Truth:
        return judge(read(event))

    return CompiledLeaf(path, leaf, operator, read, judge, show, decide)


def change_of(before: Field, after: Field) -> Callable[[Event], Truth]:
    """Whether a field changed; a side that is not there counts as null.

    Which top-level fields changed, the event says.  Below that the values decide, and it is
    unknown when an update does not carry what was before.
    """
    top, nested = before.keys[0], len(before.keys) > 1

    def changed(event: Event) -> Truth:
        if top not in event.changed_fields:
            return False
        if not nested:
            return True
        if event.operation == "updated" and event.before is None:
            return None
        old, new = before.read(event), after.read(event)
        return bool((None if old is NO_RECORD else old) != (None if new is NO_RECORD else new))

    return changed
