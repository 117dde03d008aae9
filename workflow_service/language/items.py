"""Conditions on the elements of a list, and on their number, compiled.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from schemas.paths import NO_RECORD, Element, Field, Read, resolve
from schemas.types import FieldType, ListType, UnionType
from schemas.wording import listed, shown
from workflow_service.language.kinds import slots_of
from workflow_service.language.leaf import Compiled, CompiledLeaf, Context, Decide, fitting_slots
from workflow_service.language.operators import OPERATORS, operators_for
from workflow_service.language.verdict import Truth, Verdict
from workflow_service.language.workflow import Counted, Items, Leaf, Quantifier, Value

#: Elements that an explanation describes one by one.
DESCRIBED = 10
_LISTS = frozenset({list, tuple})

Inner = Callable[[Any, str, Context], Compiled | None]


@dataclass(frozen=True, slots=True)
class CompiledItems:
    """A condition on the elements of a list, ready to run."""

    path: str
    items: Items
    field: Field
    of: Compiled
    event_of: Read
    decide: Decide

    def explain(self, event: Any) -> Verdict:
        """The verdict, with those of the first elements."""
        actual, truth = self.field.read(event), self.decide(event)
        name, quantifier = self.items.field, self.items.quantifier
        if not isinstance(actual, list | tuple):
            what = "null" if actual is None else "no list"
            side = name.partition(".")[0]
            missing = f"the event has no record {side}"
            reason = missing if actual is NO_RECORD else f"{name} is {what}"
            return self._verdict(actual, truth, f"unknown: {reason}", ())
        root = self.event_of(event)
        inner = tuple(
            self._of_element(number, Element(root, item))
            for number, item in enumerate(actual[:DESCRIBED], start=1)
        )
        truths = [self.of.decide(Element(root, item)) for item in actual]
        reason = f"{quantifier}: {_counts(truths)} of {name}"
        telling = next((each for each in inner if _tells(quantifier, each.verdict)), None)
        if truth is not True and telling is not None:
            reason += f"; {telling.condition}: {telling.reason}"
        return self._verdict(actual, truth, reason, inner)

    def _of_element(self, number: int, element: Element) -> Verdict:
        said = self.of.explain(element)
        return Verdict(
            f"{self.of.path}[{number - 1}]",
            f"element {number}",
            element.item,
            said.verdict,
            said.reason,
            (said,),
            operator="element",
            fields=(self.field.path,),
        )

    def _verdict(
        self, actual: Value, truth: Truth, reason: str, inner: tuple[Verdict, ...]
    ) -> Verdict:
        return Verdict(
            self.path,
            f"{self.items.field} {self.items.quantifier}",
            actual,
            truth,
            reason,
            inner,
            operator=self.items.quantifier,
            fields=(self.field.path,),
        )


def _counts(truths: list[Truth]) -> str:
    """How many elements hold."""
    unknown = truths.count(None)
    kept = f", {unknown} unknown," if unknown else ""
    return f"{truths.count(True)} of {len(truths)} elements hold{kept}"


def _tells(quantifier: Quantifier, truth: Truth) -> bool:
    """Whether an element is a reason for the condition not to hold."""
    return truth is not False if quantifier == "no_item" else truth is not True


def compile_items(
    items: Items, path: str, context: Context, compile_inner: Inner
) -> CompiledItems | None:
    """A condition on elements; None if it has problems, which were added.

    Args:
        compile_inner: Compiles the condition on one element.
    """
    field = resolve(items.field, context.scope)
    if isinstance(field, str):
        context.problems.add(f"{path}.field", field)
        return None
    item = _item_of(field.type)
    if item is None:
        slots = slots_of(field.type)
        allowed = dict.fromkeys(name for slot in slots for name in operators_for(slot.kind))
        context.problems.add(
            f"{path}.{items.quantifier}",
            f"{items.field} is {slots[0].what}, not a list; it takes {listed(allowed)}",
        )
        return None
    inside = replace(context, scope=context.scope.inside(field, item))
    of = compile_inner(items.of, f"{path}.{items.quantifier}", inside)
    if of is None:
        return None
    root = context.scope.root
    event_of = _event_of_element if root else _event_itself
    decide = _decide(items.quantifier, field.read, of.decide, event_of)
    return CompiledItems(path, items, field, of, event_of, decide)


def _event_itself(event: Any) -> Any:
    return event


def _event_of_element(element: Any) -> Any:
    return element.event


def _item_of(type_: FieldType) -> FieldType | None:
    """The type of the elements; of a custom attribute those of the list that it may be."""
    if isinstance(type_, UnionType):
        return next((each.item for each in type_.members if isinstance(each, ListType)), None)
    return type_.item if isinstance(type_, ListType) else None


def _decide(quantifier: Quantifier, read: Read, inner: Decide, event_of: Read) -> Decide:
    """As `any`, `all` and `not any` of the elements, stopping at the first that settles it."""
    settling = quantifier != "all_items"
    settled = quantifier == "any_item"

    def decide(event: Any) -> Truth:
        actual = read(event)
        if type(actual) not in _LISTS:
            return None
        root = event_of(event)
        truth: Truth = not settled
        for item in actual:
            found = inner(Element(root, item))
            if found is settling:
                return settled
            if found is None:
                truth = None
        return truth

    return decide


def compile_count(leaf: Leaf, path: str, context: Context) -> CompiledLeaf | None:
    """A comparison of the number of elements; None if it has problems, which were added."""
    operator = OPERATORS[leaf.operator]
    field = resolve(leaf.field, context.scope)
    if isinstance(field, str):
        context.problems.add(f"{path}.field", field)
        return None
    if not fitting_slots(leaf, operator, field, path, context):
        return None
    counted: Counted = leaf.value
    inner, value = OPERATORS[counted.operator], counted.value
    if inner.shape == "pair" and value[0] > value[1]:
        context.problems.add(
            f"{path}.count.{inner.name}",
            f"found {shown(value)}; the first number is above the second, so nothing is between",
        )
        return None
    operand = frozenset(value) if inner.shape == "many" else value
    test, read = inner.test(operand), field.read

    def decide(event: Any) -> Truth:
        actual = read(event)
        return test(len(actual)) if type(actual) in _LISTS else None

    return CompiledLeaf(path, leaf, operator, field, None, operand, read, None, decide)
