"""Compares stored workflows and webhooks with the schemas that are about to be used.

Pure.  A workflow whose schema has changed under it does not run any more; this finds it before the
schema is deployed, by compiling each definition as the services would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.previews import hidden_webhook
from console.verdicts import workflow_of
from schemas.catalog import Catalog
from schemas.errors import Problem, SchemaError
from schemas.records import Definition, DefinitionKind
from schemas.templates import check_body
from schemas.wording import unknown
from webhook_service.render import check_places
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Breaking:
    """A definition that makes no sense with the schemas.

    Attributes:
        already: It makes none with the schemas in use either.
        problems: Where in its manifest, and what is wrong.
    """

    kind: DefinitionKind
    id: str
    version: int
    already: bool
    problems: tuple[Problem, ...]

    def lines(self) -> Iterator[str]:
        """For people."""
        word = "is broken already" if self.already else "would break"
        yield f"{self.kind} {self.id} (version {self.version}) {word}:"
        for problem in self.problems:
            yield f"  {problem}"

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        problems = [{"path": one.place, "message": one.message} for one in self.problems]
        return {
            "kind": self.kind,
            "id": self.id,
            "version": self.version,
            "already": self.already,
            "problems": problems,
        }


@dataclass(frozen=True, slots=True)
class StoredReport:
    """What the check found.

    Attributes:
        workflows, webhooks: How many were looked at.
    """

    workflows: int
    webhooks: int
    breaking: tuple[Breaking, ...]

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "workflows": self.workflows,
            "webhooks": self.webhooks,
            "breaking": [one.view() for one in self.breaking],
        }


def check_stored(
    workflows: Mapping[str, Definition],
    webhooks: Mapping[str, Definition],
    new: Catalog,
    used: Catalog | None,
) -> StoredReport:
    """Compile every definition against the new catalog.

    Args:
        used: The catalog in use, to tell what breaks from what is broken; None if it is the new.
    """
    definitions = [*workflows.values(), *webhooks.values()]
    breaking = [
        Breaking(one.kind, one.id, one.version, _is_broken(one, used), problems)
        for one in sorted(definitions, key=lambda one: (one.kind != "workflow", one.id))
        if (problems := _problems(one, new))
    ]
    return StoredReport(len(workflows), len(webhooks), tuple(breaking))


def _is_broken(definition: Definition, used: Catalog | None) -> bool:
    """Whether a definition does not work with the schemas in use."""
    return used is not None and bool(_problems(definition, used))


def _problems(definition: Definition, catalog: Catalog) -> tuple[Problem, ...]:
    """Everything that is wrong with a definition."""
    if definition.kind == "workflow":
        found = _of_workflow(definition, catalog)
    else:
        found = _of_webhook(definition, catalog)
    return tuple(dict.fromkeys(found))


def _of_workflow(definition: Definition, catalog: Catalog) -> Sequence[Problem]:
    """As the workflow service judges it, and what its actions' own bodies name."""
    workflow = workflow_of(definition)
    if not isinstance(workflow, Workflow):
        return workflow
    compiled = compile_workflow(workflow, definition.version, catalog)
    problems = () if isinstance(compiled, CompiledWorkflow) else compiled
    return (*problems, *_of_templates(workflow, catalog))


def _of_templates(workflow: Workflow, catalog: Catalog) -> Iterator[Problem]:
    """What is wrong with the bodies that actions ask for."""
    for index, step in enumerate(workflow.then):
        if step.template is not None:
            path = f"then[{index}].template"
            yield from check_body(
                step.template, catalog, (workflow.entity,), workflow.on, path=path
            )


def _of_webhook(definition: Definition, catalog: Catalog) -> Sequence[Problem]:
    """What its requests and its entities name."""
    try:
        webhook = hidden_webhook(definition)
    except SchemaError as error:
        return (Problem("", str(error)),)
    strange = [
        Problem(f"entities[{index}]", unknown("the entity", entity, catalog.entities))
        for index, entity in enumerate(webhook.entities or ())
        if entity not in catalog.entities
    ]
    body = check_body(webhook.body, catalog, webhook.entities)
    return (*strange, *body, *check_places(webhook, catalog))
