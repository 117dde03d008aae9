"""The `only_if` of a manifest → a tree of conditions.

Pure.  A condition is `{field: after.lead_value, at_least: 1000}`: the operator is the key and what
it compares with is its value.  A group is `{all: [...]}`, `{any: [...]}` or `{not: ...}`; one on the
elements of a list is `{field: after.products, any_item: ...}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any, cast

from schemas.problems import Problems
from schemas.wording import found, listed, unknown
from workflow_service.language.operators import OPERATORS
from workflow_service.language.parse_operand import operand_of
from workflow_service.language.workflow import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MODES,
    QUANTIFIERS,
    Condition,
    Group,
    Items,
    Leaf,
    Mode,
    Not,
    Quantifier,
)

EXAMPLE = "{field: after.lead_value, at_least: 1000}"
GROUPS = (*MODES, "not")
#: Keys of a comparison that are not its operator.
_BESIDE = ("field", "ignore_case")


class ConditionReader:
    """Reads the conditions of one workflow, counting its comparisons."""

    def __init__(self, problems: Problems) -> None:
        """What is wrong is added to the problems."""
        self._problems = problems
        self._comparisons = 0

    def read(self, value: object, path: str) -> Condition | None:
        """The condition written at a path; None if it has problems, which were added."""
        before = self._comparisons
        condition = self._condition(value, path, depth=1, lists=0)
        if before <= MAX_CONDITIONS < self._comparisons:
            self._problems.add(
                path,
                f"has {self._comparisons} comparisons with what stands before it; a workflow has "
                f"at most {MAX_CONDITIONS}",
            )
        return condition

    def _condition(self, value: object, path: str, depth: int, lists: int) -> Condition | None:
        if not isinstance(value, Mapping):
            self._problems.add(
                path,
                f"{found(value)}; a condition {EXAMPLE} or a group {{all: [...]}}, {{any: [...]}} "
                "or {not: ...} is expected",
            )
            return None
        groups = [each for each in GROUPS if each in value]
        if not groups:
            return self._comparison(value, path, depth, lists)
        if len(value) > 1:
            self._problems.add(
                path,
                f"{found(value)}; a group has one key: {', '.join(MODES)} or not, and "
                "nothing beside it",
            )
            return None
        if depth > MAX_DEPTH:
            self._problems.add(f"{path}.{groups[0]}", f"groups are nested deeper than {MAX_DEPTH}")
            return None
        return self._group(groups[0], value[groups[0]], path, depth + 1, lists)

    def _group(
        self, name: str, inner: object, path: str, depth: int, lists: int
    ) -> Condition | None:
        place = f"{path}.{name}"
        if name == "not":
            return self._not(inner, place, depth, lists)
        if not isinstance(inner, list) or not inner:
            self._problems.add(
                place,
                f"{found(inner)}; a group lists at least one condition, an empty one would be "
                "true or false for every event",
            )
            return None
        read = [
            self._condition(each, f"{place}[{index}]", depth, lists)
            for index, each in enumerate(inner)
        ]
        good = tuple(each for each in read if each is not None)
        return Group(cast("Mode", name), good) if len(good) == len(read) else None

    def _not(self, inner: object, place: str, depth: int, lists: int) -> Condition | None:
        if isinstance(inner, list):
            self._problems.add(
                place,
                f"{found(inner)}; not takes one condition, several stand in a group: "
                "{not: {any: [...]}} is none of them, {not: {all: [...]}} not all of them",
            )
            return None
        condition = self._condition(inner, place, depth, lists)
        return None if condition is None else Not(condition)

    def _comparison(
        self, value: Mapping[str, Any], path: str, depth: int, lists: int
    ) -> Condition | None:
        self._comparisons += 1
        field = value.get("field")
        if not isinstance(field, str) or not field:
            what = found(field) if "field" in value else "half-filled: the key field is missing"
            self._problems.add(path, f"{what}; a condition is written {EXAMPLE}")
            return None
        name = self._operator(value, field, path)
        if name is None:
            return None
        if name not in QUANTIFIERS:
            return self._leaf(value, field, name, path)
        if lists >= MAX_DEPTH:
            self._problems.add(f"{path}.{name}", f"lists are nested deeper than {MAX_DEPTH}")
            return None
        inner = self._condition(value[name], f"{path}.{name}", depth, lists + 1)
        if "ignore_case" in value:
            self._problems.add(
                f"{path}.ignore_case", f"stands beside {name}; write it inside, beside the operator"
            )
            return None
        return None if inner is None else Items(intern(field), cast("Quantifier", name), inner)

    def _operator(self, value: Mapping[str, Any], field: str, path: str) -> str | None:
        """The one operator of a comparison."""
        names = [str(key) for key in value if key not in _BESIDE]
        if not names:
            self._problems.add(
                path,
                f"half-filled: it names {field} and no operator; there is "
                f"{listed((*OPERATORS, *QUANTIFIERS))}",
            )
            return None
        wrong = [each for each in names if each not in OPERATORS and each not in QUANTIFIERS]
        if wrong:
            known = (*OPERATORS, *QUANTIFIERS, *_BESIDE)
            for each in wrong:
                self._problems.add(f"{path}.{each}", unknown("the operator", each, known))
            return None
        if len(names) > 1:
            self._problems.add(
                path,
                f"has the operators {listed(names)}; a condition has one, "
                "several stand in a group {all: [...]}",
            )
            return None
        return names[0]

    def _leaf(self, value: Mapping[str, Any], field: str, name: str, path: str) -> Leaf | None:
        operator = OPERATORS[name]
        fold = value.get("ignore_case", False)
        if not isinstance(fold, bool):
            self._problems.add(f"{path}.ignore_case", f"{found(fold)}; true or false is expected")
            return None
        if fold and not operator.folds:
            folding = listed(row.name for row in OPERATORS.values() if row.folds)
            self._problems.add(
                f"{path}.ignore_case", f"stands beside {name}; it is there for text in {folding}"
            )
            return None
        operand = operand_of(operator, value[name], f"{path}.{name}", self._problems)
        return None if operand is None else Leaf(intern(field), operator.name, operand, fold)
