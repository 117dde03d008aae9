"""A workflow that was checked against the catalog and is ready to run; checking *is* compiling.

Pure.  What compiles here is what `workflow_service.check` accepts, so nothing is found wrong when
an event comes that was not found when the workflow was saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.paths import Scope, resolve_both
from schemas.problems import Problems
from schemas.records import Event
from schemas.wording import unknown
from workflow_service.conditions import Compiled, change_of, compile_condition
from workflow_service.verdict import Truth
from workflow_service.workflow import Condition, Leaf, Workflow


@dataclass(frozen=True, slots=True)
class CompiledWorkflow:
    """A workflow ready to run.

    Attributes:
        sources: None lets every source pass.
        watched: The `when_changed` fields with their tests.
    """

    workflow: Workflow
    version: int
    operations: frozenset[str]
    sources: frozenset[str] | None
    watched: tuple[tuple[str, Callable[[Event], Truth]], ...]
    condition: Compiled | None

    def matches(self, event: Event) -> bool:
        """Whether it fires for an event of its entity and one of its operations."""
        if self.sources is not None and event.source not in self.sources:
            return False
        if self.watched and not any(changed(event) for _, changed in self.watched):
            return False
        return self.condition is None or self.condition.decide(event) is True


def scope_of(catalog: Catalog, entity: str) -> Scope:
    """What conditions on one entity can name."""
    return Scope(entity, catalog.fields(entity), catalog.envelope_fields)


def compile_workflow(
    workflow: Workflow, version: int, catalog: Catalog
) -> CompiledWorkflow | tuple[Problem, ...]:
    """The workflow ready to run, or everything that makes no sense for its entity."""
    if workflow.entity not in catalog.entities:
        return (Problem("entity", unknown("the entity", workflow.entity, catalog.entities)),)
    problems = Problems()
    scope = scope_of(catalog, workflow.entity)
    watched = tuple(_watched(workflow, scope, problems))
    condition = None
    if workflow.only_if is not None:
        condition = compile_condition(workflow.only_if, scope, problems)
        _never(workflow, workflow.only_if, problems, "only_if")
    return problems.found or CompiledWorkflow(
        workflow,
        version,
        frozenset(workflow.on),
        None if workflow.source is None else workflow.source.accepted,
        watched,
        condition,
    )


def _watched(
    workflow: Workflow, scope: Scope, problems: Problems
) -> Iterator[tuple[str, Callable[[Event], Truth]]]:
    for index, path in enumerate(workflow.when_changed):
        sides = resolve_both(path, scope)
        if isinstance(sides, str):
            problems.add(f"when_changed[{index}]", sides)
        else:
            yield path, change_of(*sides)


def _never(workflow: Workflow, condition: Condition, problems: Problems, path: str) -> None:
    """Report conditions on a record that the workflow's operations never have."""
    if isinstance(condition, Leaf):
        side = condition.field.partition(".")[0]
        without = {"after": "deleted", "before": "created"}.get(side)
        if workflow.on == (without,):
            problems.add(
                f"{path}.field",
                f"an event of a record that was {without} has no record {side}, so this could "
                f"never hold; write {'before' if side == 'after' else 'after'}",
            )
        return
    for index, each in enumerate(condition.of):
        _never(workflow, each, problems, f"{path}.{condition.mode}[{index}]")
