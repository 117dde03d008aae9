"""Whether a workflow fires, in one function of the event: what `CompiledWorkflow.matches` says, faster.

Pure.  The plain comparisons that most workflows consist of are written out one after the other, and
the first that is not true ends it; for everything else the condition's own `decide` is asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import TypeGuard

from schemas.paths import Field
from schemas.records import Event
from workflow_service.language.change import same
from workflow_service.language.compiled import CompiledWorkflow, Watched
from workflow_service.language.conditions import CompiledGroup, CompiledNot
from workflow_service.language.kinds import Slot, nfc, slots_of
from workflow_service.language.leaf import Compiled, CompiledLeaf, Decide, Dynamic
from workflow_service.language.operands import is_dynamic
from workflow_service.language.operators import ORDERED, SCALAR
from workflow_service.matching.hinting import SOURCES
from workflow_service.matching.inline import Pattern, can_read

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


def judge_of(
    compiled: CompiledWorkflow, decided: Container[int] = ()
) -> Callable[[Event], bool] | None:
    """What says of an event that the workflow takes whether it fires; None: it does.

    Args:
        decided: The ids of conditions, or of `SOURCES`, that are known to hold.
    """
    if compiled.entering:
        return compiled.matches
    pattern = Pattern("return False")
    if compiled.sources is not None and id(SOURCES) not in decided:
        pattern.escape(f"event.source not in {pattern.constant(compiled.sources)}")
    leaves = [] if compiled.condition is None else list(_conjuncts(compiled.condition))
    leaves = [each for each in leaves if id(each) not in decided]
    if not leaves and not compiled.watched and pattern.is_empty:
        return None
    for leaf in filter(_is_written_out, leaves):
        _ask(pattern, leaf)
    if compiled.watched:
        _ask_changes(pattern, compiled.watched)
    for leaf in itertools.filterfalse(_is_written_out, leaves):
        _ask(pattern, leaf)
    pattern.line("return True")
    return pattern.function()


def _is_written_out(condition: Compiled) -> bool:
    """Whether nothing has to be called for it, so that it comes first."""
    return _is_plain(condition.of if isinstance(condition, CompiledNot) else condition)


def _ask_changes(pattern: Pattern, watched: Sequence[Watched]) -> None:
    """Escape if none of the fields changed."""
    if len(watched) == 1:
        _ask_change(pattern, watched[0].field, watched[0].changed)
        return
    asked = [f"{pattern.constant(each.changed)}(event)" for each in watched]
    pattern.escape(f"not ({' or '.join(asked)})")


def _ask_change(pattern: Pattern, field: Field, changed: Decide) -> None:
    """Escape if a field did not change: what `change_of` says, written out.

    Args:
        field: As it is after.
    """
    pattern.escape(f"{pattern.constant(field.keys[0])} not in event.changed_fields")
    if not can_read(field) or len(field.keys) == 1:
        pattern.escape(f"not {pattern.constant(changed)}(event)")
        return
    old, new = pattern.side("before"), pattern.side("after")
    pattern.escape(f"{old} is None and event.operation == 'updated'")
    for name, side in (("v", old), ("w", new)):
        pattern.line(f"{name} = {side}")
        for key in field.keys:
            pattern.line(f"if {name} is not None: {name} = {name}.get({pattern.constant(key)})")
    pattern.escape(f"v is w or {pattern.constant(same)}(v, w)")


def _ask(pattern: Pattern, condition: Compiled) -> None:
    """Escape if a condition is not true."""
    if _is_plain(condition):
        _compare(pattern, condition, "not")
    elif isinstance(condition, CompiledNot) and _is_plain(condition.of):
        _compare(pattern, condition.of, "")  # of null both are unknown, and so escape
    else:
        if isinstance(condition, CompiledLeaf):
            _shorten(pattern, condition)
        pattern.escape(f"{pattern.constant(condition.decide)}(event) is not True")


def _shorten(pattern: Pattern, leaf: CompiledLeaf) -> None:
    """Escape at once where a comparison cannot be true, before it is asked what it is."""
    operator, slot = leaf.leaf.operator, leaf.slot
    if operator in ALL_CHANGED and leaf.leaf.value is not False:
        pattern.escape(f"{pattern.constant(leaf.field.keys[0])} not in event.changed_fields")
        if operator == "changed_to" and _is_readable(leaf):
            _read(pattern, leaf)
            pattern.escape(f"v not in {pattern.constant(leaf.operand)}")
    elif operator == "contains" and _is_of_texts(slot) and isinstance(leaf.operand, str):
        pattern.read(leaf.field)
        operand = pattern.constant(leaf.operand)
        pattern.escape(f"{operand} not in v and ''.join(v).isascii()")


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
    if not _is_readable(condition):
        return False
    operand = condition.operand
    parts = operand if isinstance(operand, tuple) else (operand,)
    return not any(map(is_dynamic, parts)) or _is_of_like_fields(condition)


def _is_of_like_fields(leaf: CompiledLeaf) -> bool:
    """A comparison with another field, where both hold numbers, or dates, as they are compared."""
    other = leaf.operand.field if isinstance(leaf.operand, Dynamic) else None
    if other is None or leaf.slot is None or leaf.slot.kind not in ORDERED:
        return False
    slots = slots_of(other.type)
    plain = [leaf.slot.normalise, *(each.normalise for each in slots)] == [None, None]
    return plain and can_read(other)


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


def _compare(pattern: Pattern, leaf: CompiledLeaf, negation: str) -> None:
    """Escape if a comparison is false (negation: `not`), or true (none), or its value is null."""
    _read(pattern, leaf)
    operand, test = leaf.operand, TESTS[leaf.leaf.operator]
    if isinstance(operand, Dynamic) and operand.field is not None:
        pattern.line("w = v")
        pattern.read(operand.field)
        pattern.escape(f"{negation} ({test.format(v='w', x='v')})")
        return
    low, high = operand if isinstance(operand, tuple) else (operand, None)
    x = pattern.constant(low)
    y = pattern.constant(high) if isinstance(operand, tuple) else ""
    pattern.escape(f"{negation} ({test.format(v='v', x=x, y=y)})")
