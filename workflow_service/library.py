"""The definitions in force, compiled: keeps the matcher in step with the definitions topics."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from runtime import metrics
from runtime.definitions import DefinitionTable
from runtime.logs import get_logger
from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.records import Definition
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.leaf import Leaves
from workflow_service.language.parse import parse_workflow
from workflow_service.matching.match import Matcher

log = get_logger(__name__)

ACTIVE = metrics.gauge("hookline_workflows_active", "Workflows that are matched with events.")
BROKEN = metrics.gauge(
    "hookline_workflows_broken", "Stored workflows that make no sense (any more) and do not run."
)


#: So long definitions are compiled in one go; then whoever waits gets a turn.
TURN_S = 0.005
#: From so many definitions on, it pays to keep the garbage collector from them.
MANY = 1_000


def compile_definition(
    definition: Definition, catalog: Catalog, leaves: Leaves | None = None
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
    return compile_workflow(workflow, definition.version, catalog, leaves)


class Watcher(Protocol):
    """Who else wants to know what is in force."""

    def taken_up(self, compiled: CompiledWorkflow, definition: Definition) -> None:
        """A version is in force from now on, in place of an earlier one."""

    def dropped(self, workflow_id: str) -> None:
        """A workflow is out of force."""


@contextmanager
def _no_collection(count: int) -> Iterator[None]:
    """What is made here stays: looking through it for garbage, again and again, costs a third more.

    Nor is it looked through later, which with many definitions would hold up matching for as long as
    a second.  What replaced ones leave behind of reference cycles stays with it, at most once each.
    """
    if count < MANY:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


class Library:
    """Compiles each workflow once, when it is taken up.

    Changes are compiled one after the other, and whoever waits gets a turn between two, so that many
    of them do not hold up the events.  A stored workflow that does not compile (the entity's schema
    has changed, say) is out of force and reported; the others do not notice.
    """

    def __init__(
        self,
        catalog: Catalog,
        matcher: Matcher,
        workflows: DefinitionTable,
        webhooks: DefinitionTable,
        watcher: Watcher,
    ) -> None:
        """Note what there is and every change from now on; nothing is compiled yet."""
        self._catalog = catalog
        self._leaves = Leaves()
        self._matcher = matcher
        self._workflows = workflows
        self._webhooks = webhooks
        self._watcher = watcher
        self._broken: dict[str, tuple[Problem, ...]] = {}
        self._missing: set[str] = set()
        #: By id, the oldest change first; None takes a workflow out.
        self._waiting: dict[str, Definition | None] = {}
        self._something = asyncio.Event()
        self._loaded = False
        workflows.listen(self._on_workflow)

    async def load(self) -> None:
        """Take up everything there is; said in one line."""
        time = asyncio.get_running_loop().time
        began, count = time(), len(self._waiting)
        with _no_collection(count):
            await self._take_up_waiting()
        self._loaded = True
        log.info(
            "workflows.loaded",
            workflows=count,
            active=len(self._matcher),
            broken=len(self._broken),
            seconds=round(time() - began, 3),
        )

    async def keep_up(self) -> None:
        """Take every change up as it comes, until cancelled."""
        while True:
            await self._something.wait()
            await self._take_up_waiting()

    async def catch_up(self) -> None:
        """Take up every workflow that was saved before this call."""
        await self._workflows.catch_up()
        await self._take_up_waiting()

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
        self._waiting.pop(id, None)  # only its latest version counts
        self._waiting[id] = definition
        self._something.set()

    async def _take_up_waiting(self) -> None:
        """Take up what has changed, giving way to others now and then."""
        time = asyncio.get_running_loop().time
        until = time() + TURN_S
        while self._waiting:
            id = next(iter(self._waiting))
            self._change(id, self._waiting.pop(id))
            if time() > until:
                await asyncio.sleep(0)
                until = time() + TURN_S
        self._something.clear()
        ACTIVE.set(len(self._matcher))
        BROKEN.set(len(self._broken))

    def _change(self, id: str, definition: Definition | None) -> None:
        self._broken.pop(id, None)
        if definition is None:
            self._drop(id)
            log.info("workflow.removed", workflow=id)
            return
        compiled = compile_definition(definition, self._catalog, self._leaves)
        if isinstance(compiled, CompiledWorkflow):
            self._matcher.put(compiled)
            self._watcher.taken_up(compiled, definition)
            if self._loaded:
                log.info("workflow.taken_up", workflow=id, version=definition.version)
            return
        self._drop(id)
        self._broken[id] = compiled
        log.error(
            "workflow.broken",
            workflow=id,
            version=definition.version,
            problems=[str(problem) for problem in compiled],
        )

    def _drop(self, id: str) -> None:
        self._matcher.remove(id)
        self._watcher.dropped(id)
