"""What a condition said about an event, and why: the sentences of every explanation.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.paths import NO_RECORD
from schemas.wording import shown
from workflow_service.operators import OPERATORS
from workflow_service.workflow import Leaf, Mode, Value

#: None is unknown.
Truth = bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one condition said about one event.

    Attributes:
        path: Where it stands in the manifest: `only_if.all[0]`.
        condition: As a person reads it: `after.lead_value at_least 1000`.
        actual: The value found, as decoded; for `changed` what was before and after.
        verdict: None is unknown.
        reason: One sentence.
        inner: The verdicts of a group's conditions; all of them, also those that no longer mattered.
    """

    path: str
    condition: str
    actual: Value
    verdict: Truth
    reason: str
    inner: tuple[Verdict, ...] = ()


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


def reason_of(leaf: Leaf, actual: Value, seen: Value, truth: Truth) -> str:
    """Why a comparison came out as it did.

    Args:
        actual: What was judged.
        seen: What a person is shown: for `changed` the values before and after.
    """
    field, value = leaf.field, shown(leaf.value)
    if actual is NO_RECORD:
        return f"unknown: the event has no record {field.partition('.')[0]}"
    if leaf.operator == "changed":
        return _of_change(field, actual, seen)
    if truth is None and actual is None:
        return f"unknown: {field} is null, which is neither equal to a value nor different from it"
    if truth is None:
        return f"unknown: {field} is {shown(seen)}, which cannot be compared with {value}"
    if leaf.operator == "is_empty":
        return (
            f"{field} is {shown(seen)}, which is {'empty' if truth is leaf.value else 'not empty'}"
        )
    operator = OPERATORS[leaf.operator]
    words = operator.words if truth else operator.contradicted
    return f"{field} is {shown(seen)}, which {words} {value}"


def _of_change(field: str, changed: Truth, seen: Value) -> str:
    if changed is None:
        return f"unknown: the event does not say what {field} was before"
    if not changed:
        return f"{field} did not change"
    before, after = (shown(None if each is NO_RECORD else each) for each in seen)
    return f"{field} changed from {before} to {after}"
