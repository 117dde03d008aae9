"""The operators of conditions: for which kinds of value each is there, and what it decides.

Pure.  One table says it all: an operator is a row, and what a message lists as allowed is read
from it.  Tests see values as `workflow_service.language.kinds` normalised them and never see null, except
that of `is_empty`: null makes every other verdict unknown (docs/semantics.md).
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from workflow_service.language.workflow import QUANTIFIERS, Value

#: What a field's value is, as far as operators care: `elements` is a list of plain values,
#: `addresses` e-mails or telephone numbers with labels, `records` a list of anything else,
#: `opaque` whatever only has emptiness.
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
    "records",
    "opaque",
]
#: What stands behind an operator.
Shape = Literal["one", "many", "one_or_many", "pair", "flag", "pattern", "amount", "count"]
Test = Callable[[Any], bool]

ORDERED: frozenset[Kind] = frozenset({"number", "date", "datetime"})
SCALAR: frozenset[Kind] = ORDERED | {"text", "bool", "enum", "uuid"}
SPELLED: frozenset[Kind] = frozenset({"text", "addresses"})
SEARCHED: frozenset[Kind] = SPELLED | {"elements"}
LISTS: frozenset[Kind] = frozenset({"elements", "addresses", "records"})
EVERY: frozenset[Kind] = SCALAR | LISTS | {"opaque"}


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table.

    Attributes:
        kinds: The kinds of value it is there for.
        shape: What stands behind it.
        test: Given the operand, the test of an actual value.
        words: What it says in an explanation: "is at least".
        contradicted: The same where it does not hold: "is less than".
        fields: It takes another field to compare with.
        relative: It takes days and instants relative to the event.
        folds: It takes `ignore_case`.
    """

    name: str
    kinds: frozenset[Kind]
    shape: Shape
    test: Callable[[Any], Test]
    words: str
    contradicted: str
    fields: bool = False
    relative: bool = False
    folds: bool = False

    @property
    def of_change(self) -> bool:
        """It looks at both sides of the event."""
        return self.name in CHANGES


def _between(operand: Value) -> Test:
    low, high = operand
    return lambda actual: low <= actual <= high


def _not_in(operand: Value) -> Test:
    return lambda actual: actual not in operand


def _contains(operand: Value) -> Test:
    """Part of a text, an element of a list."""
    return lambda actual: operand in actual


def _not_contains(operand: Value) -> Test:
    return lambda actual: operand not in actual


def _starts_with(operand: Value) -> Test:
    return lambda actual: actual.startswith(operand)


def _ends_with(operand: Value) -> Test:
    return lambda actual: actual.endswith(operand)


def _matches(operand: Value) -> Test:
    """The operand is an expression's search already."""
    search: Test = operand
    return search


def _is_empty(operand: Value) -> Test:
    """Null, an empty text, list, record or map; 0 and false are values."""
    return lambda actual: (actual is None or actual in ("", (), [], {})) is operand


def _is(operand: Value) -> Test:
    """The actual is a truth value already."""
    return lambda actual: actual is operand


def _compared(name: str, words: str, contradicted: str, kinds: frozenset[Kind]) -> Operator:
    """An operator that Python has; `x < actual` is `actual > x`, so the operand can stand first."""
    test = partial(partial, TURNED[name])
    folds = name in ("equals", "not_equals")
    return Operator(
        name, kinds, "one", test, words, contradicted, fields=True, relative=True, folds=folds
    )


#: What Python calls an operator, with the operand first.
TURNED: dict[str, Callable[[Any, Any], bool]] = {
    "equals": python.eq,
    "not_equals": python.ne,
    "greater_than": python.lt,
    "at_least": python.le,
    "less_than": python.gt,
    "at_most": python.ge,
}


def _part(
    name: str,
    test: Callable[[Any], Test],
    words: str,
    contradicted: str,
    kinds: frozenset[Kind] = SPELLED,
) -> Operator:
    """An operator on parts of texts."""
    return Operator(
        name, kinds, "one", test, words, contradicted, fields=True, relative=True, folds=True
    )


_ROWS = (
    _compared("equals", "equals", "does not equal", SCALAR),
    _compared("not_equals", "does not equal", "equals", SCALAR),
    _compared("greater_than", "is greater than", "is not greater than", ORDERED),
    _compared("at_least", "is at least", "is less than", ORDERED),
    _compared("less_than", "is less than", "is not less than", ORDERED),
    _compared("at_most", "is at most", "is greater than", ORDERED),
    Operator(
        "between",
        ORDERED,
        "pair",
        _between,
        "is between",
        "is not between",
        fields=True,
        relative=True,
    ),
    Operator(
        "in",
        SCALAR,
        "many",
        python.attrgetter("__contains__"),
        "is one of",
        "is none of",
        relative=True,
        folds=True,
    ),
    Operator(
        "not_in", SCALAR, "many", _not_in, "is none of", "is one of", relative=True, folds=True
    ),
    _part("contains", _contains, "contains", "does not contain", SEARCHED),
    _part("not_contains", _not_contains, "does not contain", "contains", SEARCHED),
    _part("starts_with", _starts_with, "starts with", "does not start with"),
    _part("ends_with", _ends_with, "ends with", "does not end with"),
    Operator("matches", SPELLED, "pattern", _matches, "matches", "does not match", folds=True),
    Operator("is_empty", EVERY, "flag", _is_empty, "is empty:", "is not empty:"),
    Operator("count", LISTS, "count", _is, "has a count of", "does not have a count of"),
    Operator("changed", EVERY, "flag", _is, "changed:", "did not change:"),
    Operator(
        "changed_from",
        SCALAR,
        "one_or_many",
        python.attrgetter("__contains__"),
        "changed from",
        "did not change from",
        folds=True,
    ),
    Operator(
        "changed_to",
        SCALAR,
        "one_or_many",
        python.attrgetter("__contains__"),
        "changed to",
        "did not change to",
        folds=True,
    ),
    Operator("increased_by", ORDERED, "amount", _is, "rose by at least", "did not rise by"),
    Operator("decreased_by", ORDERED, "amount", _is, "fell by at least", "did not fall by"),
)
OPERATORS: dict[str, Operator] = {row.name: row for row in _ROWS}
#: The family that looks at both sides of the event.
CHANGES = ("changed", "changed_from", "changed_to", "increased_by", "decreased_by")
#: What the number of elements may be compared by.
COUNTERS = (
    "equals",
    "not_equals",
    "greater_than",
    "at_least",
    "less_than",
    "at_most",
    "between",
    "in",
    "not_in",
)


def test_of(operator: Operator, kind: Kind, operand: Value) -> Test:
    """The test that an operator makes for a kind of value and an operand."""
    if kind != "addresses":
        return operator.test(operand)
    if operator.name == "not_contains":
        found = _contains(operand)
        return lambda actual: not any(map(found, actual))
    test = operator.test(operand)
    return lambda actual: any(map(test, actual))


def operators_for(kind: Kind) -> tuple[str, ...]:
    """The operators that are there for a kind of value, in the table's order."""
    names = tuple(row.name for row in _ROWS if kind in row.kinds)
    return names + QUANTIFIERS if kind in LISTS else names
