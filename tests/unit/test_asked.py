"""Which fields of the record a workflow looks at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from workflow_service.asked import fields_of
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.language.workflow import (
    Counted,
    Group,
    Items,
    Leaf,
    Not,
    OtherField,
    Step,
    Workflow,
)


def asked(**of_workflow) -> frozenset[str]:
    workflow = Workflow("w", "lead", ("updated",), **{"then": (Step("hook"),), **of_workflow})
    return fields_of(cast("CompiledWorkflow", SimpleNamespace(workflow=workflow)))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(Leaf("after.title", "is", "x"), {"title"}, id="a field after"),
        pytest.param(Leaf("before.stage.id", "is", "x"), {"stage"}, id="a nested field before"),
        pytest.param(
            Leaf("stage.id", "changed", value=True), {"stage"}, id="a field without a side"
        ),
        pytest.param(
            Not(Group("any", (Leaf("after.a", "is", 1), Leaf("after.b", "is", 1)))),
            {"a", "b"},
            id="within groups",
        ),
        pytest.param(
            Leaf("after.a", "is", OtherField("before.b.c")), {"a", "b"}, id="another field"
        ),
        pytest.param(
            Leaf("after.a", "between", (1, OtherField("after.b"))), {"a", "b"}, id="a bound"
        ),
        pytest.param(
            Leaf("after.a", "count", Counted("is", OtherField("after.b"))), {"a", "b"}, id="a count"
        ),
        pytest.param(
            Items("after.products", "any_item", Leaf("item.price", "above", OtherField("after.a"))),
            {"products", "a"},
            id="elements of a list",
        ),
    ],
)
def test_every_field_that_a_condition_names_is_asked_for(condition, expected):
    assert asked(only_if=condition) >= expected
    assert asked(then=(Step("hook", condition),)) >= expected


def test_watched_fields_are_asked_for_and_a_workflow_without_conditions_asks_for_none():
    assert asked(when_changed=("stage.id", "title")) >= {"stage", "title"}
    assert asked() == frozenset()
