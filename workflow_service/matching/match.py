"""Which workflows fire for an event.

Pure.  An index says which workflows may; each of those judges for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from schemas.records import Event
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.matching.entries import Entry
from workflow_service.matching.hinting import Hinting
from workflow_service.matching.index import Index


@dataclass(frozen=True, slots=True)
class Failure:
    """A workflow that broke on an event instead of deciding: a defect of ours, kept to itself."""

    compiled: CompiledWorkflow
    error: Exception


class Matched(NamedTuple):
    """What an event led to; matches in the order of the workflows' ids."""

    matches: tuple[CompiledWorkflow, ...] = ()
    failures: tuple[Failure, ...] = ()


NOTHING = Matched()
T = TypeVar("T")


class Matcher:
    """The workflows in force, found by what an event is about and says."""

    def __init__(self) -> None:
        """No workflow is there yet."""
        self._hinting = Hinting()
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._indexes: dict[str, Index] = {}

    def __len__(self) -> int:
        """The number of workflows that are looked at."""
        return len(self._entries)

    def put(self, compiled: CompiledWorkflow) -> None:
        """Take a workflow up, in place of an earlier version; a paused one is taken out."""
        workflow = compiled.workflow
        self.remove(workflow.id)
        if workflow.state == "paused":
            return
        index = self._indexes.get(workflow.entity)
        if index is None:
            index = self._indexes[workflow.entity] = Index(self._hinting)
        self._entries[workflow.id] = index.put(compiled)

    def remove(self, workflow_id: str) -> None:
        """Take a workflow out; nothing happens if it is not there."""
        for entry in self._entries.pop(workflow_id, ()):
            entity = entry.compiled.workflow.entity
            index = self._indexes[entity]
            index.take(entry)
            if not index:
                del self._indexes[entity]

    def match(self, event: Event) -> Matched:
        """The workflows that fire; one that breaks does not keep the others from it."""
        index = self._indexes.get(event.entity)
        if index is None:
            return NOTHING
        try:
            found = index.find(event)
        except Exception:  # noqa: BLE001 - a value that is not what its schema says: ask them all
            found = self._all(event)
        matches: dict[str, CompiledWorkflow] = {}
        failures: dict[str, Failure] = {}
        for entry in found:
            try:
                if entry.judge is None or entry.judge(event):
                    matches[entry.compiled.workflow.id] = entry.compiled
            except Exception as error:  # noqa: BLE001 - kept with the workflow it belongs to
                failures[entry.compiled.workflow.id] = Failure(entry.compiled, error)
        if not matches and not failures:
            return NOTHING
        return Matched(_in_order(matches), _in_order(failures))

    def _all(self, event: Event) -> list[Entry]:
        """Every workflow for such an event, each with a judge that takes nothing for granted."""
        firsts = (entries[0].compiled for entries in self._entries.values())
        return [Entry(each, 0, judge=each.matches) for each in firsts if each.takes(event)]


def _in_order(by_id: dict[str, T]) -> tuple[T, ...]:
    if len(by_id) < 2:  # noqa: PLR2004 - nothing to order
        return tuple(by_id.values())
    return tuple([by_id[each] for each in sorted(by_id)])
