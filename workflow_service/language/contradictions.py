"""Can some comparisons all come out as wanted?  Sets and intervals of the values of each field.

Pure.  The answer is "no" only when that is certain: an operator that is not understood here excludes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from schemas.types import ScalarType
from workflow_service.language.changes_apart import no_such_change
from workflow_service.language.leaf import CompiledLeaf, Dynamic
from workflow_service.language.literals import Elements, Literal, Node
from workflow_service.language.operators import OPERATORS, Kind, test_of
from workflow_service.language.workflow import Counted, Value

#: Operators of which one is true exactly of the values (not null) that the other is false of.
_OPPOSED = (
    ("equals", "not_equals"),
    ("in", "not_in"),
    ("greater_than", "at_most"),
    ("at_least", "less_than"),
    ("contains", "not_contains"),
)
OPPOSITES = dict(_OPPOSED) | {second: first for first, second in _OPPOSED}
#: Operators that say where an interval begins or ends, and whether the bound belongs to it.
_LOWS = {"greater_than": False, "at_least": True}
_HIGHS = {"less_than": False, "at_most": True}
#: The empty value of a class, normalised.
_EMPTY: Mapping[type, Value] = {str: "", list: ()}
#: More nodes than this are not compared each with each.
_MANY = 60
#: A field's path, whether case is ignored, and whether its number of elements is meant.
Key = tuple[str, bool, bool]


@dataclass(frozen=True, slots=True)
class Demand:
    """What one comparison asks of a value that is not null.

    Attributes:
        wanted: Whether the operator is to hold.
        operands: The operand by the class of value that it fits.
        among: All values that there can be; empty if there is no end of them.
    """

    name: str
    wanted: bool
    operands: Mapping[type, Value]
    kind: Kind = "text"
    among: tuple[Value, ...] = ()


def contradictory(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The fewest of some nodes that can certainly not all be as wanted; none if they may be."""
    if len(nodes) <= _MANY:
        for size in (1, 2):
            for few in combinations(nodes, size):
                if _impossible(few):
                    return few
    return tuple(nodes) if _impossible(nodes) else ()


def _impossible(nodes: Sequence[Node]) -> bool:
    demands: dict[Key, list[Demand]] = {}
    emptiness: dict[str, set[bool]] = {}
    for node in nodes:
        if isinstance(node, Literal) and node.leaf.operator.name == "is_empty":
            empty = node.wanted is node.leaf.leaf.value
            emptiness.setdefault(node.leaf.field.path, set()).add(empty)
        for key, demand in _demands(node):
            demands.setdefault(key, []).append(demand)
    if any(len(asked) > 1 for asked in emptiness.values()):
        return True
    if any(_nothing_fits(each, emptiness.get(key[0], set()), key) for key, each in demands.items()):
        return True
    return no_such_change([node for node in nodes if isinstance(node, Literal)])


def _demands(node: Node) -> Iterator[tuple[Key, Demand]]:
    if isinstance(node, Elements):
        if node.wanted and node.items.items.quantifier == "any_item":
            key = (node.items.field.path, False, True)
            yield key, Demand("at_least", wanted=True, operands={int: 1})
    elif isinstance(node, Literal):
        yield from _of_leaf(node.leaf, wanted=node.wanted)


def _of_leaf(leaf: CompiledLeaf, *, wanted: bool) -> Iterator[tuple[Key, Demand]]:
    name, path, fold = leaf.operator.name, leaf.field.path, leaf.leaf.ignore_case
    if name == "count":
        counted: Counted = leaf.leaf.value
        name, holds = _turned(counted.operator, wanted=wanted)
        yield (path, False, True), Demand(name, holds, {int: leaf.operand})
    elif name in ("changed_from", "changed_to"):
        if wanted:
            side = "before" if name == "changed_from" else "after"
            key = (f"{side}.{path.partition('.')[2]}", fold, False)
            yield key, Demand("in", wanted=True, operands=_operands(leaf))
    elif name != "is_empty" and not leaf.operator.of_change:
        name, holds = _turned(name, wanted=wanted)
        kind = "text" if leaf.slot is None else leaf.slot.kind
        yield (path, fold, False), Demand(name, holds, _operands(leaf), kind, _symbols(leaf))


def _turned(name: str, *, wanted: bool) -> tuple[str, bool]:
    """An operator that is to hold, if there is one, or one that is not to."""
    opposite = OPPOSITES.get(name)
    return (name, wanted) if wanted or opposite is None else (opposite, True)


def _operands(leaf: CompiledLeaf) -> Mapping[type, Value]:
    return leaf.operand if leaf.slot is None else {leaf.slot.python: leaf.operand}


def _symbols(leaf: CompiledLeaf) -> tuple[Value, ...]:
    type_ = leaf.field.type
    if not isinstance(type_, ScalarType):
        return ()
    return (True, False) if type_.kind == "bool" else type_.symbols


def _nothing_fits(demands: list[Demand], emptiness: set[bool], key: Key) -> bool:
    """Whether there is certainly no value (not null) of which all is true."""
    if key[2]:  # a number of elements
        bounds = [Demand("at_least", wanted=True, operands={int: 0})]
        bounds += [
            Demand(
                "equals" if empty else "at_least", wanted=True, operands={int: 0 if empty else 1}
            )
            for empty in emptiness
        ]
        return _none_of(int, [*demands, *bounds], set())
    classes = set.intersection(*(set(each.operands) for each in demands))
    return all(_none_of(python, demands, emptiness) for python in classes)


def _none_of(python: type, demands: list[Demand], emptiness: set[bool]) -> bool:
    """Whether there is certainly no such value of a class."""
    if _opposed(python, demands):
        return True
    static = [each for each in demands if not _dynamic(each.operands[python])]
    candidates = _candidates(python, static, emptiness)
    if candidates is None:
        return _apart(python, static)
    tests = [
        (test_of(OPERATORS[each.name], each.kind, each.operands[python]), each.wanted)
        for each in static
    ]
    for empty in emptiness:
        candidates = [each for each in candidates if (each in ("", ())) is empty]
    return not any(all(test(value) is wanted for test, wanted in tests) for value in candidates)


def _opposed(python: type, demands: list[Demand]) -> bool:
    """Whether one is to hold of the same operand that another is not to hold of."""
    asked = {(each.name, each.wanted, _identity(each.operands[python])) for each in demands}
    return any(
        (name, not wanted, operand) in asked
        or (wanted and (OPPOSITES.get(name), True, operand) in asked)
        for name, wanted, operand in asked
    )


def _identity(operand: Value) -> Value:
    """What two operands that are always the same have in common."""
    if isinstance(operand, Dynamic):
        return operand.source
    return tuple(map(_identity, operand)) if isinstance(operand, tuple) else operand


def _dynamic(operand: Value) -> bool:
    parts = operand if isinstance(operand, tuple) else (operand,)
    return any(isinstance(part, Dynamic) for part in parts)


def _candidates(python: type, demands: list[Demand], emptiness: set[bool]) -> list[Value] | None:
    """All values that there can be, if there is an end of them."""
    found: list[list[Value]] = [list(each.among) for each in demands if each.among]
    for each in demands:
        if each.wanted and each.name in ("equals", "in"):
            operand = each.operands[python]
            found.append(list(operand) if each.name == "in" else [operand])
    if True in emptiness:
        found.append([_EMPTY[python]] if python in _EMPTY else [])
    if found:
        return min(found, key=len)
    low, high = _bounds(python, demands)
    return [low[0]] if low and high and low == high and low[1] else None


def _bounds(
    python: type, demands: list[Demand]
) -> tuple[tuple[Any, bool] | None, tuple[Any, bool] | None]:
    """The highest low bound and the lowest high one, each with whether it belongs to the interval."""
    low: tuple[Any, bool] | None = None
    high: tuple[Any, bool] | None = None
    for name, operand in _one_by_one(python, demands):
        if name in _LOWS:
            bound = _whole(python, operand, _LOWS[name], 1)
            if low is None or (bound[0], not bound[1]) > (low[0], not low[1]):
                low = bound
        elif name in _HIGHS:
            bound = _whole(python, operand, _HIGHS[name], -1)
            if high is None or (bound[0], bound[1]) < (high[0], high[1]):
                high = bound
    return low, high


def _one_by_one(python: type, demands: list[Demand]) -> Iterator[tuple[str, Value]]:
    """The bounds that are to hold, those of `between` one by one."""
    for each in demands:
        operand = each.operands[python]
        if each.wanted and each.name == "between":
            yield "at_least", operand[0]
            yield "at_most", operand[1]
        elif each.wanted:
            yield each.name, operand


def _whole(python: type, bound: Any, included: bool, step: int) -> tuple[Any, bool]:  # noqa: FBT001
    """The bound itself among whole numbers and days: above 5 is at least 6."""
    try:
        if not included and python is int:
            return bound + step, True
        if not included and python is date:
            return bound + timedelta(days=step), True
    except OverflowError:
        pass
    return bound, included


def _apart(python: type, demands: list[Demand]) -> bool:
    """Whether intervals, beginnings or ends of texts have nothing in common."""
    low, high = _bounds(python, demands)
    if low and high and (low[0] > high[0] or (low[0] == high[0] and not (low[1] and high[1]))):
        return True
    if python is not str:
        return False
    return any(
        _no_common_text(
            [op for wanted, op in _parts(demands, name) if wanted], end=name == "ends_with"
        )
        for name in ("starts_with", "ends_with")
    )


def _parts(demands: list[Demand], name: str) -> list[tuple[bool, str]]:
    return [(each.wanted, each.operands[str]) for each in demands if each.name == name]


def _no_common_text(parts: list[str], *, end: bool) -> bool:
    """Whether no text begins (or ends) with all of these."""
    longest = max(parts, key=len, default="")
    return not all(longest.endswith(each) if end else longest.startswith(each) for each in parts)
