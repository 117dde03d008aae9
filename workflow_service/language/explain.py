"""Why did a workflow fire for an event, or why not: the verdict on each of its parts.

Pure.  The parts are read and judged by the functions that matching uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.records import Event
from schemas.wording import listed
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.entering import Earlier, enters
from workflow_service.language.leaf import Compiled
from workflow_service.language.verdict import Truth, Verdict
from workflow_service.language.workflow import MODES, State, Workflow


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a workflow says about an event, and why.

    Attributes:
        matched: It fires.
        reason: One sentence: that of the first part which did not hold.
        verdicts: State, entity, operation, filters, conditions; in the order of looking.
    """

    workflow_id: str
    workflow_version: int
    matched: bool
    reason: str
    verdicts: tuple[Verdict, ...]


def explain(
    workflow: Workflow, event: Event, catalog: Catalog, version: int = 1
) -> Explanation | tuple[Problem, ...]:
    """Explain a workflow; its problems instead if it makes no sense for the catalog."""
    compiled = compile_workflow(workflow, version, catalog)
    return explain_compiled(compiled, event) if isinstance(compiled, CompiledWorkflow) else compiled


def explain_compiled(compiled: CompiledWorkflow, event: Event) -> Explanation:
    """Explain a workflow that runs."""
    verdicts = tuple(_verdicts(compiled, event))
    failed = first_failed(verdicts)
    return Explanation(
        compiled.workflow.id,
        compiled.version,
        matched=failed is None,
        reason="every part holds" if failed is None else failed.reason,
        verdicts=verdicts,
    )


def first_failed(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The first verdict that is not true: of a group, the first of its conditions, and so on."""
    for verdict in verdicts:
        if verdict.verdict is not True:
            inner = verdict.inner if verdict.operator in MODES else ()
            return first_failed(inner) or verdict
    return None


def _verdicts(compiled: CompiledWorkflow, event: Event) -> Iterator[Verdict]:
    workflow = compiled.workflow
    yield _state(workflow.state)
    yield _plain("entity", workflow.entity, event.entity, ok=event.entity == workflow.entity)
    if event.entity != workflow.entity:
        return
    yield _plain("on", listed(workflow.on), event.operation, ok=event.operation in workflow.on)
    if compiled.sources is not None:
        expected = listed(sorted(compiled.sources))
        yield _plain("source", expected, event.source, ok=event.source in compiled.sources)
    if compiled.watched:
        yield _watched(compiled, event)
    if compiled.condition is not None:
        now = compiled.condition.explain(event)
        yield now
        if compiled.entering:
            yield _entering(compiled.condition, event, now.verdict)


def _entering(condition: Compiled, event: Event, now: Truth) -> Verdict:
    """Whether the condition became true, with what it said of the record before."""
    told = event.before is not None
    inner = (condition.explain(Earlier(event)),) if told else ()
    if now is not True:
        ok, reason = False, "only_if does not hold after the change, so the record enters nothing"
    elif told:
        ok = enters(condition.decide, event)
        words = "did not hold before the change and does now" if ok else "held before the change"
        reason = f"only_if {words}"
        if not ok and event.after is None:
            reason = "the record was deleted, so it enters nothing"
    else:
        ok = enters(condition.decide, event)
        reason = (
            "the record was created, so nothing held before"
            if ok
            else "the event does not say what was before, so nobody knows whether only_if held"
        )
    return Verdict("fire", "fire on_entering", None, ok, reason, inner, operator="on_entering")


def _state(state: State) -> Verdict:
    if state != "dry_run":
        return _plain("state", "active", state, ok=state == "active")
    reason = "state is dry_run: what it matches is delivered to nobody"
    return Verdict("state", "state active", state, verdict=True, reason=reason)


def _plain(path: str, expected: str, actual: str, *, ok: bool) -> Verdict:
    words = "as it must be" if ok else f"and must be {expected}"
    if "," in expected and not ok:
        words = f"and must be one of {expected}"
    return Verdict(path, f"{path} {expected}", actual, ok, f"{path} is {actual}, {words}")


def _watched(compiled: CompiledWorkflow, event: Event) -> Verdict:
    truths: list[Truth] = [each.changed(event) for each in compiled.watched]
    changed = [each.path for each, truth in zip(compiled.watched, truths, strict=True) if truth]
    names = listed(each.path for each in compiled.watched)
    reason = f"{listed(changed)} changed" if changed else f"none of {names} changed"
    return Verdict(
        "when_changed", f"when_changed {names}", event.changed_fields, bool(changed), reason
    )
