"""The definitions in force, compiled: keeps the matcher in step with the definitions topics."""

from __future__ import annotations

import json
from collections.abc import Mapping

from runtime import metrics
from runtime.definitions import DefinitionTable
from runtime.logs import get_logger
from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.records import Definition
from workflow_service.compiled import CompiledWorkflow, compile_workflow
from workflow_service.match import Matcher
from workflow_service.parse import parse_workflow

log = get_logger(__name__)

ACTIVE = metrics.gauge("hookline_workflows_active", "Workflows that are matched with events.")
BROKEN = metrics.gauge(
    "hookline_workflows_broken", "Stored workflows that make no sense (any more) and do not run."
)


def compile_definition(
    definition: Definition, catalog: Catalog
) -> CompiledWorkflow | tuple[Problem, ...]:
    """A stored workflow, ready to run, or what is wrong with it."""
    try:
        content = json.loads(definition.spec)
    except ValueError as error:
        return (Problem("", f"its spec is not JSON: {error}"),)
    if not isinstance(content, dict):
        return (Problem("", "its spec is not a JSON object"),)
    workflow = parse_workflow(content)
    if isinstance(workflow, tuple):
        return workflow
    return compile_workflow(workflow, definition.version, catalog)


class Library:
    """Compiles each workflow once, when it is taken up.

    A stored workflow that does not compile (the entity's schema has changed, say) is out of force
    and reported; the others do not notice.
    """

    def __init__(
        self,
        catalog: Catalog,
        matcher: Matcher,
        workflows: DefinitionTable,
        webhooks: DefinitionTable,
    ) -> None:
        """Take up what there is, and every change from now on."""
        self._catalog = catalog
        self._matcher = matcher
        self._webhooks = webhooks
        self._broken: dict[str, tuple[Problem, ...]] = {}
        self._missing: set[str] = set()
        workflows.listen(self._on_workflow)

    @property
    def webhooks(self) -> Mapping[str, Definition]:
        """The webhooks there are."""
        return self._webhooks.current

    @property
    def broken(self) -> Mapping[str, tuple[Problem, ...]]:
        """The workflows that do not run, with their problems."""
        return self._broken

    async def find_webhooks(self, ids: set[str]) -> bool:
        """Catch up with the webhooks if any of these is missed for the first time.

        Returns:
            True if one of them is there now.
        """
        unknown = ids - self.webhooks.keys() - self._missing
        if unknown:
            await self._webhooks.catch_up()
            self._missing |= unknown - self.webhooks.keys()
        return bool(ids & self.webhooks.keys())

    def _on_workflow(self, id: str, definition: Definition | None) -> None:
        self._broken.pop(id, None)
        if definition is None:
            self._matcher.remove(id)
            log.info("workflow.removed", workflow=id)
        else:
            self._take_up(definition)
        ACTIVE.set(len(self._matcher))
        BROKEN.set(len(self._broken))

    def _take_up(self, definition: Definition) -> None:
        compiled = compile_definition(definition, self._catalog)
        if isinstance(compiled, CompiledWorkflow):
            self._matcher.put(compiled)
            log.info("workflow.taken_up", workflow=definition.id, version=definition.version)
            return
        self._matcher.remove(definition.id)
        self._broken[definition.id] = compiled
        log.error(
            "workflow.broken",
            workflow=definition.id,
            version=definition.version,
            problems=[str(problem) for problem in compiled],
        )
