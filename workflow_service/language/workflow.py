"""What a workflow is: entity, operations, filters, a tree of conditions, ordered actions.

Pure: frozen values.  `workflow_service.language.parse` makes them of a manifest, `workflow_service.language.compiled`
checks them against the catalog; a `Workflow` alone is well-formed, not yet meaningful.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from schemas.records import Operation, Source
from schemas.wording import shown

#: What a field or an operand holds: a plain Python value of whatever type the schema says, and in
#: operands also `OtherField`, `Relative`, `Counted`, or a tuple of values.
Value = Any
State = Literal["active", "paused", "dry_run"]
Fire = Literal["every", "on_entering", "once_per_record"]
Mode = Literal["all", "any"]
Quantifier = Literal["any_item", "all_items", "no_item"]
Anchor = Literal["today", "now"]
Unit = Literal["min", "h", "d", "w", "mo", "y"]

OPERATIONS: tuple[str, ...] = get_args(Operation)
SOURCES: tuple[str, ...] = get_args(Source)
STATES: tuple[str, ...] = get_args(State)
FIRES: tuple[str, ...] = get_args(Fire)
MODES: tuple[str, ...] = get_args(Mode)
QUANTIFIERS: tuple[str, ...] = get_args(Quantifier)
UNITS: tuple[str, ...] = get_args(Unit)
#: Units that are a whole number of days.
DAY_UNITS: tuple[str, ...] = ("d", "w", "mo", "y")

#: Groups within groups, and lists within lists; deeper than this nobody can read, and recursion
#: stays bounded.
MAX_DEPTH = 8
#: Comparisons in one workflow, those of its actions included.
MAX_CONDITIONS = 200
#: Values of one `in` or `not_in`.
MAX_VALUES = 1_000
#: Actions of one workflow.
MAX_ACTIONS = 20
#: Fields of one `when_changed`.
MAX_WATCHED = 50
#: Characters of one text in a condition.
MAX_TEXT = 4_096
#: Characters of one regular expression.
MAX_PATTERN = 500


@dataclass(frozen=True, slots=True)
class OtherField:
    """An operand: what another field of the same event holds."""

    path: str

    def __str__(self) -> str:
        """As people read it."""
        return self.path


@dataclass(frozen=True, slots=True)
class Relative:
    """An operand: a day or an instant, as seen from the event.

    Attributes:
        amount: Of the unit; negative before the anchor.
        written: How the manifest says it: a text field is compared with just that text.
    """

    anchor: Anchor
    amount: int = 0
    unit: Unit = "d"
    written: str = field(default="", compare=False)

    def __str__(self) -> str:
        """As a manifest says it: `today + 7d`."""
        if self.written:
            return self.written
        sign = "-" if self.amount < 0 else "+"
        return f"{self.anchor} {sign} {abs(self.amount)}{self.unit}" if self.amount else self.anchor


@dataclass(frozen=True, slots=True)
class Counted:
    """An operand of `count`: what the number of elements is compared with, and how."""

    operator: str
    value: Value

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.operator} {shown(self.value)}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison.

    Attributes:
        field: `after.stage.id`, `before.title`, `event.source`, `item.quantity`; without a side
            for the `changed` family.
        operator: A name in `workflow_service.language.operators.OPERATORS`.
        value: As JSON writes it; a tuple where the operator takes several; `OtherField`,
            `Relative` or `Counted`.
        ignore_case: Texts that differ only in case are the same.
    """

    field: str
    operator: str
    value: Value
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that must all hold, or any of which must; never empty."""

    mode: Mode
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A condition that must not hold."""

    of: Condition


@dataclass(frozen=True, slots=True)
class Items:
    """A condition on the elements of a list, which stand in it as `item`."""

    field: str
    quantifier: Quantifier
    of: Condition


Condition = Leaf | Group | Not | Items


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
    """One action of a workflow: deliver the event to this webhook.

    Attributes:
        condition: The action is made if it is true; None: always.
        template: The body in place of the webhook's own, as the manifest says it.
    """

    webhook: str
    condition: Condition | None = None
    template: Any | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A rule.

    Attributes:
        on: The operations it looks at.
        source: None lets every source pass.
        when_changed: At least one of these fields must have changed; empty: no matter which.
        only_if: None holds always.
        then: The actions, in order; the place in it is the action's index.
        time_zone: A name of the IANA database; where `today` is.
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
    fire: Fire = "every"
    time_zone: str = "UTC"

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
        if self.time_zone != "UTC":
            content["time_zone"] = self.time_zone
        if self.only_if is not None:
            content["only_if"] = written(self.only_if)
        if self.fire != "every":
            content["fire"] = self.fire
        content["then"] = [_step(step) for step in self.then]
        content["state"] = self.state
        return content


def _step(step: Step) -> dict[str, Any]:
    """An action as a manifest says it."""
    content: dict[str, Any] = {"webhook": step.webhook}
    if step.condition is not None:
        content["if"] = written(step.condition)
    if step.template is not None:
        content["template"] = step.template
    return content


def written(condition: Condition) -> dict[str, Any]:
    """A condition as a manifest says it."""
    match condition:
        case Leaf():
            fold = {"ignore_case": True} if condition.ignore_case else {}
            return {
                "field": condition.field,
                condition.operator: written_operand(condition.value),
                **fold,
            }
        case Group():
            return {condition.mode: [written(each) for each in condition.of]}
        case Not():
            return {"not": written(condition.of)}
        case Items():
            return {"field": condition.field, condition.quantifier: written(condition.of)}


def written_operand(value: Value) -> Value:
    """An operand as a manifest says it."""
    match value:
        case tuple():
            return [written_operand(each) for each in value]
        case OtherField():
            return {"field": value.path}
        case Relative():
            return str(value)
        case Counted():
            return {value.operator: written_operand(value.value)}
        case _:
            return value
