"""What each workflow, as it is saved now, says about an event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from console.personal import MASK
from schemas.catalog import Catalog
from schemas.records import Definition, Event
from schemas.types import FieldType, walk
from workflow_service.explain import Explanation, explain
from workflow_service.parse import parse_workflow
from workflow_service.verdict import Verdict
from workflow_service.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Opinion:
    """One workflow's word on one event.

    Attributes:
        matched: None if the saved workflow makes no sense (any more); the reason says why.
        version: Of the definition; an action made earlier may name another.
    """

    workflow: str
    version: int
    matched: bool | None
    reason: str
    verdicts: tuple[Verdict, ...] = ()


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
        if (opinion := opinion_of(definition, event, catalog)) is not None
    ]
    return sorted(found, key=lambda opinion: (not opinion.matched, opinion.workflow))


def opinion_of(definition: Definition, event: Event, catalog: Catalog) -> Opinion | None:
    """One workflow's word; None if it is about another entity."""
    workflow = workflow_of(definition)
    if isinstance(workflow, str):
        return Opinion(definition.id, definition.version, None, workflow)
    if workflow.entity != event.entity:
        return None
    explained = explain(workflow, event, catalog, definition.version)
    if not isinstance(explained, Explanation):
        return Opinion(definition.id, definition.version, None, "; ".join(map(str, explained)))
    return Opinion(
        definition.id, definition.version, explained.matched, explained.reason, explained.verdicts
    )


def masked_opinion(opinion: Opinion, fields: Mapping[str, FieldType]) -> Opinion:
    """The opinion without the values of personal fields, which reasons quote."""
    masked = tuple(_masked(verdict, fields) for verdict in opinion.verdicts)
    hidden = {reason for verdict in opinion.verdicts for reason in _personal(verdict, fields)}
    reason = f"{MASK} (about a personal field)" if opinion.reason in hidden else opinion.reason
    return replace(opinion, verdicts=masked, reason=reason)


def _masked(verdict: Verdict, fields: Mapping[str, FieldType]) -> Verdict:
    """One verdict with the ones inside it."""
    inner = tuple(_masked(each, fields) for each in verdict.inner)
    if not _is_personal(verdict, fields):
        return replace(verdict, inner=inner)
    return replace(verdict, actual=MASK, reason=f"{MASK} (about a personal field)", inner=inner)


def _personal(verdict: Verdict, fields: Mapping[str, FieldType]) -> list[str]:
    """The reasons that quote a personal field."""
    own = [verdict.reason] if _is_personal(verdict, fields) else []
    return own + [reason for inner in verdict.inner for reason in _personal(inner, fields)]


def _is_personal(verdict: Verdict, fields: Mapping[str, FieldType]) -> bool:
    """Whether a condition looks at a personal field, or at a record that has one."""
    path = verdict.condition.split(" ", 1)[0].split(".")
    if path[0] == "event":
        return path[-1] == "actor"
    name = path[1] if path[0] in {"before", "after"} and len(path) > 1 else path[0]
    if name not in fields:
        return False
    return any(kind.personal for _, kind in walk({name: fields[name]}))


def opinion_view(opinion: Opinion) -> dict[str, Any]:
    """An opinion for `--json`."""
    return {
        "workflow": opinion.workflow,
        "version": opinion.version,
        "matched": opinion.matched,
        "reason": opinion.reason,
        "verdicts": [verdict_view(verdict) for verdict in opinion.verdicts],
    }


def verdict_view(verdict: Verdict) -> dict[str, Any]:
    """One verdict with the ones inside it; `verdict` is null where it is unknown."""
    return {
        "path": verdict.path,
        "condition": verdict.condition,
        "actual": verdict.actual,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "inner": [verdict_view(inner) for inner in verdict.inner],
    }
