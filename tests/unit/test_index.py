"""The index: what is looked at, and what a change leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.crm import compiled_of, event_of, lead_event, record_of
from workflow_service.matching import signature
from workflow_service.matching.match import Matcher

MANY = 60


def looked_at(matcher: Matcher, event) -> set[str]:
    """The ids of the workflows that are judged for an event."""
    index = matcher._indexes[event.entity]
    return {entry.compiled.workflow.id for entry in index.find(event)}


def matcher_of(*conditions: Any, **more: object) -> Matcher:
    matcher = Matcher()
    for number, condition in enumerate(conditions):
        matcher.put(compiled_of(id=f"w{number:03}", only_if=condition, **more))
    return matcher


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        pytest.param(
            lambda n: {"field": "after.user.id", "equals": f"u{n}"},
            {"user": {"id": "u7"}},
            id="key",
        ),
        pytest.param(
            lambda n: {"field": "after.user.id", "in": [f"u{n}", f"v{n}"]},
            {"user": {"id": "v7"}},
            id="one of several keys",
        ),
        pytest.param(
            lambda n: {"any": [{"field": "after.title", "equals": f"{p}{n}"} for p in "ab"]},
            {"title": "b7"},
            id="any of one field",
        ),
        pytest.param(
            lambda n: {
                "any": [
                    {"field": "after.title", "equals": f"t{n}"},
                    {"field": "after.user.id", "equals": f"u{n}"},
                ]
            },
            {"user": {"id": "u7"}},
            id="any of two fields",
        ),
        pytest.param(
            lambda n: {"field": "after.lead_value", "between": [10 * n, 10 * n + 3]},
            {"lead_value": "72.5"},
            id="narrow band",
        ),
        pytest.param(
            lambda n: {"field": "after.title", "contains": f"campaign-{n:03}"},
            {"title": "It was campaign-007 again"},
            id="part of a text",
        ),
        pytest.param(
            lambda n: {"field": "after.title", "contains": f"CAMPAIGN-{n:03}", "ignore_case": True},
            {"title": "It was campaign-007 again"},
            id="part of a text in any case",
        ),
        pytest.param(
            lambda n: {"field": "after.tags", "contains": f"t{n}"}, {"tags": ["t7"]}, id="element"
        ),
        pytest.param(
            lambda n: {"field": "after.custom_attributes.size", "equals": f"{n}"},
            {"custom_attributes": {"size": "7"}},
            id="custom attribute",
        ),
        pytest.param(
            lambda n: (
                {"field": "after.expected_close_date", "equals": f"2026-0{n % 9 + 1}-01"}
                if n != 7
                else {"field": "after.expected_close_date", "equals": "2027-01-01"}
            ),
            {"expected_close_date": "2027-01-01"},
            id="date",
        ),
    ],
)
def test_few_of_many_workflows_are_looked_at(condition, fields):
    matcher = matcher_of(*map(condition, range(MANY)))
    event = lead_event(**fields)

    looked = looked_at(matcher, event)

    assert "w007" in looked
    assert len(looked) <= 4
    assert [each.workflow.id for each in matcher.match(event).matches] == ["w007"]


def test_what_gives_no_hint_is_looked_at_for_every_event():
    matcher = matcher_of(
        {"field": "after.title", "not_equals": "x"},
        {"not": {"field": "after.title", "equals": "x"}},
        {"field": "after.lead_value", "greater_than": {"field": "before.lead_value"}},
        on=["updated"],
    )
    event = event_of(record_of("lead", title="a"), record_of("lead", title="b"))

    assert len(looked_at(matcher, event)) == 3


def test_what_many_ask_for_alike_is_asked_once_and_rules_them_out_together():
    stages = ["new", "won", "lost", "follow-up"]
    matcher = matcher_of(
        *(
            {
                "all": [
                    {"field": "after.user.id", "equals": "u"},
                    {"field": "after.stage.id", "equals": stages[n % 4]},
                ]
            }
            for n in range(MANY)
        )
    )

    looked = looked_at(matcher, lead_event(user={"id": "u"}, stage={"id": "won"}))

    assert looked == {f"w{n:03}" for n in range(1, MANY, 4)}


def test_workflows_move_to_what_tells_them_apart_once_they_are_many():
    matcher = matcher_of(
        *(
            {
                "all": [
                    {"field": "after.stage.id", "equals": "won"},
                    {"field": "after.title", "equals": f"t{n}"},
                    {"field": "after.user.id", "in": ["u", "v"]},
                ]
            }
            for n in range(MANY)
        )
    )
    event = lead_event(stage={"id": "won"}, title="t7", user={"id": "v"})

    looked = looked_at(matcher, event)

    assert "w007" in looked
    assert len(looked) < MANY // 2
    assert [each.workflow.id for each in matcher.match(event).matches] == ["w007"]


def test_more_wishes_than_there_are_bits_are_judged():
    ways = signature.MOST_OF_ONE + 10
    matcher = matcher_of(
        *(
            {
                "all": [
                    {"field": "after.user.id", "equals": f"u{n % 2}"},
                    {"field": "after.source.id", "in": ["s", f"s{n}"]},
                ]
            }
            for n in range(ways)
        )
    )

    matched = matcher.match(lead_event(user={"id": "u0"}, source={"id": "s38"}))

    assert [each.workflow.id for each in matched.matches] == ["w038"]


def test_operations_are_told_apart_however_many_bits_are_taken(monkeypatch):
    monkeypatch.setattr(signature, "MOST", 0)
    matcher = matcher_of({"field": "after.title", "equals": "t"}, on=["updated"])

    assert not matcher.match(lead_event(title="t")).matches
    assert matcher.match(event_of(record_of("lead"), record_of("lead", title="t"))).matches


def test_a_workflow_that_two_ways_lead_to_matches_once():
    matcher = matcher_of(
        {
            "any": [
                {"field": "after.title", "equals": "t"},
                {"field": "after.user.id", "equals": "u"},
            ]
        }
    )

    matched = matcher.match(lead_event(title="t", user={"id": "u"}))

    assert len(matched.matches) == 1


def test_a_new_version_takes_the_place_of_the_old_one_wherever_it_hangs():
    matcher = matcher_of(*({"field": "after.title", "equals": f"t{n}"} for n in range(MANY)))

    matcher.put(compiled_of(2, id="w007", only_if={"field": "after.user.id", "equals": "u"}))

    assert not matcher.match(lead_event(title="t7")).matches
    assert matcher.match(lead_event(user={"id": "u"})).matches[0].version == 2
    assert len(matcher) == MANY


def test_a_paused_workflow_is_out_and_comes_back_when_it_is_active_again():
    matcher, only_if = Matcher(), {"field": "after.title", "equals": "t"}
    matcher.put(compiled_of(only_if=only_if))

    matcher.put(compiled_of(only_if=only_if, state="paused"))
    paused = matcher.match(lead_event(title="t"))
    matcher.put(compiled_of(only_if=only_if, state="dry_run"))

    assert (paused.matches, len(matcher)) == ((), 1)
    assert matcher.match(lead_event(title="t")).matches


def test_an_event_that_is_not_what_its_schema_says_is_shown_to_every_workflow():
    matcher = matcher_of(
        {"field": "after.lead_value", "at_least": 1},
        {"field": "after.title", "equals": "t"},
        {"field": "after.user.id", "equals": "u"},
    )
    event = lead_event(title="t", user={"id": "u"})
    after = {**(event.after or {}), "lead_value": object()}

    matched = matcher.match(event_of(None, after))

    assert [each.workflow.id for each in matched.matches] == ["w001", "w002"]
    assert [each.compiled.workflow.id for each in matched.failures] == ["w000"]


def test_a_null_and_a_record_that_is_not_there_are_no_keys():
    matcher = matcher_of(
        {"field": "before.user.id", "equals": "u"}, {"field": "after.user.id", "in": ["u", "v"]}
    )

    assert not matcher.match(lead_event(user=None)).matches
    assert not matcher.match(event_of(record_of("lead"), None)).matches
