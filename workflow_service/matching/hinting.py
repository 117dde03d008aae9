"""Finds in a compiled workflow the conditions that the index can look up.

Pure.  Taken from what must be true for it to fire: `source`, `when_changed`, `only_if` itself and
what stands in it in groups of `all`.  Operands that each event has its own of, `not` and conditions
on elements give no hints.  A group of `any` gives one if all its conditions are about the same
attribute; and if nothing else does, each of its conditions is a way of its own to find the workflow.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.language.conditions import CompiledGroup
from workflow_service.language.leaf import Compiled, CompiledLeaf
from workflow_service.language.operands import is_dynamic
from workflow_service.language.operators import ORDERED, SCALAR
from workflow_service.matching.attributes import Attributes, number
from workflow_service.matching.hints import Among, Attribute, Hint, Part, Within

#: A hint with more keys is not worth its memory: each key is a place in a table.
MAX_KEYS = 256
#: Ways of finding one workflow; one that has more is looked at for every event.
MAX_WAYS = 16
Hints = tuple[Hint, ...]

_EQUAL = frozenset({"equals", "in", "changed_to"})
#: Only of these is it certain that they are false where the event does not name the field.
_CHANGE = frozenset({"changed", "changed_from", "changed_to"})
_PART = frozenset({"contains", "starts_with", "ends_with"})
_ORDER = frozenset({"greater_than", "at_least", "less_than", "at_most", "between"})


#: Stands for the accepted sources among what hints say.
SOURCES: Final = object()


class Way(NamedTuple):
    """What must hold of an event for a workflow to fire in one of its ways.

    Attributes:
        exact: For each hint the condition that is true if and only if it holds, or `SOURCES`;
            None: it says less than any.
    """

    hints: Hints
    exact: tuple[object, ...]


NO_HINTS: Final = Way((), ())


@dataclass(slots=True)
class _Found:
    """What must hold of an event.

    Attributes:
        hints: Each with the condition that it says everything of, or None.
        choices: Groups of which one must hold, each with the hints of its conditions.
    """

    hints: list[tuple[Hint, object]] = field(default_factory=list)
    choices: list[list[Hints]] = field(default_factory=list)


class Hinting:
    """Derives hints; always the same ones from the same workflow."""

    def __init__(self) -> None:
        """No attribute is known yet."""
        self.attributes = Attributes()

    def ways(self, compiled: CompiledWorkflow) -> tuple[Way, ...]:
        """The ways in which a workflow may come to fire."""
        found = _Found()
        if compiled.condition is not None:
            self._collect(compiled.condition, found)
        if compiled.watched:
            tops = {each.field.keys[0] for each in compiled.watched}
            found.hints.append((Among(self.attributes.changed, frozenset(tops)), None))
        hints = list(found.hints)
        if compiled.sources is not None:
            hints.append((Among(self.attributes.source, compiled.sources), SOURCES))
        choice = min(found.choices, key=len, default=None)
        if found.hints or choice is None or len(choice) > MAX_WAYS:
            return (_way(hints),)
        return tuple(_way([*hints, *((hint, None) for hint in way)]) for way in choice)

    def _collect(self, condition: Compiled, found: _Found) -> None:
        """Add what must hold for a condition to be true."""
        if isinstance(condition, CompiledLeaf):
            exact = condition if _says_all(condition) else None
            found.hints += ((hint, exact) for hint in self._of_leaf(condition))
        elif isinstance(condition, CompiledGroup) and condition.mode == "all":
            for each in condition.of:
                self._collect(each, found)
        elif isinstance(condition, CompiledGroup):
            self._choose(condition.of, found)

    def _choose(self, conditions: Sequence[Compiled], found: _Found) -> None:
        """Add what must hold for one of some conditions to be true."""
        ways: list[Hints] = []
        for each in conditions:
            inner = _Found()
            self._collect(each, inner)
            ways.append(_way(inner.hints).hints)
        if not all(ways):
            return
        together = next(_together(ways), None)
        if together is None:
            found.choices.append(ways)
        else:
            found.hints.append((together, None))

    def _of_leaf(self, leaf: CompiledLeaf) -> Iterator[Hint]:
        operator = leaf.leaf.operator
        if operator in _CHANGE and leaf.leaf.value is not False:
            yield Among(self.attributes.changed, frozenset({leaf.field.keys[0]}))
        operands = _operands(leaf)
        if operator in _EQUAL:
            yield from self._keys(leaf, operands)
        if operator in _PART:
            yield from self._part(leaf, operands)
        if operator in _ORDER:
            yield from self._span(leaf, operands)

    def _keys(self, leaf: CompiledLeaf, operands: dict[type, Any]) -> Iterator[Hint]:
        keys: set[Hashable] = set()
        for operand in operands.values():
            many = operand if isinstance(operand, frozenset | tuple) else (operand,)
            if any(map(is_dynamic, many)):
                return
            keys.update(many)
        if 0 < len(keys) <= MAX_KEYS:
            fold = leaf.leaf.ignore_case
            yield Among(self.attributes.of("one", leaf.field, fold=fold), frozenset(keys))

    def _part(self, leaf: CompiledLeaf, operands: dict[type, Any]) -> Iterator[Hint]:
        """A text that is contained; in several types of one field it must be the same."""
        parts = set(operands.values())
        part = next(iter(parts), None)
        if len(parts) != 1 or is_dynamic(part):
            return
        fold = leaf.leaf.ignore_case
        if leaf.slot is not None and leaf.slot.kind == "elements":
            yield Among(self.attributes.of("many", leaf.field, fold=fold), frozenset(parts))
        elif isinstance(part, str) and part:
            yield Part(self.attributes.of("text", leaf.field, fold=fold), part)

    def _span(self, leaf: CompiledLeaf, operands: dict[type, Any]) -> Iterator[Hint]:
        """Where an ordered value must lie, if it can be of one type only."""
        if len(operands) != 1 or (leaf.slot is not None and leaf.slot.kind not in ORDERED):
            return
        ((python, operand),) = operands.items()
        low, high = operand if isinstance(operand, tuple) else (operand, operand)
        operator = leaf.leaf.operator
        no_low = is_dynamic(low) or operator in ("less_than", "at_most")
        no_high = is_dynamic(high) or operator in ("greater_than", "at_least")
        if no_low and no_high:
            return
        least = None if no_low else number(low)
        most = None if no_high else number(high)
        yield Within(self.attributes.of("number", leaf.field, only=python), least, most)


def _operands(leaf: CompiledLeaf) -> dict[type, Any]:
    """The operand by the class of the field's values; empty if the operator takes no value."""
    if leaf.slot is not None:
        return {leaf.slot.python: leaf.operand}
    return leaf.operand if isinstance(leaf.operand, dict) else {}


def _together(ways: Sequence[Hints]) -> Iterator[Among]:
    """Hints that say of one attribute what must hold on every way."""
    for first in ways[0]:
        keys: set[Hashable] = set()
        for way in ways:
            same = [each for each in way if each.attribute is first.attribute]
            if not same or not isinstance(same[0], Among):
                break
            keys |= same[0].keys
        else:
            if len(keys) <= MAX_KEYS:
                yield Among(first.attribute, frozenset(keys))


def _says_all(leaf: CompiledLeaf) -> bool:
    """Whether a comparison is true if and only if its hint holds."""
    slot, operator = leaf.slot, leaf.leaf.operator
    if slot is None:
        return False
    if operator == "contains":
        return slot.kind == "elements"
    return operator in ("equals", "in") and slot.kind in SCALAR


def _way(hints: Iterable[tuple[Hint, object]]) -> Way:
    """One hint for each attribute: what they say together, or else the one that says most."""
    merged: dict[Attribute, tuple[Hint, object]] = {}
    for hint, exact in hints:
        known = merged.get(hint.attribute)
        both = (hint, exact) if known is None else (_both(known[0], hint), None)
        merged[hint.attribute] = both
    return Way(*zip(*merged.values(), strict=True)) if merged else NO_HINTS


def _both(one: Hint, other: Hint) -> Hint:
    match one, other:
        case Among(), Among() if one.attribute.form == "one":
            keys = one.keys & other.keys
            return Among(one.attribute, keys) if keys else one
        case Among(), Among():
            return min(one, other, key=lambda each: len(each.keys))
        case Within(), Within():
            lows = [each.low for each in (one, other) if each.low is not None]
            highs = [each.high for each in (one, other) if each.high is not None]
            return Within(one.attribute, max(lows, default=None), min(highs, default=None))
        case Part(), Part():
            return max(one, other, key=lambda each: len(each.text))
        case _:
            return one
