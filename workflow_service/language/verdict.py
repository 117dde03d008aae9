"""What a condition said about an event, and why: the sentences of every explanation.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.paths import NO_RECORD
from schemas.wording import shown
from workflow_service.language.operators import OPERATORS
from workflow_service.language.workflow import Counted, Leaf, Mode, OtherField, Relative, Value

#: None is unknown.
Truth = bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one condition said about one event.

    Attributes:
        path: Where it stands in the manifest: `only_if.all[0]`.
        condition: As a person reads it: `after.lead_value at_least 1000`.
        actual: The value found, as decoded; for the `changed` family what was before and after.
        verdict: None is unknown.
        reason: One sentence.
        inner: The verdicts of a group's conditions, or a list's first elements; all of them, also
            those that no longer mattered.
        operator: The operator, `all`, `any`, `not`, a quantifier, or `element` for a list's element;
            empty for what is no condition.
        expected: What it was compared with: as the manifest says it, and where each event has its
            own (another field, a relative date) what that came to.
        fields: The fields whose values it quotes, each with its side.
    """

    path: str
    condition: str
    actual: Value
    verdict: Truth
    reason: str
    inner: tuple[Verdict, ...] = ()
    operator: str = ""
    expected: Value = None
    fields: tuple[str, ...] = ()


def together(mode: Mode, truths: Sequence[Truth]) -> Truth:
    """Kleene's and (`all`) and or (`any`)."""
    deciding = mode == "any"
    if deciding in truths:
        return deciding
    return None if None in truths else not deciding


def counted(mode: Mode, inner: Sequence[Verdict]) -> str:
    """How many of a group's conditions hold."""
    true = sum(each.verdict is True for each in inner)
    unknown = sum(each.verdict is None for each in inner)
    kept = f", {unknown} unknown" if unknown else ""
    return f"{mode}: {true} of {len(inner)} hold{kept}"


def reason_of(leaf: Leaf, seen: Value, expected: Value, truth: Truth) -> str:
    """Why a comparison came out as it did.

    Args:
        seen: The value found; for the `changed` family those before and after.
        expected: What it was compared with in this event.
    """
    operator = OPERATORS[leaf.operator]
    if operator.of_change:
        return _of_change(leaf, seen, truth)
    field = leaf.field
    if seen is NO_RECORD:
        return f"unknown: the event has no record {field.partition('.')[0]}"
    if operator.name == "is_empty":
        return (
            f"{field} is {shown(seen)}, which is {'empty' if truth is leaf.value else 'not empty'}"
        )
    compared = _compared_with(leaf.value, expected)
    if truth is None:
        return f"unknown: {_unknown(leaf, seen, expected, compared)}"
    if isinstance(leaf.value, Counted):
        return _of_count(leaf.value, field, len(seen), truth)
    words = operator.words if truth else operator.contradicted
    fold = ", ignoring case" if leaf.ignore_case else ""
    return f"{field} is {shown(seen)}, which {words} {compared}{fold}"


def _compared_with(value: Value, expected: Value) -> str:
    """An operand in words, with what it came to where each event has its own."""
    if isinstance(value, tuple) and isinstance(expected, tuple):
        pairs = zip(value, expected, strict=True)
        return f"[{', '.join(_compared_with(*each) for each in pairs)}]"
    if isinstance(value, OtherField) or (isinstance(value, Relative) and expected is not value):
        return f"{value} ({shown(expected)})"
    return shown(value)


def _unknown(leaf: Leaf, seen: Value, expected: Value, compared: str) -> str:
    field = leaf.field
    if seen is None:
        return f"{field} is null, which is neither equal to a value nor different from it"
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    found = expected if isinstance(leaf.value, tuple) else (expected,)
    for value, one in zip(values, found, strict=True):
        if one is NO_RECORD:
            return f"the event has no record {str(value).partition('.')[0]}"
        if one is None:
            what = "is null" if isinstance(value, OtherField) else "is beyond the calendar"
            return f"{value} {what}, so there is nothing to compare {field} with"
    return f"{field} is {shown(seen)}, which cannot be compared with {compared}"


def _of_count(counted: Counted, field: str, number: int, truth: bool) -> str:  # noqa: FBT001
    operator = OPERATORS[counted.operator]
    words = operator.words if truth else operator.contradicted
    elements = "element" if number == 1 else "elements"
    return f"{field} has {number} {elements}, and the number {words} {shown(counted.value)}"


def _of_change(leaf: Leaf, seen: Value, truth: Truth) -> str:
    before, after = (None if each is NO_RECORD else each for each in seen)
    said = f"{leaf.field} was {shown(before)} before and is {shown(after)} after"
    if truth is None:
        return f"unknown: {_unknown_change(leaf, seen)}"
    if leaf.operator == "changed":
        if truth is leaf.value:
            return f"{leaf.field} changed from {shown(before)} to {shown(after)}"
        return f"{leaf.field} did not change"
    operator = OPERATORS[leaf.operator]
    words = operator.words if truth else operator.contradicted
    return f"{said}: it {words} {shown(leaf.value)}"


def _unknown_change(leaf: Leaf, seen: Value) -> str:
    before, after = seen
    if before is NO_RECORD or after is NO_RECORD or leaf.operator == "changed":
        return f"the event does not say what {leaf.field} was before"
    said = f"{leaf.field} was {shown(before)} before and is {shown(after)} after"
    if leaf.operator in ("increased_by", "decreased_by"):
        if before is None or after is None:
            return f"{said}, and a rise or fall needs both values"
        if isinstance(leaf.value, str) and leaf.value.endswith("%") and not before:
            return f"{said}, and there is no share of nothing"
    return f"{said}, which cannot be compared with {shown(leaf.value)}"
