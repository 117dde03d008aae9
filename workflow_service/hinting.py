"""Finds in a compiled workflow the conditions that the index can look up.

Pure.  Taken from what must be true for it to fire: `source`, `when_changed`, `only_if` itself and
what stands in it in groups of `all`.  Operands that each event has its own of, `not` and conditions
on elements give no hints.  A group of `any` gives one if all its conditions are about the same
attribute; and if nothing else does, each of its conditions is a way of its own to find the workflow.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflow_service.attributes import Attributes, number
from workflow_service.compiled import CompiledWorkflow
from workflow_service.conditions import CompiledGroup
from workflow_service.hints import Among, Hint, Part, Within
from workflow_service.leaf import Compiled, CompiledLeaf
from workflow_service.operands import is_dynamic
from workflow_service.operators import ORDERED

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


@dataclass(slots=True)
class _Found:
    """What must hold of an event.

    Attributes:
        choices: Groups of which one must hold, each with the hints of its conditions.
    """

    hints: list[Hint] = field(default_factory=list)
    choices: list[list[Hints]] = field(default_factory=list)


class Hinting:
    """Derives hints; always the same ones from the same workflow."""

    def __init__(self) -> None:
        """No attribute is known yet."""
        self._attributes = Attributes()

    def ways(self, compiled: CompiledWorkflow) -> tuple[Hints, ...]:
        """The ways in which a workflow may come to fire, each with what must hold then."""
        found = _Found()
        if compiled.condition is not None:
            self._collect(compiled.condition, found)
        if compiled.watched:
            tops = {path.partition(".")[0] for path, *_ in compiled.watched}
            found.hints.append(Among(self._attributes.changed, frozenset(tops)))
        hints = list(found.hints)
        if compiled.sources is not None:
            hints.append(Among(self._attributes.source, compiled.sources))
        choice = min(found.choices, key=len, default=None)
        if found.hints or choice is None or len(choice) > MAX_WAYS:
            return (_merged(hints),)
        return tuple(_merged([*hints, *way]) for way in choice)

    def _collect(self, condition: Compiled, found: _Found) -> None:
        """Add what must hold for a condition to be true."""
        if isinstance(condition, CompiledLeaf):
            found.hints += self._of_leaf(condition)
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
            ways.append(_merged(inner.hints))
        if not all(ways):
            return
        together = next(_together(ways), None)
        if together is None:
            found.choices.append(ways)
        else:
            found.hints.append(together)

    def _of_leaf(self, leaf: CompiledLeaf) -> Iterator[Hint]:
        operator = leaf.leaf.operator
        if operator in _CHANGE and leaf.leaf.value is not False:
            yield Among(self._attributes.changed, frozenset({leaf.field.keys[0]}))
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
            yield Among(self._attributes.of("one", leaf.field, fold=fold), frozenset(keys))

    def _part(self, leaf: CompiledLeaf, operands: dict[type, Any]) -> Iterator[Hint]:
        """A text that is contained; in several types of one field it must be the same."""
        parts = set(operands.values())
        part = next(iter(parts), None)
        if len(parts) != 1 or is_dynamic(part):
            return
        fold = leaf.leaf.ignore_case
        if leaf.slot is not None and leaf.slot.kind == "elements":
            yield Among(self._attributes.of("many", leaf.field, fold=fold), frozenset(parts))
        elif isinstance(part, str) and part:
            yield Part(self._attributes.of("text", leaf.field, fold=fold), part)

    def _span(self, leaf: CompiledLeaf, operands: dict[type, Any]) -> Iterator[Hint]:
        """Where an ordered value must lie, if it can be of one type only."""
        if len(operands) != 1 or (leaf.slot is not None and leaf.slot.kind not in ORDERED):
            return
        ((python, operand),) = operands.items()
        low, high = operand if isinstance(operand, tuple) else (operand, operand)
        operator = leaf.leaf.operator
        no_low = is_dynamic(low) or operator in ("less_than", "at_most")
        no_high = is_dynamic(high) or operator in ("greater_than", "at_least")
        if not (no_low and no_high):
            yield Within(
                self._attributes.of("number", leaf.field, only=python),
                None if no_low else number(low),
                None if no_high else number(high),
            )


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


def _merged(hints: Sequence[Hint]) -> Hints:
    """One hint for each attribute: what they say together, or else the one that says most."""
    merged: dict[Any, Hint] = {}
    for hint in hints:
        merged[hint.attribute] = _both(merged.get(hint.attribute, hint), hint)
    return tuple(merged.values())


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
