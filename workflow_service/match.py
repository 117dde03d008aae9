"""Which workflows fire for an event.

Pure.  An index says which workflows may; each of those judges for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from schemas.records import Event
from workflow_service.compiled import CompiledWorkflow
from workflow_service.hinting import Hinting
from workflow_service.hints import Hint
from workflow_service.index import Entry, Tree
from workflow_service.judge import judge_of


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
_id = attrgetter("workflow.id")


class Matcher:
    """The workflows in force, found by what an event is about and says."""

    def __init__(self) -> None:
        """No workflow is there yet."""
        self._hinting = Hinting()
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._trees: dict[tuple[str, str], Tree] = {}

    def __len__(self) -> int:
        """The number of workflows that are looked at."""
        return len(self._entries)

    def put(self, compiled: CompiledWorkflow) -> None:
        """Take a workflow up, in place of an earlier version; a paused one is taken out."""
        workflow = compiled.workflow
        self.remove(workflow.id)
        if workflow.state == "paused":
            return
        ways, judge = range(len(self._hinting.ways(compiled))), judge_of(compiled)
        entries = self._entries[workflow.id] = tuple(Entry(compiled, way, judge) for way in ways)
        for operation in workflow.on:
            place = (workflow.entity, operation)
            tree = self._trees.get(place)
            if tree is None:
                tree = self._trees[place] = Tree(self._hints_of)
            for entry in entries:
                tree.put(entry)

    def remove(self, workflow_id: str) -> None:
        """Take a workflow out; nothing happens if it is not there."""
        for entry in self._entries.pop(workflow_id, ()):
            workflow = entry.compiled.workflow
            for operation in workflow.on:
                tree = self._trees[workflow.entity, operation]
                tree.take(entry)
                if not tree:
                    del self._trees[workflow.entity, operation]

    def match(self, event: Event) -> Matched:
        """The workflows that fire; one that breaks does not keep the others from it."""
        tree = self._trees.get((event.entity, event.operation))
        if tree is None:
            return NOTHING
        try:
            found: Iterable[Entry] = tree.find(event)
        except Exception:  # noqa: BLE001 - a value that is not what its schema says: ask them all
            found = self._all(event)
        matches: list[CompiledWorkflow] = []
        failures: list[Failure] = []
        for entry in found:
            try:
                if entry.judge(event):
                    matches.append(entry.compiled)
            except Exception as error:  # noqa: BLE001 - kept with the workflow it belongs to
                failures.append(Failure(entry.compiled, error))
        if failures:
            return Matched(_ordered(matches), _failed(failures))
        return Matched(_ordered(matches)) if matches else NOTHING

    def _hints_of(self, entry: Entry) -> tuple[Hint, ...]:
        return self._hinting.ways(entry.compiled)[entry.way]

    def _all(self, event: Event) -> Iterable[Entry]:
        """Every workflow for such an event."""
        for entry, *_ in self._entries.values():
            workflow = entry.compiled.workflow
            if workflow.entity == event.entity and event.operation in workflow.on:
                yield entry


def _ordered(matches: list[CompiledWorkflow]) -> tuple[CompiledWorkflow, ...]:
    """By id, each once."""
    if len(matches) > 1:
        matches.sort(key=_id)
        matches = [each for at, each in enumerate(matches) if not at or each is not matches[at - 1]]
    return tuple(matches)


def _failed(failures: list[Failure]) -> tuple[Failure, ...]:
    """By id, each once."""
    by_id = {_id(each.compiled): each for each in failures}
    return tuple(by_id[each] for each in sorted(by_id))
