"""Which workflows fire for an event.

Pure.  A table from entity and operation to the workflows that look at them; what stands behind
`Matcher`'s methods may become cleverer, they stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.records import Event
from workflow_service.compiled import CompiledWorkflow


@dataclass(frozen=True, slots=True)
class Failure:
    """A workflow that broke on an event instead of deciding: a defect of ours, kept to itself."""

    compiled: CompiledWorkflow
    error: Exception


@dataclass(frozen=True, slots=True)
class Matched:
    """What an event led to; matches in the order of the workflows' ids."""

    matches: tuple[CompiledWorkflow, ...] = ()
    failures: tuple[Failure, ...] = ()


NOTHING = Matched()


class Matcher:
    """The active workflows, looked up by what an event is about."""

    def __init__(self) -> None:
        """No workflow is there yet."""
        self._by_id: dict[str, CompiledWorkflow] = {}
        self._table: dict[tuple[str, str], tuple[CompiledWorkflow, ...]] = {}

    def __len__(self) -> int:
        """The number of workflows that are looked at."""
        return len(self._by_id)

    def put(self, compiled: CompiledWorkflow) -> None:
        """Take a workflow up, in place of an earlier version; a paused one is taken out."""
        workflow = compiled.workflow
        self.remove(workflow.id)
        if workflow.state != "active":
            return
        self._by_id[workflow.id] = compiled
        for operation in workflow.on:
            place = (workflow.entity, operation)
            row = [*self._table.get(place, ()), compiled]
            self._table[place] = tuple(sorted(row, key=lambda each: each.workflow.id))

    def remove(self, workflow_id: str) -> None:
        """Take a workflow out; nothing happens if it is not there."""
        old = self._by_id.pop(workflow_id, None)
        if old is None:
            return
        for operation in old.workflow.on:
            place = (old.workflow.entity, operation)
            self._table[place] = tuple(each for each in self._table[place] if each is not old)

    def match(self, event: Event) -> Matched:
        """The workflows that fire; one that breaks does not keep the others from it."""
        row = self._table.get((event.entity, event.operation))
        if not row:
            return NOTHING
        matches: list[CompiledWorkflow] = []
        failures: list[Failure] = []
        for compiled in row:
            try:
                if compiled.matches(event):
                    matches.append(compiled)
            except Exception as error:  # noqa: BLE001 - kept with the workflow it belongs to
                failures.append(Failure(compiled, error))
        return Matched(tuple(matches), tuple(failures)) if matches or failures else NOTHING
