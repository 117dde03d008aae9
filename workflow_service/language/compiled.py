"""A workflow that was checked against the catalog and is ready to run; checking *is* compiling.

Pure.  What compiles here is what `workflow_service.language.check` accepts, so nothing is found wrong when
an event comes that was not found when the workflow was saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.paths import Field, Scope, resolve_both
from schemas.problems import Problems
from schemas.records import Event
from schemas.templates import Source, source_of
from schemas.wording import unknown
from workflow_service.language.change import change_of
from workflow_service.language.conditions import compile_condition
from workflow_service.language.entering import entering_problems, enters
from workflow_service.language.leaf import Compiled, Decide, Leaves
from workflow_service.language.relative import zone_of
from workflow_service.language.sides import never_problems
from workflow_service.language.workflow import Step, Workflow


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """One action of a workflow, ready to run.

    Attributes:
        index: Its place in `then`, whether or not those before it are made.
        condition: None: it is always made.
        template: The body in place of the webhook's own, as the action carries it.
    """

    index: int
    step: Step
    condition: Compiled | None
    template: str | None = None

    def takes(self, event: Event) -> bool:
        """Whether the action is made for an event that the workflow fires for."""
        return self.condition is None or self.condition.decide(event) is True


class Watched(NamedTuple):
    """A field whose change a workflow waits for: as written, as it is after, and the test."""

    path: str
    field: Field
    changed: Decide


@dataclass(frozen=True, slots=True)
class CompiledWorkflow:
    """A workflow ready to run.

    Attributes:
        sources: None lets every source pass.
        watched: The `when_changed` fields, as written and as they are after, with their tests.
        steps: The actions, in the order of `then`.
        entering: The condition must have become true just now.
    """

    workflow: Workflow
    version: int
    operations: frozenset[str]
    sources: frozenset[str] | None
    watched: tuple[Watched, ...]
    condition: Compiled | None
    steps: tuple[CompiledStep, ...]
    entering: bool

    def takes(self, event: Event) -> bool:
        """Whether events of this entity and operation are its business at all."""
        workflow = self.workflow
        return (
            workflow.state != "paused"
            and event.entity == workflow.entity
            and event.operation in self.operations
        )

    def matches(self, event: Event) -> bool:
        """Whether it fires for an event that it takes.

        What `once_per_record` remembers is not asked here.
        """
        if self.sources is not None and event.source not in self.sources:
            return False
        if self.watched and not any(each.changed(event) for each in self.watched):
            return False
        condition = self.condition
        if condition is None:
            return True
        if condition.decide(event) is not True:
            return False
        return not self.entering or enters(condition.decide, event)


def scope_of(catalog: Catalog, entity: str) -> Scope:
    """What conditions on one entity can name."""
    return Scope(entity, catalog.fields(entity), catalog.envelope_fields)


def compile_workflow(
    workflow: Workflow, version: int, catalog: Catalog, leaves: Leaves | None = None
) -> CompiledWorkflow | tuple[Problem, ...]:
    """The workflow ready to run, or everything that makes no sense for its entity.

    Args:
        leaves: Shared with other workflows on the same catalog.
    """
    if workflow.entity not in catalog.entities:
        return (Problem("entity", unknown("the entity", workflow.entity, catalog.entities)),)
    problems = Problems()
    scope, zone = scope_of(catalog, workflow.entity), zone_of(workflow.time_zone)
    watched = tuple(_watched(workflow, scope, problems))
    condition = None
    if workflow.only_if is not None:
        condition = compile_condition(workflow.only_if, scope, problems, "only_if", zone, leaves)
        never_problems(workflow.only_if, workflow.on, problems, "only_if")
    if workflow.fire == "on_entering":
        entering_problems(workflow, problems)
    steps = tuple(_steps(workflow, scope, zone, problems))
    return problems.found or CompiledWorkflow(
        workflow,
        version,
        _shared(frozenset(workflow.on)),
        None if workflow.source is None else _shared(workflow.source.accepted),
        watched,
        condition,
        steps,
        workflow.fire == "on_entering",
    )


@lru_cache(maxsize=256)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """One object for all workflows that name the same operations, or sources."""
    return names


def _watched(workflow: Workflow, scope: Scope, problems: Problems) -> Iterator[Watched]:
    for index, path in enumerate(workflow.when_changed):
        sides = resolve_both(path, scope)
        if isinstance(sides, str):
            problems.add(f"when_changed[{index}]", sides)
        else:
            yield Watched(path, sides[1], change_of(*sides))


def _steps(
    workflow: Workflow, scope: Scope, zone: ZoneInfo, problems: Problems
) -> Iterator[CompiledStep]:
    for index, step in enumerate(workflow.then):
        condition = None
        if step.condition is not None:
            path = f"then[{index}].if"
            condition = compile_condition(step.condition, scope, problems, path, zone)
            never_problems(step.condition, workflow.on, problems, path)
        template = _template(step, f"then[{index}].template", problems)
        yield CompiledStep(index, step, condition, template)


def _template(step: Step, path: str, problems: Problems) -> str | None:
    """A step's template, canonical; whether its fields exist is asked when it is saved.

    What a schema change breaks later is a dead letter for each match, and no match that is not made.
    """
    if step.template is None:
        return None
    source = source_of(step.template, path)
    if isinstance(source, Source):
        return source.canonical
    for problem in source:
        problems.add(problem.place, problem.message)
    return None
