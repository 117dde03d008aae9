"""Which sides of an event conditions look at, and whether there can be one.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.problems import Problems
from workflow_service.language.operators import OPERATORS
from workflow_service.language.workflow import Condition, Group, Items, Leaf, Not, OtherField

#: The side that events of an operation do not have.
_WITHOUT = {"after": "deleted", "before": "created"}


def looks(condition: Condition, path: str) -> Iterator[tuple[str, str]]:
    """Every field that a condition looks at, as `(place in the manifest, field)`.

    A field that both sides of are looked at is named `changed`.
    """
    match condition:
        case Group():
            for index, each in enumerate(condition.of):
                yield from looks(each, f"{path}.{condition.mode}[{index}]")
        case Not():
            yield from looks(condition.of, f"{path}.not")
        case Items():
            yield f"{path}.field", condition.field
            yield from looks(condition.of, f"{path}.{condition.quantifier}")
        case Leaf():
            yield from _of_leaf(condition, path)


def _of_leaf(leaf: Leaf, path: str) -> Iterator[tuple[str, str]]:
    if OPERATORS[leaf.operator].of_change:
        yield f"{path}.{leaf.operator}", "changed"
        return
    yield f"{path}.field", leaf.field
    place = f"{path}.{leaf.operator}"
    if isinstance(leaf.value, OtherField):
        yield f"{place}.field", leaf.value.path
    elif isinstance(leaf.value, tuple):
        for index, each in enumerate(leaf.value):
            if isinstance(each, OtherField):
                yield f"{place}[{index}].field", each.path


def never_problems(
    condition: Condition, on: tuple[str, ...], problems: Problems, path: str
) -> None:
    """Report conditions on a record that the workflow's operations never have."""
    for place, field in looks(condition, path):
        side = field.partition(".")[0]
        without = _WITHOUT.get(side)
        if on == (without,):
            problems.add(
                place,
                f"an event of a record that was {without} has no record {side}, so this could "
                f"never hold; write {'before' if side == 'after' else 'after'}",
            )
