"""Each operator, from both sides of where it turns, and what explanations say of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.records import Event
from tests.crm import NOON, compiled_of, event_of, record_of
from workflow_service.language.explain import explain_compiled
from workflow_service.language.verdict import Verdict

JUST_BEFORE_NOON = datetime(2026, 1, 1, 11, 59, tzinfo=UTC)
EMAILS = [{"value": "Ada@Example.com", "label": "work"}, {"value": "b@x.org", "label": "home"}]
PRODUCTS = [{"quantity": n, "price": "1", "amount": "1", "product": {"id": "p"}} for n in (1, 5)]


def verdict_on(event: Event, condition: Mapping[str, Any], **content: object) -> bool | None:
    """What is decided, which is what is explained."""
    compiled = compiled_of(entity=event.entity, only_if=condition, **content)
    assert compiled.condition is not None
    explained = compiled.condition.explain(event)
    decided = compiled.condition.decide(event)
    assert explained.verdict is decided
    assert explained.reason
    return decided


def lead(**fields: object) -> Event:
    return event_of(record_of("lead"), record_of("lead") | fields)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    return event_of(record_of("lead") | before, record_of("lead") | after)


@pytest.mark.parametrize(
    ("operator", "operand", "below", "same", "above"),
    [
        ("equals", 2, False, True, False),
        ("not_equals", 2, True, False, True),
        ("greater_than", 2, False, False, True),
        ("at_least", 2, False, True, True),
        ("less_than", 2, True, False, False),
        ("at_most", 2, True, True, False),
        ("between", [2, 2], False, True, False),
        ("in", [2, 7], False, True, False),
        ("not_in", [2, 7], True, False, True),
    ],
)
def test_numbers_are_told_apart(operator, operand, below, same, above):
    condition = {"field": "after.lead_value", operator: operand}

    found = [verdict_on(lead(lead_value=Decimal(n)), condition) for n in (1, 2, 3)]

    assert found == [below, same, above]


@pytest.mark.parametrize(
    ("operator", "below", "same", "above"),
    [
        ("equals", False, True, False),
        ("not_equals", True, False, True),
        ("greater_than", False, False, True),
        ("at_least", False, True, True),
        ("less_than", True, False, False),
        ("at_most", True, True, False),
    ],
)
def test_so_are_other_fields_and_relative_instants(operator, below, same, above):
    field = {"field": "after.lead_value", operator: {"field": "before.lead_value"}}
    instant = {"field": "after.closed_at", operator: "now - 1min"}
    numbers = [changed({"lead_value": Decimal(2)}, {"lead_value": Decimal(n)}) for n in (1, 2, 3)]
    instants = [lead(closed_at=JUST_BEFORE_NOON.replace(minute=n)) for n in (58, 59)]

    assert [verdict_on(each, field) for each in numbers] == [below, same, above]
    assert [verdict_on(each, instant) for each in instants] == [below, same]
    assert verdict_on(lead(closed_at=NOON), instant) is above


@pytest.mark.parametrize(
    ("operator", "operand", "holds", "fails"),
    [
        ("contains", "bc", "abcd", "acbd"),
        ("not_contains", "bc", "acbd", "abcd"),
        ("starts_with", "ab", "abc", "cab"),
        ("ends_with", "ab", "cab", "abc"),
        ("matches", "^a.c$", "abc", "xabc"),
        ("matches", "^b", "bc", "a\nbc"),
        ("matches", "\u00e9", "cafe\u0301", "cafe"),
        ("starts_with", "", "", None),
        ("contains", {"field": "after.lost_reason"}, "a because b", "a b"),
        ("starts_with", {"field": "after.lost_reason"}, "because", "a because"),
    ],
    ids=str,
)
def test_parts_of_texts(operator, operand, holds, fails):
    condition = {"field": "after.title", operator: operand}

    assert verdict_on(lead(title=holds, lost_reason="because"), condition) is True
    assert verdict_on(lead(title=fails, lost_reason="because"), condition) is (
        None if fails is None else False
    )


@pytest.mark.parametrize(
    ("operator", "operand", "value"),
    [
        ("equals", "STRASSE", "straße"),
        ("equals", "straße", "STRASSE"),
        ("in", ["X", "straSSe"], "Straße"),
        ("contains", "ÄRZT", "Lärztin"),
        ("starts_with", "ÉT", "e\u0301te\u0301"),
        ("ends_with", "TÉ", "éte\u0301"),
        ("matches", "^straße$", "STRASSE"),
        ("matches", "^STRASSE$", "straße"),
        ("matches", "[ß]", "ß"),
        ("matches", r"^\Qß\E$", "ß"),
        ("matches", "^[]ß]$", "ß"),
        ("matches", r"^\D+$", "ABC"),
    ],
)
def test_case_can_be_ignored(operator, operand, value):
    condition = {"field": "after.title", operator: operand, "ignore_case": True}
    sensitive = {"field": "after.title", operator: operand}

    assert verdict_on(lead(title=value), condition) is True
    assert verdict_on(lead(title="1"), condition) is False
    if value not in ("ß", "ABC"):
        assert verdict_on(lead(title=value), sensitive) is False


@pytest.mark.parametrize(
    ("operator", "operand", "expected"),
    [
        ("contains", "EXAMPLE", True),
        ("contains", "work", False),
        ("not_contains", "example", False),
        ("not_contains", "gmail", True),
        ("starts_with", "ADA@", True),
        ("starts_with", "example", False),
        ("ends_with", ".ORG", True),
        ("ends_with", "@x", False),
        ("matches", "^b@X", True),
        ("matches", "^x", False),
    ],
)
def test_any_address_will_do(operator, operand, expected):
    person = record_of("person") | {"emails": EMAILS}
    event = event_of(None, person, entity="person")

    assert verdict_on(event, {"field": "after.emails", operator: operand}) is expected


@pytest.mark.parametrize(
    ("quantifier", "over", "verdicts"),
    [
        ("any_item", 0, (True, False, None)),
        ("any_item", 3, (True, False, None)),
        ("any_item", 5, (False, False, None)),
        ("all_items", 0, (True, True, None)),
        ("all_items", 3, (False, True, None)),
        ("no_item", 3, (False, True, None)),
        ("no_item", 5, (True, True, None)),
    ],
)
def test_elements_are_asked_together(quantifier, over, verdicts):
    inner = {"field": "item.quantity", "greater_than": over}
    condition = {"field": "after.products", quantifier: inner}
    products = record_of("lead", products=PRODUCTS)["products"]

    found = [verdict_on(lead(products=each), condition) for each in (products, [], None)]

    assert tuple(found) == verdicts


def test_elements_are_compared_with_the_record_around_them():
    condition = {
        "field": "after.tags",
        "any_item": {
            "all": [
                {"field": "item", "equals": {"field": "after.title"}},
                {"field": "after.closed_at", "at_most": "now"},
                {"field": "event.source", "equals": "ui"},
                {"field": "title", "changed_to": "vip"},
            ]
        },
    }

    assert verdict_on(lead(tags=["x", "vip"], title="vip", closed_at=NOON), condition) is True
    assert verdict_on(lead(tags=["x"], title="vip", closed_at=NOON), condition) is False


def test_lists_stand_in_lists():
    inner = {"field": "after.tags", "any_item": {"field": "item", "equals": "b"}}
    condition = {"field": "after.products", "all_items": inner}
    products = record_of("lead", products=PRODUCTS)["products"]

    assert verdict_on(lead(products=products, tags=["a", "b"]), condition) is True
    assert verdict_on(lead(products=products, tags=["a"]), condition) is False


def test_a_custom_attribute_may_be_a_list():
    def holds(value: object, condition: Mapping[str, Any]) -> bool | None:
        field = {"field": "after.custom_attributes.x"}
        return verdict_on(lead(custom_attributes={"x": value}), field | condition)

    item = {"any_item": {"field": "item", "equals": "a"}}
    assert [holds(value, item) for value in (["a"], ["b"], "a", None)] == [True, False, None, None]
    count = {"count": {"at_least": 1}}
    assert [holds(value, count) for value in (["a"], [], "a", None)] == [True, False, None, None]


@pytest.mark.parametrize(
    ("operator", "operand", "before", "after", "expected"),
    [
        ("increased_by", 100, 100, 200, True),
        ("increased_by", 100, 100, "199.9999", False),
        ("increased_by", 100, 300, 100, False),
        ("decreased_by", 100, 200, 100, True),
        ("decreased_by", 100, 200, "100.0001", False),
        ("decreased_by", 100, 100, 300, False),
        ("increased_by", "10%", 100, 110, True),
        ("increased_by", "10%", 100, "109.9999", False),
        ("increased_by", "50%", -100, -50, True),
        ("increased_by", "51%", -100, -50, False),
        ("decreased_by", "10%", 100, 90, True),
        ("decreased_by", "10%", 100, "90.0001", False),
        ("decreased_by", "50%", -100, -150, True),
        ("increased_by", "10%", 0, 5, None),
        ("increased_by", 1, None, 5, None),
        ("decreased_by", 1, 5, None, None),
    ],
)
def test_rises_and_falls(operator, operand, before, after, expected):
    sides = [None if each is None else Decimal(each) for each in (before, after)]
    event = changed({"lead_value": sides[0]}, {"lead_value": sides[1]})

    assert verdict_on(event, {"field": "lead_value", operator: operand}) is expected


@pytest.mark.parametrize(
    ("field", "operand", "before", "after", "expected"),
    [
        ("expected_close_date", "7d", date(2026, 1, 1), date(2026, 1, 8), True),
        ("expected_close_date", "7d", date(2026, 1, 1), date(2026, 1, 7), False),
        ("expected_close_date", "1mo", date(2026, 1, 31), date(2026, 2, 28), True),
        ("closed_at", "1min", JUST_BEFORE_NOON, NOON, True),
        ("closed_at", "2min", JUST_BEFORE_NOON, NOON, False),
    ],
)
def test_dates_and_instants_move(field, operand, before, after, expected):
    forth = changed({field: before}, {field: after})
    back = changed({field: after}, {field: before})

    assert verdict_on(forth, {"field": field, "increased_by": operand}) is expected
    assert verdict_on(forth, {"field": field, "decreased_by": operand}) is False
    if operand != "1mo":
        assert verdict_on(back, {"field": field, "decreased_by": operand}) is expected


def test_a_change_is_told_by_its_ends():
    event = changed({"title": "new"}, {"title": "won"})

    def verdict(**operator: object) -> bool | None:
        return verdict_on(event, {"field": "title", **operator})

    assert verdict(changed_from="new") is True
    assert verdict(changed_from="won") is False
    assert verdict(changed_to="won") is True
    assert verdict(changed_to=["lost", "WON"], ignore_case=True) is True
    assert verdict(changed_to="WON") is False
    assert (
        verdict_on(
            changed({"title": "won"}, {"title": "won"}), {"field": "title", "changed_to": "won"}
        )
        is False
    )


ENTERING = {"field": "after.lead_value", "at_least": 10}


@pytest.mark.parametrize(
    ("before", "after", "fires"),
    [
        pytest.param({"lead_value": 5}, {"lead_value": 15}, True, id="it enters"),
        pytest.param({"lead_value": 15}, {"lead_value": 16}, False, id="it was there"),
        pytest.param({"lead_value": 15}, {"lead_value": 5}, False, id="it leaves"),
        pytest.param({"lead_value": None}, {"lead_value": 15}, True, id="unknown was not true"),
        pytest.param(None, {"lead_value": 15}, True, id="a creation enters"),
        pytest.param({"lead_value": 15}, None, False, id="a deletion does not"),
    ],
)
def test_on_entering_fires_when_the_condition_becomes_true(before, after, fires):
    sides = [None if each is None else record_of("lead", **each) for each in (before, after)]
    event = event_of(*sides)
    compiled = compiled_of(fire="on_entering", only_if=ENTERING)

    assert compiled.matches(event) is fires
    assert explain_compiled(compiled, event).matched is fires


def test_an_update_that_does_not_say_what_was_before_enters_nothing():
    event = event_of(None, record_of("lead", lead_value=15), operation="updated")
    compiled = compiled_of(fire="on_entering", only_if=ENTERING)

    explained = explain_compiled(compiled, event)

    assert not compiled.matches(event)
    assert "does not say what was before" in explained.reason


def test_an_explanation_of_entering_says_what_held_before():
    event = event_of(record_of("lead", lead_value=15), record_of("lead", lead_value=20))
    compiled = compiled_of(fire="on_entering", only_if=ENTERING)

    explained = explain_compiled(compiled, event)

    assert explained.reason == "only_if held before the change"
    (before,) = explained.verdicts[-1].inner
    assert before.reason == "after.lead_value is 15.0000, which is at least 10"


def explained_of(event: Event, condition: Mapping[str, Any], **content: object) -> Verdict:
    compiled = compiled_of(entity=event.entity, only_if=condition, **content)
    assert compiled.condition is not None
    return compiled.condition.explain(event)


@pytest.mark.parametrize(
    ("condition", "expected", "reason"),
    [
        (
            {"field": "after.lead_value", "greater_than": {"field": "before.lead_value"}},
            Decimal(100),
            "after.lead_value is 50, which is not greater than before.lead_value (100)",
        ),
        (
            {"field": "after.expected_close_date", "at_most": "today + 7d"},
            date(2026, 1, 8),
            "after.expected_close_date is 2026-02-01, which is greater than today + 7d (2026-01-08)",
        ),
        (
            {"field": "after.expected_close_date", "between": ["2026-01-01", "today + 7d"]},
            ("2026-01-01", date(2026, 1, 8)),
            (
                'after.expected_close_date is 2026-02-01, which is not between ["2026-01-01", today + 7d '
                "(2026-01-08)]"
            ),
        ),
        (
            {"field": "after.lead_value", "less_than": {"field": "before.custom_attributes.x"}},
            None,
            (
                "unknown: before.custom_attributes.x is null, so there is nothing to compare "
                "after.lead_value with"
            ),
        ),
        (
            {"field": "after.tags", "count": {"at_least": 2}},
            None,
            "after.tags has 1 element, and the number is less than 2",
        ),
        (
            {"field": "lead_value", "increased_by": 10},
            10,
            "lead_value was 100 before and is 50 after: it did not rise by 10",
        ),
        (
            {"not": {"field": "after.tags", "contains": "vip"}},
            None,
            'not: after.tags is ["vip"], which contains "vip"',
        ),
        (
            {"field": "after.tags", "any_item": {"field": "item", "equals": "x"}},
            None,
            (
                "any_item: 0 of 1 elements hold of after.tags; element 1: "
                'item is "vip", which does not equal "x"'
            ),
        ),
    ],
    ids=str,
)
def test_an_explanation_says_what_an_operand_came_to(condition, expected, reason):
    event = changed(
        {"lead_value": Decimal(100)},
        {
            "lead_value": Decimal(50),
            "expected_close_date": date(2026, 2, 1),
            "tags": ["vip"],
        },
    )

    verdict = explained_of(event, condition)

    assert verdict.reason == reason
    assert expected is None or verdict.expected == expected


def test_the_first_ten_elements_are_described():
    verdict = explained_of(
        lead(tags=[str(n) for n in range(100)]),
        {"field": "after.tags", "any_item": {"field": "item", "equals": "50"}},
    )

    assert verdict.verdict is True
    assert [each.condition for each in verdict.inner] == [f"element {n}" for n in range(1, 11)]
    assert verdict.reason == "any_item: 1 of 100 elements hold of after.tags"


def test_a_verdict_names_the_fields_that_it_quotes():
    item = {"field": "item", "equals": {"field": "after.title"}}
    verdict = explained_of(lead(tags=["x"]), {"field": "after.tags", "any_item": item})

    assert verdict.fields == ("after.tags",)
    assert verdict.inner[0].inner[0].fields == ("after.tags", "after.title")
