"""A comparison that was checked and is ready to run, and what checking it takes.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from schemas.paths import Field, Read, Scope
from schemas.problems import Problems
from schemas.wording import listed, shown
from workflow_service.language.kinds import Slot, slots_of
from workflow_service.language.operators import Operator, operators_for
from workflow_service.language.verdict import Truth, Verdict, reason_of
from workflow_service.language.workflow import Leaf, OtherField, Relative, Value

#: Comparisons that are kept for other workflows to share.
MOST_SHARED = 4_096
#: An event, or for conditions on elements an `Element`.
Decide = Callable[[Any], Truth]


class Compiled(Protocol):
    """A condition ready to run."""

    @property
    def path(self) -> str:
        """Where it stands in the manifest."""

    @property
    def decide(self) -> Decide:
        """Its verdict alone."""

    def explain(self, event: Any) -> Verdict:
        """Its verdict with what led to it."""


class Leaves:
    """The latest comparisons that were compiled with one catalog: alike ones are one object.

    Thousands of workflows compare the same stages and owners.
    """

    def __init__(self) -> None:
        """None yet."""
        self._known: dict[Hashable, CompiledLeaf] = {}

    def shared(
        self, leaf: Leaf, path: str, context: Context, compiled: Callable[[], CompiledLeaf | None]
    ) -> CompiledLeaf | None:
        """The comparison at this place as it was compiled before, or else now; None: it is wrong."""
        where = (context.scope.entity, context.scope.item_of, path, context.zone)
        value = repr(leaf.value)  # unlike the values themselves, `1` is not `true` here
        name = (where, leaf.field, leaf.operator, value, leaf.ignore_case)
        known = self._known.get(name)
        if known is not None:
            return known
        made = compiled()
        if made is not None:
            if len(self._known) >= MOST_SHARED:
                del self._known[next(iter(self._known))]
            self._known[name] = made
        return made


@dataclass(frozen=True, slots=True)
class Context:
    """What a condition is checked against.

    Attributes:
        zone: Where `today` is.
        problems: What is wrong is added to it.
        leaves: What was compiled before with the same catalog.
    """

    scope: Scope
    zone: ZoneInfo
    problems: Problems
    leaves: Leaves


@dataclass(frozen=True, slots=True)
class Dynamic:
    """An operand, or a part of one, that each event has its own value of.

    Attributes:
        source: As the manifest says it.
        field: The other field; None for a relative date.
        resolve: Its value in the form that operands have; None if there is none.
        show: Its value as people read it.
    """

    source: OtherField | Relative
    field: Field | None
    resolve: Callable[[Any], Value]
    show: Read


@dataclass(frozen=True, slots=True)
class CompiledLeaf:
    """One comparison, ready to run.

    Attributes:
        field: What is looked at; for the `changed` family the field after the change.
        slot: The field's type as operators see it, folded if case is ignored; None if the field
            may be of several types (a custom attribute), or the operator does not care.
        operand: In the slot's type and form: a frozenset for `in`, `not_in`, `changed_from` and
            `changed_to`, a pair for `between`, the search of an expression for `matches`,
            `Dynamic` (or a tuple with some) where each event has its own; without a slot by the
            class of the value, or as the manifest says it.
        show: What a person is shown: the value; for the `changed` family those before and after.
        expected: What it is compared with in an event; None: what the manifest says.
    """

    path: str
    leaf: Leaf
    operator: Operator
    field: Field
    slot: Slot | None
    operand: Value
    show: Read
    expected: Read | None
    decide: Decide

    def explain(self, event: Any) -> Verdict:
        """Decide, and say why."""
        truth = self.decide(event)
        seen = self.show(event)
        leaf = self.leaf
        expected = leaf.value if self.expected is None else self.expected(event)
        fold = " (ignoring case)" if leaf.ignore_case else ""
        return Verdict(
            self.path,
            f"{leaf.field} {leaf.operator} {shown(leaf.value)}{fold}",
            seen,
            truth,
            reason_of(leaf, seen, expected, truth),
            operator=leaf.operator,
            expected=expected,
            fields=(self.field.path, *_others(self.operand)),
        )


def _others(operand: Value) -> tuple[str, ...]:
    """The other fields that an operand looks at."""
    parts = operand if isinstance(operand, tuple) else (operand,)
    fields = (part.field for part in parts if isinstance(part, Dynamic))
    return tuple(field.path for field in fields if field is not None)


def fitting_slots(
    leaf: Leaf, operator: Operator, field: Field, path: str, context: Context
) -> tuple[Slot, ...]:
    """The types of a field that an operator is there for; none, if it is there for none of them."""
    slots = slots_of(field.type)
    fitting = tuple(slot for slot in slots if slot.kind in operator.kinds)
    if not fitting:
        allowed = dict.fromkeys(name for slot in slots for name in operators_for(slot.kind))
        context.problems.add(
            f"{path}.{operator.name}",
            f"{leaf.field} is {slots[0].what}; it takes {listed(allowed)}",
        )
    return fitting
