"""Conditions, checked against an entity's fields and compiled to functions of an event.

Pure.  A compiled condition decides `True`, `False` or `None` (unknown); unknown at the root is no
match.  `explain` asks the very same functions and keeps what `decide` throws away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from schemas.paths import Scope
from schemas.problems import Problems
from workflow_service.language.change import compile_change
from workflow_service.language.comparisons import compile_comparison
from workflow_service.language.items import compile_count, compile_items
from workflow_service.language.leaf import Compiled, CompiledLeaf, Context, Decide, Leaves
from workflow_service.language.operators import OPERATORS
from workflow_service.language.relative import zone_of
from workflow_service.language.verdict import Truth, Verdict, counted, together
from workflow_service.language.workflow import Condition, Group, Items, Leaf, Mode, Not

UTC = zone_of("UTC")


@dataclass(frozen=True, slots=True)
class CompiledGroup:
    """Conditions together, ready to run."""

    path: str
    mode: Mode
    of: tuple[Compiled, ...]
    decide: Decide

    def explain(self, event: Any) -> Verdict:
        """Every inner verdict, and theirs together."""
        inner = tuple(each.explain(event) for each in self.of)
        truth = together(self.mode, [each.verdict for each in inner])
        reason = counted(self.mode, inner)
        return Verdict(self.path, self.mode, None, truth, reason, inner, operator=self.mode)


@dataclass(frozen=True, slots=True)
class CompiledNot:
    """A condition turned around, ready to run."""

    path: str
    of: Compiled
    decide: Decide

    def explain(self, event: Any) -> Verdict:
        """The inner verdict, and its opposite."""
        inner = self.of.explain(event)
        truth = None if inner.verdict is None else not inner.verdict
        return Verdict(
            self.path, "not", None, truth, f"not: {inner.reason}", (inner,), operator="not"
        )


def compile_condition(
    condition: Condition,
    scope: Scope,
    problems: Problems,
    path: str = "only_if",
    zone: ZoneInfo = UTC,
    leaves: Leaves | None = None,
) -> Compiled | None:
    """A condition ready to run; None if it has problems, which were added.

    Args:
        leaves: Shared with other conditions on the same catalog.
    """
    return _compile(condition, path, Context(scope, zone, problems, leaves or Leaves()))


def _compile(condition: Condition, path: str, context: Context) -> Compiled | None:
    match condition:
        case Leaf():
            return _leaf(condition, path, context)
        case Group():
            return _group(condition, path, context)
        case Not():
            of = _compile(condition.of, f"{path}.not", context)
            return None if of is None else CompiledNot(path, of, _decide_not(of.decide))
        case Items():
            return compile_items(condition, path, context, _compile)
        case _:
            assert_never(condition)


def _leaf(leaf: Leaf, path: str, context: Context) -> CompiledLeaf | None:
    return context.leaves.shared(leaf, path, context, lambda: _compile_leaf(leaf, path, context))


def _compile_leaf(leaf: Leaf, path: str, context: Context) -> CompiledLeaf | None:
    operator = OPERATORS[leaf.operator]
    if operator.of_change:
        return compile_change(leaf, path, context)
    if operator.shape == "count":
        return compile_count(leaf, path, context)
    return compile_comparison(leaf, path, context)


@lru_cache(maxsize=4_096)
def place_of(path: str, mode: Mode, index: int) -> str:
    """Where a group's condition stands; one text for all workflows that have one there."""
    return f"{path}.{mode}[{index}]"


def _group(group: Group, path: str, context: Context) -> Compiled | None:
    read = [
        _compile(each, place_of(path, group.mode, index), context)
        for index, each in enumerate(group.of)
    ]
    good = tuple(each for each in read if each is not None)
    if len(good) < len(read):
        return None
    return CompiledGroup(path, group.mode, good, _decide_group(group.mode, good))


def _decide_group(mode: Mode, of: tuple[Compiled, ...]) -> Decide:
    """The group's verdict, stopping at the first that settles it."""
    decisions = tuple(each.decide for each in of)
    settling = mode == "any"

    def decide(event: Any) -> Truth:
        truth: Truth = not settling
        for each in decisions:
            found = each(event)
            if found is settling:
                return settling
            if found is None:
                truth = None
        return truth

    return decide


def _decide_not(inner: Decide) -> Decide:
    def decide(event: Any) -> Truth:
        truth = inner(event)
        return None if truth is None else not truth

    return decide
