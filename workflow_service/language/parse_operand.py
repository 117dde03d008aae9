"""What stands behind an operator in a manifest → an operand, or what is wrong with its shape.

Pure.  Its type depends on the field, so `workflow_service.language.kinds` looks at that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.problems import Problems
from schemas.wording import found, listed, shown, unknown
from workflow_service.language.operators import COUNTERS, OPERATORS, Operator, Shape
from workflow_service.language.relative import relative_of
from workflow_service.language.workflow import (
    MAX_TEXT,
    MAX_VALUES,
    Counted,
    OtherField,
    Value,
)

_FIELD = "{field: before.lead_value}"


class _Misshapen(Exception):  # noqa: N818 - not an error of ours: a problem on its way
    """An operand has another shape than its operator takes."""

    def __init__(self, message: str, below: str = "") -> None:
        """`below` is where in the operand it is wrong."""
        super().__init__(message)
        self.below = below


def operand_of(operator: Operator, value: object, path: str, problems: Problems) -> Value:
    """The operand written at a path; None if it has problems, which were added."""
    try:
        return _READ[operator.shape](operator, value)
    except _Misshapen as problem:
        problems.add(path + problem.below, str(problem))
        return None


def _flag(_: Operator, value: object) -> Value:
    if not isinstance(value, bool):
        raise _Misshapen(f"{found(value)}; true or false is expected")
    return value


def _one(operator: Operator, value: object) -> Value:
    if isinstance(value, list):
        several = "not_in" if "not" in operator.name else "in"
        raise _Misshapen(f"{found(value)}; one value is expected; several values are for {several}")
    return _single(operator, value)


def _single(operator: Operator, value: object, below: str = "") -> Value:
    """A plain value, another field or a relative date."""
    if value is None:
        raise _Misshapen(
            f"half-filled: {operator.name} has nothing to compare with; "
            "whether a field has a value is asked by `is_empty: true` (or false)",
            below,
        )
    if isinstance(value, Mapping):
        return _other_field(operator, value, below)
    if isinstance(value, list):
        raise _Misshapen(f"{found(value)}; a plain value is expected", below)
    if not isinstance(value, str):
        if isinstance(value, int) and value.bit_length() > MAX_TEXT:
            raise _Misshapen(f"{found(value)}; no field holds such a number", below)
        return value
    if len(value) > MAX_TEXT:
        raise _Misshapen(f"a text of {len(value)} characters; {MAX_TEXT} are allowed", below)
    relative = relative_of(value) if operator.relative or operator.of_change else None
    return value if relative is None else relative


def _other_field(operator: Operator, value: Mapping[str, Any], below: str) -> OtherField:
    if not operator.fields:
        taking = listed(row.name for row in OPERATORS.values() if row.fields)
        raise _Misshapen(
            f"{found(value)}; {operator.name} takes plain values; fields are compared by {taking}",
            below,
        )
    if set(value) != {"field"}:
        raise _Misshapen(
            f"{found(value)}; one value is expected, or another field, written {_FIELD}", below
        )
    path = value["field"]
    if not isinstance(path, str) or not path:
        raise _Misshapen(f"{found(path)}; the name of a field is expected", f"{below}.field")
    return OtherField(path)


def _many(operator: Operator, value: object) -> Value:
    if not isinstance(value, list) or not value:
        raise _Misshapen(f"{found(value)}; a list of at least one value is expected")
    if len(value) > MAX_VALUES:
        raise _Misshapen(f"lists {len(value)} values; {MAX_VALUES} are allowed")
    return tuple(_single(operator, each, f"[{index}]") for index, each in enumerate(value))


def _one_or_many(operator: Operator, value: object) -> Value:
    return _many(operator, value) if isinstance(value, list) else _single(operator, value)


def _pair(operator: Operator, value: object) -> Value:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a pair is two
        raise _Misshapen(f"{found(value)}; two values are expected, [low, high]")
    return tuple(_single(operator, each, f"[{index}]") for index, each in enumerate(value))


def _pattern(_: Operator, value: object) -> Value:
    if not isinstance(value, str):
        raise _Misshapen(f"{found(value)}; a regular expression is expected")
    return value


def _amount(operator: Operator, value: object) -> Value:
    if isinstance(value, list | Mapping) or value is None or isinstance(value, bool):
        raise _Misshapen(
            f'{found(value)}; {operator.name} takes an amount: 100, a share: "10%", or for dates '
            "a span: 7d"
        )
    return _single(operator, value)


def _count(_: Operator, value: object) -> Value:
    expected = "a comparison of the number of elements is expected, as {at_least: 2}"
    if not isinstance(value, Mapping) or len(value) != 1:
        hint = f"; write {{equals: {shown(value)}}}" if type(value) is int else ""
        raise _Misshapen(f"{found(value)}; {expected}{hint}")
    name, wanted = next(iter(value.items()))
    if name not in COUNTERS:
        raise _Misshapen(
            f"{unknown('the operator', name, COUNTERS)} for the number of elements", f".{name}"
        )
    inner = OPERATORS[name]
    numbers = wanted if inner.shape in ("many", "pair") and isinstance(wanted, list) else [wanted]
    for index, each in enumerate(numbers):
        if isinstance(each, bool) or not isinstance(each, int):
            place = f".{name}[{index}]" if isinstance(wanted, list) else f".{name}"
            raise _Misshapen(f"{found(each)}; a whole number is expected", place)
    try:
        return Counted(str(name), _READ[inner.shape](inner, wanted))
    except _Misshapen as problem:
        raise _Misshapen(str(problem), f".{name}{problem.below}") from None


_READ: Mapping[Shape, Callable[[Operator, object], Value]] = {
    "flag": _flag,
    "one": _one,
    "many": _many,
    "one_or_many": _one_or_many,
    "pair": _pair,
    "pattern": _pattern,
    "amount": _amount,
    "count": _count,
}
