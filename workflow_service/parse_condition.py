"""The `only_if` of a manifest → a tree of conditions.

Pure.  A condition is `{field: after.lead_value, at_least: 1000}`: the operator is the key and what
it compares with is its value.  A group is `{all: [...]}` or `{any: [...]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from schemas.problems import Problems
from schemas.wording import found, listed, unknown
from workflow_service.operators import OPERATORS, Operator
from workflow_service.workflow import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_TEXT,
    MAX_VALUES,
    MODES,
    Condition,
    Group,
    Leaf,
    Mode,
)

EXAMPLE = "{field: after.lead_value, at_least: 1000}"


def condition_of(value: object, problems: Problems, path: str = "only_if") -> Condition | None:
    """The condition written at a path; None if it has problems, which were added."""
    reading = _Reading(problems)
    condition = reading.condition(value, path, depth=1)
    if reading.leaves > MAX_CONDITIONS:
        problems.add(path, f"has {reading.leaves} conditions; {MAX_CONDITIONS} are allowed")
    return condition


class _Reading:
    """One walk over a tree; counts its leaves."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.leaves = 0

    def condition(self, value: object, path: str, depth: int) -> Condition | None:
        if not isinstance(value, Mapping):
            self._problems.add(
                path, f"{found(value)}; a condition {EXAMPLE} or a group {{all: [...]}} is expected"
            )
            return None
        modes = [mode for mode in MODES if mode in value]
        return self._group(value, modes, path, depth) if modes else self._leaf(value, path)

    def _group(
        self, value: Mapping[str, Any], modes: list[str], path: str, depth: int
    ) -> Condition | None:
        if len(value) > 1:
            self._problems.add(path, f"{found(value)}; a group has one key: {' or '.join(MODES)}")
            return None
        mode = modes[0]
        inner, place = value[mode], f"{path}.{mode}"
        if not isinstance(inner, list) or not inner:
            self._problems.add(
                place,
                f"{found(inner)}; a group lists at least one condition, an empty one would be "
                "true or false for every event",
            )
            return None
        if depth > MAX_DEPTH:
            self._problems.add(place, f"groups are nested deeper than {MAX_DEPTH}")
            return None
        read = [
            self.condition(each, f"{place}[{index}]", depth + 1) for index, each in enumerate(inner)
        ]
        good = tuple(each for each in read if each is not None)
        return Group(cast("Mode", mode), good) if len(good) == len(read) else None

    def _leaf(self, value: Mapping[str, Any], path: str) -> Leaf | None:
        self.leaves += 1
        field = value.get("field")
        operators = [key for key in value if key != "field"]
        if not isinstance(field, str) or not field:
            what = found(field) if "field" in value else "half-filled: the key field is missing"
            self._problems.add(path, f"{what}; a condition is written {EXAMPLE}")
            return None
        if not operators:
            self._problems.add(
                path,
                f"half-filled: it names {field} and no operator; there is {listed(OPERATORS)}",
            )
            return None
        if len(operators) > 1:
            self._problems.add(
                path,
                f"has the operators {listed(map(str, operators))}; a condition has one, "
                "several stand in a group {all: [...]}",
            )
            return None
        return self._compared(field, str(operators[0]), value[operators[0]], path)

    def _compared(self, field: str, name: str, value: object, path: str) -> Leaf | None:
        place = f"{path}.{name}"
        operator = OPERATORS.get(name)
        if operator is None:
            self._problems.add(place, unknown("the operator", name, OPERATORS))
            return None
        problem = _misshapen(operator, value)
        if problem:
            self._problems.add(place, problem)
            return None
        return Leaf(field, name, tuple(value) if isinstance(value, list) else value)


def _misshapen(operator: Operator, value: object) -> str | None:
    """What is wrong with the shape of an operand; its type depends on the field."""
    if operator.shape == "flag":
        return None if isinstance(value, bool) else f"{found(value)}; true or false is expected"
    if value is None:
        return (
            f"half-filled: {operator.name} has nothing to compare with; "
            "whether a field has a value is asked by `is_empty: true` (or false)"
        )
    if operator.shape == "many":
        return _misshapen_list(value)
    if isinstance(value, list | Mapping):
        several = f"; several values are for {'not_in' if 'not' in operator.name else 'in'}"
        return f"{found(value)}; one value is expected{several}"
    return _too_long(value)


def _misshapen_list(value: object) -> str | None:
    if not isinstance(value, list) or not value:
        return f"{found(value)}; a list of at least one value is expected"
    if len(value) > MAX_VALUES:
        return f"lists {len(value)} values; {MAX_VALUES} are allowed"
    for index, each in enumerate(value):
        if each is None or isinstance(each, list | Mapping):
            return f"value {index + 1}: {found(each)}; a plain value is expected"
        problem = _too_long(each)
        if problem:
            return f"value {index + 1}: {problem}"
    return None


def _too_long(value: object) -> str | None:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"a text of {len(value)} characters; {MAX_TEXT} are allowed"
    return None
