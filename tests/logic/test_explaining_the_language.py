"""Explanations of everything a workflow can say: not, lists, other fields, dates, `fire`, `if`."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.desks import EVENT_ID, Office, lead, lead_event, office, parsed

FLOW = """\
kind: Workflow
id: flow
entity: lead
on: [created, updated]
{extra}
"""
THEN = "then: [{webhook: standby}]"


def product(quantity: int, name: str) -> dict[str, Any]:
    return {
        "product": {"id": "p", "name": name},
        "quantity": quantity,
        "price": Decimal("1.0000"),
        "amount": Decimal("1.0000"),
    }


@pytest.fixture
def made() -> Office:
    """A lead that grew from 9,000 to 12,000, with two products."""
    system = office()
    before = lead(lead_value=Decimal("9000.0000"), description="older secret")
    after = lead(
        products=[product(1, "Bolt"), product(5, "Nut")],
        tags=["vip"],
        expected_close_date=date(2026, 1, 5),
    )
    event = lead_event(
        operation="updated",
        version=2,
        before=before,
        after=after,
        changed_fields=("description", "expected_close_date", "lead_value", "products", "tags"),
    )
    system.publish(event)
    return system


def explained(system: Office, capsys: Any, extra: str, *options: str) -> Any:
    then = "" if "then:" in extra else f"\n{THEN}"
    system.apply(FLOW.format(extra=extra + then))
    capsys.readouterr()
    system.call("workflows", "explain", "flow", str(EVENT_ID), "--json", *options)
    return parsed(capsys.readouterr().out)


def only_if(answer: Any) -> Any:
    return next(one for one in answer["verdicts"] if one["path"] == "only_if")


def test_a_not_that_fails_is_the_first_failure_itself(made, capsys):
    answer = explained(
        made, capsys, "only_if: {all: [{not: {field: after.title, equals: Engine}}]}"
    )

    assert answer["first_failed"] == "only_if.all[0]"
    (leaf,) = only_if(answer)["inner"][0]["inner"]
    assert (leaf["field"], leaf["after"], leaf["verdict"]) == ("after.title", "Engine", True)


def test_a_list_is_explained_element_by_element(made, capsys):
    answer = explained(
        made,
        capsys,
        "only_if: {field: after.products, all_items: {field: item.quantity, at_least: 3}}",
        "--personal",
    )

    assert answer["first_failed"] == "only_if"
    first, second = only_if(answer)["inner"]
    assert (first["verdict"], second["verdict"]) == (False, True)
    assert first["inner"][0]["expected"] == 3
    assert first["inner"][0]["actual"] == 1


def test_another_field_is_expected_by_name_and_by_what_it_came_to(made, capsys):
    answer = explained(
        made, capsys, "only_if: {field: after.lead_value, less_than: {field: before.lead_value}}"
    )

    leaf = only_if(answer)
    assert leaf["expected"] == {"field": "before.lead_value"}
    assert leaf["expected_value"] == "9000.0000"
    assert (leaf["before"], leaf["after"]) == ("9000.0000", "12000.0000")


def test_a_relative_date_is_expected_as_written_and_as_the_day_it_came_to(made, capsys):
    answer = explained(
        made, capsys, 'only_if: {field: after.expected_close_date, greater_than: "today + 7d"}'
    )

    leaf = only_if(answer)
    assert leaf["expected"] == "today + 7d"
    assert leaf["expected_value"] == "2026-01-08"
    assert leaf["verdict"] is False


def test_a_change_is_shown_with_both_sides(made, capsys):
    answer = explained(made, capsys, 'only_if: {field: lead_value, increased_by: "50%"}')

    leaf = only_if(answer)
    assert (leaf["before"], leaf["after"], leaf["expected"]) == ("9000.0000", "12000.0000", "50%")
    assert leaf["verdict"] is False


def test_a_record_that_was_in_already_does_not_enter(made, capsys):
    answer = explained(
        made, capsys, "fire: on_entering\nonly_if: {field: after.lead_value, at_least: 1}"
    )

    assert answer["matched"] is False
    assert answer["first_failed"] == "fire"
    assert "held before the change" in answer["reason"]


def test_only_the_condition_that_failed_is_marked_where_it_is_asked_twice(made, capsys):
    explained(made, capsys, "fire: on_entering\nonly_if: {field: after.lead_value, at_least: 1}")
    made.call("workflows", "explain", "flow", str(EVENT_ID))

    out = capsys.readouterr().out
    assert out.count("the first that failed") == 1


STEPS = """\
then:
  - {webhook: standby, if: {field: after.lead_value, at_least: 50000}}
  - {webhook: standby}
"""


def test_each_action_says_whether_it_is_made_and_why(made, capsys):
    answer = explained(made, capsys, STEPS)

    assert answer["matched"] is True
    assert answer["first_failed"] is None
    assert [(one["index"], one["webhook"], one["made"]) for one in answer["then"]] == [
        (0, "standby", False),
        (1, "standby", True),
    ]
    assert answer["then"][0]["if"]["path"] == "then[0].if"
    assert answer["then"][0]["if"]["after"] == "12000.0000"


def test_a_match_that_makes_no_action_says_so(made, capsys):
    (first, *_) = STEPS.partition("  - {webhook: standby}\n")

    answer = explained(made, capsys, first)
    made.call("workflows", "explain", "flow", str(EVENT_ID))

    assert answer["matched"] is True
    assert answer["first_failed"] == "then[0].if"
    assert any("makes no action" in note for note in answer["notes"])
    assert "not made" in capsys.readouterr().out


def test_a_dry_run_is_judged_as_if_it_were_active(made, capsys):
    answer = explained(made, capsys, "state: dry_run")

    assert answer["matched"] is True
    assert "dry_run" in answer["verdicts"][0]["reason"]


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param("{field: after.title, equals: {field: after.description}}", id="other field"),
        pytest.param("{not: {field: after.description, starts_with: told}}", id="inside not"),
        pytest.param("{field: description, changed: false}", id="change"),
        pytest.param("{field: description, changed_to: x}", id="changed to"),
        pytest.param(
            "{field: after.tags, any_item: {field: item, equals: {field: after.description}}}",
            id="inside a list",
        ),
        pytest.param(
            "{all: [{any: [{field: before.description, equals: x}]}]}", id="inside groups"
        ),
    ],
)
def test_a_personal_value_never_shows_however_it_comes_into_a_condition(made, capsys, condition):
    answer = explained(made, capsys, f"only_if: {condition}")
    made.call("workflows", "explain", "flow", str(EVENT_ID))
    people = capsys.readouterr().out
    made.call("trace", str(EVENT_ID))
    people += capsys.readouterr().out

    for text in (json.dumps(answer), people):
        assert "told me in private" not in text
        assert "older secret" not in text
    assert "•••" in json.dumps(answer["verdicts"], ensure_ascii=False)


def test_a_personal_value_in_an_actions_own_condition_is_masked_too(made, capsys):
    then = "then: [{webhook: standby, if: {field: after.description, equals: x}}]"

    answer = explained(made, capsys, then)
    made.call("workflows", "explain", "flow", str(EVENT_ID))

    assert "told me in private" not in json.dumps(answer) + capsys.readouterr().out


def test_what_is_not_personal_is_shown_beside_what_is(made, capsys):
    answer = explained(
        made,
        capsys,
        "only_if: {all: [{field: after.description, equals: x},"
        " {field: after.lead_value, at_least: 1}]}",
    )

    private, public = only_if(answer)["inner"]
    assert private["actual"] == "•••"
    assert public["actual"] == "12000.0000"
