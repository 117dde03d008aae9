"""Which fields of the record a workflow looks at.

Pure.  Who reads many events for a few workflows reads these fields of them and no others
(`schemas.codec.Codec.event_reader`).  Templates are no part of it: they see whole events.
"""

from __future__ import annotations

from collections.abc import Iterator

from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.language.workflow import (
    Condition,
    Counted,
    Group,
    Items,
    Leaf,
    Not,
    OtherField,
    Value,
    Workflow,
)


def fields_of(compiled: CompiledWorkflow) -> frozenset[str]:
    """The fields of the record that its conditions and `when_changed` name, by their first names.

    It may name more than it looks at, never less: `event.source` counts as a field `source` too.
    """
    return frozenset(name for path in _paths(compiled.workflow) for name in _names(path))


def _names(path: str) -> Iterator[str]:
    """What a path may mean of the record: `after.stage.id` and `stage.id` both say `stage`."""
    first, *rest = path.split(".", 2)
    yield first
    if rest:
        yield rest[0]


def _paths(workflow: Workflow) -> Iterator[str]:
    yield from workflow.when_changed
    conditions = [workflow.only_if, *(step.condition for step in workflow.then)]
    for condition in conditions:
        if condition is not None:
            yield from _paths_of(condition)


def _paths_of(condition: Condition) -> Iterator[str]:
    """Every field and other field that a condition names."""
    match condition:
        case Leaf():
            yield condition.field
            yield from fields_in(condition.value)
        case Group():
            for each in condition.of:
                yield from _paths_of(each)
        case Not():
            yield from _paths_of(condition.of)
        case Items():
            yield condition.field
            yield from _paths_of(condition.of)


def fields_in(value: Value) -> Iterator[str]:
    """Fields that an operand names."""
    match value:
        case OtherField():
            yield value.path
        case Counted():
            yield from fields_in(value.value)
        case tuple():
            for each in value:
                yield from fields_in(each)
        case _:
            pass
