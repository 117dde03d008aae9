"""The operators of conditions: for which kinds of value each is there, and what it decides.

Pure.  One table says it all: an operator is a row, and what a message lists as allowed is read
from it.  Tests see values as `schemas.paths` normalised them and never see null, except
that of `is_empty`: null makes every other verdict unknown (docs/semantics.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from workflow_service.workflow import Value

#: What a field's value is, as far as operators care: `elements` is a list of plain values,
#: `addresses` e-mails or telephone numbers with labels, `opaque` whatever only has emptiness.
Kind = Literal[
    "text",
    "number",
    "bool",
    "date",
    "datetime",
    "enum",
    "uuid",
    "elements",
    "addresses",
    "opaque",
]
Shape = Literal["one", "many", "flag"]
Test = Callable[[Any], bool]

ORDERED: frozenset[Kind] = frozenset({"number", "date", "datetime"})
SCALAR: frozenset[Kind] = ORDERED | {"text", "bool", "enum", "uuid"}
SEARCHED: frozenset[Kind] = frozenset({"text", "elements", "addresses"})
EVERY: frozenset[Kind] = SCALAR | SEARCHED | {"opaque"}


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table.

    Attributes:
        kinds: The kinds of value it is there for.
        shape: What stands behind it: one value, a list of them, or true/false.
        test: Given the operand, the test of an actual value.
        words: What it says in an explanation: "is at least".
        contradicted: The same where it does not hold: "is less than".
    """

    name: str
    kinds: frozenset[Kind]
    shape: Shape
    test: Callable[[Any], Test]
    words: str
    contradicted: str


def _contains(operand: Value) -> Test:
    """Part of a text, an element of a list; for addresses part of any (see `_in_address`)."""
    return lambda actual: operand in actual


def _in_address(operand: Value) -> Test:
    """Part of any address: `gmail.com` is in `ada@gmail.com`."""
    return lambda actual: any(operand in address for address in actual)


def _is_empty(operand: Value) -> Test:
    """Null, an empty text, list, record or map; 0 and false are values."""
    return lambda actual: (actual is None or actual in ("", (), [], {})) is operand


def _is(operand: Value) -> Test:
    """The actual is a truth value already."""
    return lambda actual: actual is operand


_ROWS = (
    Operator("equals", SCALAR, "one", lambda x: lambda a: a == x, "equals", "does not equal"),
    Operator("not_equals", SCALAR, "one", lambda x: lambda a: a != x, "does not equal", "equals"),
    Operator(
        "greater_than",
        ORDERED,
        "one",
        lambda x: lambda a: a > x,
        "is greater than",
        "is not greater than",
    ),
    Operator("at_least", ORDERED, "one", lambda x: lambda a: a >= x, "is at least", "is less than"),
    Operator(
        "less_than", ORDERED, "one", lambda x: lambda a: a < x, "is less than", "is not less than"
    ),
    Operator(
        "at_most", ORDERED, "one", lambda x: lambda a: a <= x, "is at most", "is greater than"
    ),
    Operator("contains", SEARCHED, "one", _contains, "contains", "does not contain"),
    Operator(
        "not_contains",
        SEARCHED,
        "one",
        lambda x: lambda a: x not in a,
        "does not contain",
        "contains",
    ),
    Operator("in", SCALAR, "many", lambda x: lambda a: a in x, "is one of", "is none of"),
    Operator("not_in", SCALAR, "many", lambda x: lambda a: a not in x, "is none of", "is one of"),
    Operator("is_empty", EVERY, "flag", _is_empty, "is empty:", "is not empty:"),
    Operator("changed", EVERY, "flag", _is, "changed:", "did not change:"),
)
OPERATORS: dict[str, Operator] = {row.name: row for row in _ROWS}


def test_of(operator: Operator, kind: Kind, operand: Value) -> Test:
    """The test that an operator makes for a kind of value and an operand."""
    if kind == "addresses" and operator.name == "contains":
        return _in_address(operand)
    if kind == "addresses" and operator.name == "not_contains":
        found = _in_address(operand)
        return lambda actual: not found(actual)
    return operator.test(operand)


def operators_for(kind: Kind) -> tuple[str, ...]:
    """The operators that are there for a kind of value, in the table's order."""
    return tuple(row.name for row in _ROWS if kind in row.kinds)
