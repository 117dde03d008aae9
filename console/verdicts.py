"""What a workflow says about an event, part by part, with what each part was compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from console.comparisons import Comparison, comparisons, place_of
from console.personal import MASK
from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.paths import NO_RECORD
from schemas.records import Definition, Event
from workflow_service.language.compiled import CompiledStep, CompiledWorkflow, compile_workflow
from workflow_service.language.explain import explain_compiled, first_failed
from workflow_service.language.parse import parse_workflow
from workflow_service.language.verdict import Verdict
from workflow_service.language.workflow import Workflow, written_operand

HIDDEN = f"{MASK} (about a personal field)"


@dataclass(frozen=True, slots=True)
class Part:
    """One action of a workflow: whether it is made for an event that the workflow fires for.

    Attributes:
        verdict: On its `if`; None if it has none.
    """

    index: int
    webhook: str
    verdict: Verdict | None

    @property
    def made(self) -> bool:
        """Whether its `if` lets it be made."""
        return self.verdict is None or self.verdict.verdict is True


@dataclass(frozen=True, slots=True)
class Opinion:
    """One workflow's word on one event.

    Attributes:
        matched: None if the saved workflow makes no sense (any more); the reason says why.
        version: Of the definition; an action made earlier may name another.
        compared: What each condition looked at, by its path in the manifest.
        then: Its actions, in order; empty for an event that is not its entity's.
    """

    workflow: str
    version: int
    matched: bool | None
    reason: str
    verdicts: tuple[Verdict, ...] = ()
    compared: Mapping[str, Comparison] = field(default_factory=dict)
    then: tuple[Part, ...] = ()

    @property
    def makes_nothing(self) -> bool:
        """It matches, and yet none of its actions is made."""
        return bool(self.matched and self.then) and not any(part.made for part in self.then)

    @property
    def first_failed(self) -> Verdict | None:
        """The first condition that did not hold; None if all did, as far as it matters."""
        parts = [part.verdict for part in self.then if part.verdict and self.makes_nothing]
        return first_failed((*self.verdicts, *parts))


def workflow_of(definition: Definition) -> Workflow | tuple[Problem, ...]:
    """The workflow that a definition holds, or what is wrong with it."""
    content = spec_of(definition)
    if not content:
        return (Problem("", "its spec is no JSON object"),)
    return parse_workflow({name: value for name, value in content.items() if name != "kind"})


def spec_of(definition: Definition) -> dict[str, Any]:
    """A definition's manifest; empty if it holds none."""
    try:
        content = json.loads(definition.spec)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def opinions(
    definitions: Mapping[str, Definition], event: Event, catalog: Catalog
) -> list[Opinion]:
    """The word of every workflow of the event's entity, those that matched first."""
    found = [
        opinion_of(definition, event, catalog)
        for definition in definitions.values()
        if spec_of(definition).get("entity", event.entity) == event.entity
    ]
    return sorted(found, key=lambda opinion: (not opinion.matched, opinion.workflow))


def opinion_of(definition: Definition, event: Event, catalog: Catalog) -> Opinion:
    """One workflow's word."""
    workflow = workflow_of(definition)
    if not isinstance(workflow, Workflow):
        return _none(definition, "; ".join(map(str, workflow)))
    compiled = compile_workflow(workflow, definition.version, catalog)
    if not isinstance(compiled, CompiledWorkflow):
        return _none(definition, "; ".join(map(str, compiled)))
    try:
        return _judged(compiled, event, catalog)
    except Exception as error:  # noqa: BLE001 - as in matching, one workflow's error is its own
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        return _none(definition, f"it breaks on this event, as matching does: {kind}")


def _none(definition: Definition, reason: str) -> Opinion:
    """No word, and why."""
    return Opinion(definition.id, definition.version, None, reason)


def _judged(compiled: CompiledWorkflow, event: Event, catalog: Catalog) -> Opinion:
    """The word of a workflow that runs, from the code that matching runs."""
    explained, workflow = explain_compiled(compiled, event), compiled.workflow
    ours = event.entity == workflow.entity
    return Opinion(
        workflow.id,
        compiled.version,
        explained.matched,
        explained.reason,
        explained.verdicts,
        comparisons(workflow, event, catalog.fields(event.entity)) if ours else {},
        tuple(_part(step, event) for step in compiled.steps) if ours else (),
    )


def _part(step: CompiledStep, event: Event) -> Part:
    """One action's word, from the code that decides about it."""
    verdict = None if step.condition is None else step.condition.explain(event)
    return Part(step.index, step.step.webhook, verdict)


def masked_opinion(opinion: Opinion) -> Opinion:
    """The opinion without the values of personal fields, which reasons quote."""
    compared = opinion.compared
    parts = [part.verdict for part in opinion.then if part.verdict]
    hidden = {
        reason for verdict in (*opinion.verdicts, *parts) for reason in _personal(verdict, compared)
    }
    return replace(
        opinion,
        verdicts=tuple(_masked(verdict, compared, hidden) for verdict in opinion.verdicts),
        reason=_said(opinion.reason, hidden),
        compared={path: _masked_comparison(each) for path, each in compared.items()},
        then=tuple(
            replace(part, verdict=part.verdict and _masked(part.verdict, compared, hidden))
            for part in opinion.then
        ),
    )


def _said(reason: str, hidden: set[str]) -> str:
    """A reason, unless it repeats one that is to be hidden."""
    return HIDDEN if any(each in reason for each in hidden) else reason


def _masked(verdict: Verdict, compared: Mapping[str, Comparison], hidden: set[str]) -> Verdict:
    """One verdict with the ones inside it."""
    inner = tuple(_masked(each, compared, hidden) for each in verdict.inner)
    if _is_personal(verdict, compared):
        return replace(verdict, actual=MASK, expected=MASK, reason=HIDDEN, inner=inner)
    return replace(verdict, reason=_said(verdict.reason, hidden), inner=inner)


def _masked_comparison(comparison: Comparison) -> Comparison:
    """A comparison without what is about a person; what is null stays so."""
    if not comparison.personal:
        return comparison
    return replace(
        comparison,
        before=None if comparison.before is None else MASK,
        after=None if comparison.after is None else MASK,
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
    failed = opinion.first_failed
    return {
        "workflow": opinion.workflow,
        "version": opinion.version,
        "matched": opinion.matched,
        "reason": opinion.reason,
        "first_failed": failed.path if failed else None,
        "verdicts": [verdict_view(verdict, opinion.compared) for verdict in opinion.verdicts],
        "then": [_part_view(part, opinion.compared) for part in opinion.then],
    }


def _part_view(part: Part, compared: Mapping[str, Comparison]) -> dict[str, Any]:
    """One action for `--json`."""
    return {
        "index": part.index,
        "webhook": part.webhook,
        "made": part.made,
        "if": verdict_view(part.verdict, compared) if part.verdict else None,
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
    if comparison is None or comparison.operator != verdict.operator:
        expected = verdict.condition.partition(" ")[2] or None
        names = ("field", "operator", "expected_value", "before", "after")
        return {**dict.fromkeys(names), "expected": expected}
    return {
        "field": comparison.field,
        "operator": comparison.operator,
        "expected": comparison.expected,
        "expected_value": _plain(verdict.expected),
        "before": comparison.before,
        "after": comparison.after,
    }


def _plain(value: Any) -> Any:
    """A value that JSON can say: a side that is not there is null."""
    if value is NO_RECORD:
        return None
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return written_operand(value)
