"""Cycles that definitions make possible: workflow → webhook → what its receiver writes → workflow.

Pure.  Errs on the side of warning: a condition counts as possible unless it can be seen that no
change made on account of a workflow fulfils it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from webhook_service.webhook import Webhook
from webhook_service.writes import Write
from workflow_service.language.workflow import Condition, Group, Leaf, Workflow

#: More than these nobody reads; mending some mends others.
MOST: Final = 100
#: As many hops as can be allowed (`HOOKLINE_MAX_HOPS`).
MOST_HOPS: Final = 100
#: Operators that are only ever true of a field that has changed.
_CHANGED: Final = frozenset({"changed_from", "changed_to", "increased_by", "decreased_by"})


@dataclass(frozen=True, slots=True)
class Turn:
    """One part of a cycle: the workflow's action, and the write that sets off the next one.

    Attributes:
        on: The operations by which the next workflow is set off.
    """

    workflow: str
    webhook: str
    entity: str
    on: tuple[str, ...]

    def __str__(self) -> str:
        """As a part of a path."""
        return f"{self.workflow} → webhook {self.webhook} → {self.entity} {'/'.join(self.on)}"


@dataclass(frozen=True, slots=True)
class Cycle:
    """Workflows that can set each other off for ever."""

    turns: tuple[Turn, ...]

    def __str__(self) -> str:
        """The whole path, back to where it began."""
        return " → ".join([*map(str, self.turns), self.turns[0].workflow])

    @property
    def workflows(self) -> tuple[str, ...]:
        """In the order of the cycle."""
        return tuple(turn.workflow for turn in self.turns)


def cycles_of(
    workflows: Mapping[str, Workflow], webhooks: Mapping[str, Webhook]
) -> tuple[Cycle, ...]:
    """For every workflow that stands in a cycle a shortest one; each cycle once, `MOST` at most."""
    graph = _Graph(workflows, webhooks)
    found: list[Cycle] = []
    covered: set[str] = set()
    for id in sorted(graph.live):
        if id in covered or len(found) == MOST:
            continue
        turns = graph.shortest(id)
        if turns:
            found.append(Cycle(turns))
            covered.update(turn.workflow for turn in turns)
    return tuple(found)


class _Graph:
    """Workflows, what their webhooks write, and which workflows that sets off.

    Attributes:
        live: The workflows that may stand in a cycle: those with a way in and a way out.
    """

    def __init__(self, workflows: Mapping[str, Workflow], webhooks: Mapping[str, Webhook]) -> None:
        self._workflows = workflows
        self._writes = {id: hook.writes or () for id, hook in webhooks.items()}
        #: By webhook and entity: the workflows that the write sets off, with the operations.
        self._set_off: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
        by_entity: dict[str, list[Workflow]] = {}
        for workflow in workflows.values():
            by_entity.setdefault(workflow.entity, []).append(workflow)
        for id, writes in self._writes.items():
            for write in writes:
                reached = self._set_off.setdefault((id, write.entity), {})
                for workflow in by_entity.get(write.entity, ()):
                    if on := set_off_by(workflow, write):
                        reached[workflow.id] = on
        self.live = self._trimmed(set(workflows))
        if not self._creates():
            once = {id for id in self.live if workflows[id].fire == "once_per_record"}
            self.live = self._trimmed(self.live - once)

    def shortest(self, start: str) -> tuple[Turn, ...]:
        """A shortest way from a workflow back to itself; empty if there is none."""
        came: dict[str, tuple[Turn, ...]] = {start: ()}
        followed: set[tuple[str, str]] = set()
        queue = deque([start])
        while queue:
            here = queue.popleft()
            for key in self._keys(here):
                if start in self._set_off[key] and not self._settles(here, start, key):
                    return (*came[here], self._turn(here, start, key))
                if key in followed:
                    continue
                followed.add(key)
                for other in self._set_off[key]:
                    if other in self.live and other not in came:
                        came[other] = (*came[here], self._turn(here, other, key))
                        queue.append(other)
        return ()

    def _turn(self, here: str, other: str, key: tuple[str, str]) -> Turn:
        hook, entity = key
        return Turn(here, hook, entity, self._set_off[key][other])

    def _keys(self, id: str) -> list[tuple[str, str]]:
        """What a workflow's actions can write on account of a workflow: by webhook and entity."""
        steps = self._workflows[id].then
        hooks = dict.fromkeys(step.webhook for step in steps if _possible(step.condition))
        return [(hook, write.entity) for hook in hooks for write in self._writes.get(hook, ())]

    def _settles(self, id: str, other: str, key: tuple[str, str]) -> bool:
        """Whether a workflow cannot go on setting itself off: it must leave before it enters again."""
        entering = self._workflows[id].fire == "on_entering"
        return id == other and entering and "created" not in self._set_off[key][other]

    def _creates(self) -> bool:
        """Whether records come into being on the way: only then does once per record not end it."""
        keys = {key for id in self.live for key in self._keys(id)}
        return any("created" in on for key in keys for on in self._set_off[key].values())

    def _trimmed(self, live: set[str]) -> set[str]:
        """Without those that nothing leads to or that lead to nothing, again and again."""
        while True:
            keys = {id: self._keys(id) for id in live}
            reached = {other for key in {*chain(*keys.values())} for other in self._set_off[key]}
            kept = {
                id
                for id in live & reached
                if any(
                    other in live and not self._settles(id, other, key)
                    for key in keys[id]
                    for other in self._set_off[key]
                )
            }
            if kept == live:
                return live
            live = kept


def set_off_by(workflow: Workflow, write: Write) -> tuple[str, ...]:
    """The operations of a write that can set off a workflow of its entity."""
    if workflow.source is not None and "workflow" not in workflow.source.accepted:
        return ()
    return tuple(
        operation
        for operation in write.on
        if operation in workflow.on
        and _fits(workflow, write.fields if operation == "updated" else ())
    )


def _fits(workflow: Workflow, fields: Sequence[str]) -> bool:
    """Whether a change of these fields (empty: of any) can fulfil the workflow's conditions."""
    watched = {path.partition(".")[0] for path in workflow.when_changed}
    if watched and fields and not watched & set(fields):
        return False
    return _possible(workflow.only_if, fields)


def _possible(condition: Condition | None, fields: Sequence[str] = ()) -> bool:
    """False if it can be seen that no change on account of a workflow fulfils the condition."""
    match condition:
        case Group(mode="all", of=of):
            return all(_possible(each, fields) for each in of)
        case Group(mode="any", of=of):
            return any(_possible(each, fields) for each in of)
        case Leaf():
            return _leaf_possible(condition, fields)
        case _:
            return True


def _leaf_possible(leaf: Leaf, fields: Sequence[str]) -> bool:
    """The same of one comparison: about the source, the hops, or a field that is not changed."""
    if leaf.field == "event.source":
        return _holds(leaf, "workflow")
    if leaf.field == "event.hops":
        return any(_holds(leaf, hops) for hops in range(1, MOST_HOPS + 1))
    must_change = leaf.operator in _CHANGED or (leaf.operator == "changed" and leaf.value is True)
    return not (must_change and fields) or leaf.field.partition(".")[0] in fields


def _holds(leaf: Leaf, value: str | int) -> bool:
    """Whether a comparison with plain values holds; True for any other."""
    test = _TESTS.get(leaf.operator)
    operands = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    if test is None or leaf.ignore_case or not all(isinstance(it, str | int) for it in operands):
        return True
    try:
        return test(value, operands)
    except TypeError:
        return True


_TESTS: Final[Mapping[str, Callable[[Any, tuple[Any, ...]], bool]]] = {
    "equals": lambda value, operands: value in operands,
    "in": lambda value, operands: value in operands,
    "not_equals": lambda value, operands: value not in operands,
    "not_in": lambda value, operands: value not in operands,
    "less_than": lambda value, operands: value < operands[0],
    "at_most": lambda value, operands: value <= operands[0],
    "between": lambda value, operands: operands[0] <= value <= operands[-1],
}
