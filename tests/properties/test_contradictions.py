"""What is refused as contradictory can hold of no event, found out by trying all of a small world."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Event
from tests.crm import catalog, compiled_of, event_of, record_of
from workflow_service.language.findings import always, contradictions

NUMBERS = [None, Decimal(1), Decimal("1.5"), Decimal(2), Decimal(3)]
TEXTS = [None, "", "a", "A", "ab"]
TAGS: list[list[str]] = [[], ["a"], ["a", "b"]]


def event(number: tuple[Any, ...], text: tuple[Any, ...], tags: list[str]) -> Event:
    before, after = (
        record_of("lead") | {"lead_value": value, "description": said, "tags": tags}
        for value, said in zip(number, text, strict=True)
    )
    return event_of(before, after)


WORLD = [
    event(number, text, tags)
    for number in product(NUMBERS, repeat=2)
    for text in product(TEXTS, repeat=2)
    for tags in TAGS
]
number = st.sampled_from([1, 2, 3])
text = st.sampled_from(["a", "A", "ab", ""])


def leaf(field: str, operator: str, operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return operand.map(lambda value: {"field": field, operator: value})


def on(operators: list[str], field: str, operand: st.SearchStrategy[Any]) -> list[Any]:
    return [leaf(field, operator, operand) for operator in operators]


ORDER = ["equals", "not_equals", "greater_than", "at_least", "less_than", "at_most"]
SPELLED = ["equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with"]
LEAVES = st.one_of(
    *on(ORDER, "after.lead_value", number),
    *on(["in", "not_in"], "after.lead_value", st.lists(number, min_size=1)),
    leaf("after.lead_value", "between", st.sampled_from([[1, 2], [2, 3], [2, 2]])),
    leaf("after.lead_value", "equals", st.just({"field": "before.lead_value"})),
    leaf("after.lead_value", "not_equals", st.just({"field": "before.lead_value"})),
    *on(SPELLED, "after.description", text),
    *[
        each.map(lambda said: said | {"ignore_case": True})
        for each in on(SPELLED, "after.description", text)
    ],
    *[
        leaf(field, "is_empty", st.booleans())
        for field in ("after.lead_value", "after.description", "after.tags")
    ],
    *on(["changed"], "lead_value", st.booleans()),
    *on(["changed_from", "changed_to", "increased_by", "decreased_by"], "lead_value", number),
    *on(["changed_from", "changed_to"], "description", st.sampled_from(["a", "A"])),
    *on(["contains", "not_contains"], "after.tags", text.filter(bool)),
    leaf("after.tags", "count", st.sampled_from([{op: n} for op in ORDER for n in range(3)])),
    leaf("after.tags", "any_item", leaf("item", "equals", text)),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)


@given(CONDITIONS)
def test_a_contradiction_at_the_root_holds_of_nothing(condition: dict[str, Any]) -> None:
    compiled = compiled_of(only_if=condition)
    assert compiled.condition is not None
    decide = compiled.condition.decide

    if any(problem.place in ("only_if", "") for problem in contradictions(compiled)):
        assert not any(decide(each) is True for each in WORLD)


@given(st.lists(LEAVES, min_size=1, max_size=4))
def test_conditions_that_are_refused_together_hold_of_nothing(of: list[dict[str, Any]]) -> None:
    compiled = compiled_of(only_if={"all": of})
    assert compiled.condition is not None
    decide = compiled.condition.decide

    if contradictions(compiled):
        assert not any(decide(each) is True for each in WORLD)


@given(st.lists(LEAVES, min_size=1, max_size=3))
def test_what_is_reported_as_always_true_is_never_false(of: list[dict[str, Any]]) -> None:
    compiled = compiled_of(only_if={"any": of})
    assert compiled.condition is not None
    decide = compiled.condition.decide

    if any("always true" in problem.message for problem in always(compiled)):
        assert not any(decide(each) is False for each in WORLD)


def test_the_world_is_worth_trying():
    assert catalog() is not None
    assert len(WORLD) > 1_000
