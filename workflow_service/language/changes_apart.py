"""Can some comparisons of the `changed` family all come out as wanted?

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from workflow_service.language.leaf import CompiledLeaf
from workflow_service.language.literals import Literal


def no_such_change(literals: Sequence[Literal]) -> bool:
    """Whether there is certainly no change of some field of which all is true."""
    by_field: dict[str, list[Literal]] = {}
    for literal in literals:
        if literal.leaf.operator.of_change:
            by_field.setdefault(literal.leaf.field.path, []).append(literal)
    return any(map(_impossible, by_field.values()))


def _impossible(literals: list[Literal]) -> bool:
    """Of one field."""
    asked = {
        literal.wanted is literal.leaf.leaf.value
        for literal in literals
        if literal.leaf.operator.name == "changed"
    }
    held = [literal.leaf for literal in literals if literal.wanted]
    names = {leaf.operator.name for leaf in held}
    if len(asked) > 1 or {"increased_by", "decreased_by"} <= names:
        return True
    return (False in asked and bool(names - {"changed"})) or _stays(held)


def _stays(held: list[CompiledLeaf]) -> bool:
    """Whether the one value that it was before is the one that it is to be after."""
    plain = [leaf for leaf in held if leaf.slot is not None and not leaf.leaf.ignore_case]
    was = [leaf.operand for leaf in plain if leaf.operator.name == "changed_from"]
    is_now = [leaf.operand for leaf in plain if leaf.operator.name == "changed_to"]
    return any(len(old) == 1 and old == new for old in was for new in is_now)
