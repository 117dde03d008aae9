"""What a workflow says about an event, part by part, with what each part was compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from console.comparisons import Comparison, comparisons, place_of
from console.personal import MASK
from schemas.catalog import Catalog
from schemas.paths import NO_RECORD
from schemas.records import Definition, Event
from workflow_service.explain import Explanation, explain
from workflow_service.parse import parse_workflow
from workflow_service.verdict import Verdict
from workflow_service.workflow import Workflow

HIDDEN = f"{MASK} (about a personal field)"


@dataclass(frozen=True, slots=True)
class Opinion:
    """One workflow's word on one event.

    Attributes:
        matched: None if the saved workflow makes no sense (any more); the reason says why.
        version: Of the definition; an action made earlier may name another.
        compared: What each condition looked at, by its path in the manifest.
    """

    workflow: str
    version: int
    matched: bool | None
    reason: str
    verdicts: tuple[Verdict, ...] = ()
    compared: Mapping[str, Comparison] = field(default_factory=dict)

    @property
    def first_failed(self) -> str | None:
        """The path of the first condition that did not hold; None if all did."""
        return first_failed(self.verdicts)


def workflow_of(definition: Definition) -> Workflow | str:
    """The workflow that a definition holds, or what is wrong with it."""
    content = json.loads(definition.spec)
    content.pop("kind", None)
    parsed = parse_workflow(content)
    return parsed if isinstance(parsed, Workflow) else "; ".join(map(str, parsed))


def opinions(
    definitions: Mapping[str, Definition], event: Event, catalog: Catalog
) -> list[Opinion]:
    """The word of every workflow of the event's entity, those that matched first."""
    found = [
        opinion
        for definition in definitions.values()
        if json.loads(definition.spec).get("entity") == event.entity
        for opinion in (opinion_of(definition, event, catalog),)
    ]
    return sorted(found, key=lambda opinion: (not opinion.matched, opinion.workflow))


def opinion_of(definition: Definition, event: Event, catalog: Catalog) -> Opinion:
    """One workflow's word."""
    workflow = workflow_of(definition)
    if isinstance(workflow, str):
        return Opinion(definition.id, definition.version, None, workflow)
    explained = explain(workflow, event, catalog, definition.version)
    if not isinstance(explained, Explanation):
        return Opinion(definition.id, definition.version, None, "; ".join(map(str, explained)))
    return Opinion(
        definition.id,
        definition.version,
        explained.matched,
        explained.reason,
        explained.verdicts,
        comparisons(workflow, event, catalog.fields(event.entity))
        if workflow.entity == event.entity
        else {},
    )


def first_failed(verdicts: tuple[Verdict, ...]) -> str | None:
    """The path of the first verdict that is not true, as deep as the failure goes."""
    for verdict in verdicts:
        if verdict.verdict is not True:
            return first_failed(verdict.inner) or verdict.path
    return None


def masked_opinion(opinion: Opinion) -> Opinion:
    """The opinion without the values of personal fields, which reasons quote."""
    hidden = {
        reason for verdict in opinion.verdicts for reason in _personal(verdict, opinion.compared)
    }
    return replace(
        opinion,
        verdicts=tuple(_masked(verdict, opinion.compared, hidden) for verdict in opinion.verdicts),
        reason=_said(opinion.reason, hidden),
        compared={path: _masked_comparison(each) for path, each in opinion.compared.items()},
    )


def _said(reason: str, hidden: set[str]) -> str:
    """A reason, unless it repeats one that is to be hidden."""
    return HIDDEN if any(each in reason for each in hidden) else reason


def _masked(verdict: Verdict, compared: Mapping[str, Comparison], hidden: set[str]) -> Verdict:
    """One verdict with the ones inside it."""
    inner = tuple(_masked(each, compared, hidden) for each in verdict.inner)
    if _is_personal(verdict, compared):
        return replace(verdict, actual=MASK, reason=HIDDEN, inner=inner)
    return replace(verdict, reason=_said(verdict.reason, hidden), inner=inner)


def _masked_comparison(comparison: Comparison) -> Comparison:
    """A comparison without what is about a person; what is null stays so."""
    if not comparison.personal:
        return comparison
    return replace(
        comparison,
        before=None if comparison.before is None else MASK,
        after=None if comparison.after is None else MASK,
        compared=comparison.compared and dict.fromkeys(comparison.compared, MASK),
    )


def _personal(verdict: Verdict, compared: Mapping[str, Comparison]) -> list[str]:
    """The reasons that quote a personal field."""
    own = [verdict.reason] if _is_personal(verdict, compared) else []
    return own + [reason for inner in verdict.inner for reason in _personal(inner, compared)]


def _is_personal(verdict: Verdict, compared: Mapping[str, Comparison]) -> bool:
    """Whether a verdict is about a person, as far as is known of what it looked at."""
    comparison = compared.get(place_of(verdict.path))
    return comparison is not None and comparison.personal


def opinion_view(opinion: Opinion) -> dict[str, Any]:
    """An opinion for `--json`."""
    return {
        "workflow": opinion.workflow,
        "version": opinion.version,
        "matched": opinion.matched,
        "reason": opinion.reason,
        "first_failed": opinion.first_failed,
        "verdicts": [verdict_view(verdict, opinion.compared) for verdict in opinion.verdicts],
    }


def verdict_view(verdict: Verdict, compared: Mapping[str, Comparison]) -> dict[str, Any]:
    """One verdict with the ones inside it; `verdict` is null where it is unknown."""
    comparison = compared.get(place_of(verdict.path))
    return {
        "path": verdict.path,
        "condition": verdict.condition,
        **_comparison_view(verdict, comparison),
        "actual": _plain(verdict.actual),
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "inner": [verdict_view(inner, compared) for inner in verdict.inner],
    }


def _comparison_view(verdict: Verdict, comparison: Comparison | None) -> dict[str, Any]:
    """What was compared; null where a part compares no field of the record."""
    if comparison is None:
        expected = verdict.condition.partition(" ")[2] or None
        plain = {"field": None, "operator": None, "expected": expected}
        return {**plain, "before": None, "after": None, "compared_with": None}
    return {
        "field": comparison.field,
        "operator": comparison.operator,
        "expected": comparison.expected,
        "before": comparison.before,
        "after": comparison.after,
        "compared_with": comparison.compared,
    }


def _plain(value: Any) -> Any:
    """A value that JSON can say: a side that is not there is null."""
    if value is NO_RECORD:
        return None
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value
