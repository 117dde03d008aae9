"""Whether a workflow fires, in one function of the event: what `CompiledWorkflow.matches` says, faster.

Pure.  The plain comparisons that most workflows consist of are written out one after the other, and
the first that is not true ends it; for everything else the condition's own `decide` is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeGuard

from schemas.records import Event
from workflow_service.compiled import CompiledWorkflow
from workflow_service.conditions import CompiledGroup
from workflow_service.inline import Pattern, can_read
from workflow_service.kinds import Slot, nfc
from workflow_service.leaf import Compiled, CompiledLeaf
from workflow_service.operands import is_dynamic
from workflow_service.operators import SCALAR

#: The comparisons that are written out, as Python writes them.
TESTS: Mapping[str, str] = {
    "equals": "{v} == {x}",
    "not_equals": "{v} != {x}",
    "greater_than": "{v} > {x}",
    "at_least": "{v} >= {x}",
    "less_than": "{v} < {x}",
    "at_most": "{v} <= {x}",
    "between": "{x} <= {v} <= {y}",
    "in": "{v} in {x}",
    "not_in": "{v} not in {x}",
    "contains": "{x} in {v}",
    "not_contains": "{x} not in {v}",
    "starts_with": "{v}.startswith({x})",
    "ends_with": "{v}.endswith({x})",
}

#: These are false for certain where the event does not name the field among those that changed.
ALL_CHANGED = frozenset({"changed", "changed_from", "changed_to"})


def judge_of(compiled: CompiledWorkflow) -> Callable[[Event], bool]:
    """What says of an event that the workflow takes whether it fires."""
    if compiled.entering:
        return compiled.matches
    pattern = Pattern("False")
    if compiled.sources is not None:
        pattern.line(f"if event.source not in {pattern.constant(compiled.sources)}: return False")
    leaves = [] if compiled.condition is None else list(_conjuncts(compiled.condition))
    leaves.sort(key=lambda each: not _is_plain(each))
    if compiled.watched:
        asked = [f"{pattern.constant(changed)}(event)" for _, changed in compiled.watched]
        if len(asked) == 1:
            top = compiled.watched[0][0].partition(".")[0]
            pattern.line(f"if {pattern.constant(top)} not in event.changed_fields: return False")
        pattern.line(f"if not ({' or '.join(asked)}): return False")
    for leaf in leaves:
        _ask(pattern, leaf)
    pattern.line("return True")
    return pattern.function()


def _ask(pattern: Pattern, condition: Compiled) -> None:
    """Return if a condition is not true."""
    if _is_plain(condition):
        _compare(pattern, condition)
        return
    if isinstance(condition, CompiledLeaf):
        _shorten(pattern, condition)
    pattern.line(f"if {pattern.constant(condition.decide)}(event) is not True: return False")


def _shorten(pattern: Pattern, leaf: CompiledLeaf) -> None:
    """Return at once where a comparison cannot be true, before it is asked what it is."""
    operator, slot = leaf.leaf.operator, leaf.slot
    if operator in ALL_CHANGED and leaf.leaf.value is not False:
        pattern.line(f"if {pattern.constant(leaf.field.keys[0])} not in event.changed_fields:")
        pattern.line("    return False")
        if operator == "changed_to" and _is_readable(leaf):
            _read(pattern, leaf)
            pattern.line(f"if v not in {pattern.constant(leaf.operand)}: return False")
    elif operator == "contains" and _is_of_texts(slot) and isinstance(leaf.operand, str):
        pattern.read(leaf.field)
        operand = pattern.constant(leaf.operand)
        pattern.line(f"if {operand} not in v and ''.join(v).isascii(): return False")


def _is_of_texts(slot: Slot | None) -> bool:
    """A list of texts in which case counts."""
    return slot is not None and slot.kind == "elements" and slot.taken.normalise is nfc


def _conjuncts(condition: Compiled) -> Iterator[Compiled]:
    """The conditions that must all be true, those of groups in groups too."""
    if isinstance(condition, CompiledGroup) and condition.mode == "all":
        for each in condition.of:
            yield from _conjuncts(each)
    else:
        yield condition


def _is_plain(condition: Compiled) -> TypeGuard[CompiledLeaf]:
    """Whether a comparison can be written out."""
    if not isinstance(condition, CompiledLeaf) or condition.leaf.operator not in TESTS:
        return False
    operand = condition.operand
    parts = operand if isinstance(operand, tuple) else (operand,)
    return _is_readable(condition) and not any(map(is_dynamic, parts))


def _is_readable(leaf: CompiledLeaf) -> bool:
    """Whether the value that a comparison looks at is had by plain steps."""
    slot = leaf.slot
    return (
        slot is not None
        and slot.kind in SCALAR
        and slot.normalise in (None, nfc)
        and can_read(leaf.field)
    )


def _read(pattern: Pattern, leaf: CompiledLeaf) -> None:
    """Put the value as it is compared into `v`; return if it is null."""
    pattern.read(leaf.field)
    if leaf.slot is not None and leaf.slot.normalise is nfc:
        pattern.line("if not v.isascii(): v = nfc(v)")


def _compare(pattern: Pattern, leaf: CompiledLeaf) -> None:
    _read(pattern, leaf)
    low, high = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand, None)
    x = pattern.constant(low)
    y = pattern.constant(high) if isinstance(leaf.operand, tuple) else ""
    pattern.line(f"if not ({TESTS[leaf.leaf.operator].format(v='v', x=x, y=y)}): return False")
