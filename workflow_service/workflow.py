"""What a workflow is: entity, operations, filters, a tree of conditions, ordered actions.

Pure: frozen values.  `workflow_service.parse` makes them of a manifest, `workflow_service.compiled`
checks them against the catalog; a `Workflow` alone is well-formed, not yet meaningful.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from schemas.records import Operation, Source

#: What a field or an operand holds: a plain Python value of whatever type the schema says.
Value = Any
State = Literal["active", "paused"]
Mode = Literal["all", "any"]

OPERATIONS: tuple[str, ...] = get_args(Operation)
SOURCES: tuple[str, ...] = get_args(Source)
STATES: tuple[str, ...] = get_args(State)
MODES: tuple[str, ...] = get_args(Mode)

#: Groups within groups; deeper than this nobody can read, and recursion stays bounded.
MAX_DEPTH = 8
#: Conditions in one workflow, all groups together.
MAX_CONDITIONS = 200
#: Values of one `in` or `not_in`.
MAX_VALUES = 1_000
#: Actions of one workflow.
MAX_ACTIONS = 20
#: Fields of one `when_changed`.
MAX_WATCHED = 50
#: Characters of one text in a condition.
MAX_TEXT = 4_096


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison.

    Attributes:
        field: `after.stage.id`, `before.title`, `event.source`; without a side for `changed`.
        operator: A name in `workflow_service.operators.OPERATORS`.
        value: As JSON writes it; a tuple where the operator takes several.
    """

    field: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that must all hold, or any of which must; never empty."""

    mode: Mode
    of: tuple[Condition, ...]


Condition = Leaf | Group


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """Where the change must come from, or must not come from."""

    mode: Literal["in", "not_in"]
    values: tuple[str, ...]

    @property
    def accepted(self) -> frozenset[str]:
        """The sources that pass."""
        named = frozenset(self.values)
        return named if self.mode == "in" else frozenset(SOURCES) - named


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a workflow: deliver the event to this webhook."""

    webhook: str


@dataclass(frozen=True, slots=True)
class Workflow:
    """A rule.

    Attributes:
        on: The operations it looks at.
        source: None lets every source pass.
        when_changed: At least one of these fields must have changed; empty: no matter which.
        only_if: None holds always.
        then: The actions, in order; the place in it is the action's index.
    """

    id: str
    entity: str
    on: tuple[str, ...]
    then: tuple[Step, ...]
    source: SourceFilter | None = None
    when_changed: tuple[str, ...] = ()
    only_if: Condition | None = None
    state: State = "active"
    description: str = ""

    @property
    def webhooks(self) -> tuple[str, ...]:
        """The webhooks it names, each once, in order."""
        return tuple(dict.fromkeys(step.webhook for step in self.then))

    def manifest(self) -> dict[str, Any]:
        """The workflow as its manifest says it, without `kind` and without what is default."""
        content: dict[str, Any] = {"id": self.id, "entity": self.entity, "on": list(self.on)}
        if self.description:
            content["description"] = self.description
        if self.source is not None:
            content["source"] = {self.source.mode: list(self.source.values)}
        if self.when_changed:
            content["when_changed"] = list(self.when_changed)
        if self.only_if is not None:
            content["only_if"] = _written(self.only_if)
        content["then"] = [{"webhook": step.webhook} for step in self.then]
        content["state"] = self.state
        return content


def _written(condition: Condition) -> dict[str, Any]:
    """A condition as a manifest says it."""
    match condition:
        case Leaf():
            value = condition.value
            written = list(value) if isinstance(value, tuple) else value
            return {"field": condition.field, condition.operator: written}
        case Group():
            return {condition.mode: [_written(each) for each in condition.of]}
