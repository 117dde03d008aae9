"""`hookline import krayin`: what is equivalent is converted, and everything else is said."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.krayin import Conversion, Rows, convert, read_rows
from console.krayin.convert import EVERYWHERE
from runtime.manifests import read_texts
from schemas.errors import ConfigurationError
from tests.crm import catalog
from tests.desks import office
from webhook_service.address import networks

LOOPBACK = networks(["127.0.0.0/8"])
HOOK = {
    "id": 7,
    "name": "Slack",
    "entity_type": "leads",
    "method": "post",
    "end_point": "http://127.0.0.1:9/a",
    "query_params": None,
    "headers": [{"key": "Content Type", "value": "application/json"}],
    "payload_type": "default",
    "raw_payload_type": "json",
    "payload": None,
}
RULE = {
    "id": 1,
    "name": "Big lead",
    "entity_type": "leads",
    "event": "lead.update.after",
    "condition_type": "and",
    "conditions": None,
    "actions": [{"id": "trigger_webhook", "value": "7"}],
}


def converted(
    *conditions: tuple[str, str, str, Any], rule: Any = None, hook: Any = None
) -> Conversion:
    rows = [
        {"attribute": code, "attribute_type": kind, "operator": operator, "value": value}
        for code, kind, operator, value in conditions
    ]
    workflow = {**RULE, "conditions": rows or None, **(rule or {})}
    return convert(
        Rows((workflow,), ({**HOOK, **(hook or {})},)),
        catalog(),
        zone=ZoneInfo("Europe/Berlin"),
        allowed=LOOPBACK,
    )


def workflow_in(found: Conversion) -> dict[str, Any]:
    return next(each for each in found.manifests if each["kind"] == "Workflow")


def webhook_in(found: Conversion) -> dict[str, Any]:
    return next(each for each in found.manifests if each["kind"] == "Webhook")


def said(found: Conversion, kind: str) -> str:
    return "\n".join(str(note) for note in found.notes if note.kind == kind)


def either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {"any": [one, other]}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(
            ("title", "text", "==", "x"), {"field": "after.title", "equals": "x"}, id="text equals"
        ),
        pytest.param(
            ("title", "text", "!=", "x"),
            either(
                {"field": "after.title", "not_equals": "x"},
                {"field": "after.title", "is_empty": True},
            ),
            id="null is different from everything in Krayin",
        ),
        pytest.param(
            ("title", "text", "{}", "x"), {"field": "after.title", "contains": "x"}, id="contains"
        ),
        pytest.param(
            ("lead_value", "price", ">", "1e3"),
            {"field": "after.lead_value", "greater_than": "1000"},
            id="a number in PHP's spelling",
        ),
        pytest.param(
            ("status", "boolean", "==", "0"), {"field": "after.status", "equals": False}, id="no"
        ),
        pytest.param(
            ("lead_source_id", "select", "==", 3),
            {"field": "after.source.id", "equals": "3"},
            id="a lookup is compared by its id",
        ),
        pytest.param(
            ("expected_close_date", "date", "<=", "2026-01-31"),
            {"field": "after.expected_close_date", "at_most": "2026-01-31"},
            id="a date, which never matched in Krayin",
        ),
        pytest.param(
            ("closed_at", "datetime", ">=", "2026-07-01 00:00:00"),
            {"field": "after.closed_at", "at_least": "2026-06-30T22:00:00Z"},
            id="a time in Krayin's zone",
        ),
        pytest.param(
            ("sizes", "multiselect", "!{}", ["1", "2"]),
            either(
                {
                    "not": {
                        "any": [
                            {"field": "after.custom_attributes.sizes", "contains": "1"},
                            {"field": "after.custom_attributes.sizes", "contains": "2"},
                        ]
                    }
                },
                {"field": "after.custom_attributes.sizes", "is_empty": True},
            ),
            id="none of several options",
        ),
    ],
)
def test_a_condition_becomes_the_one_that_means_the_same(condition, expected):
    found = converted(condition)

    assert said(found, "not-converted") == ""
    assert workflow_in(found)["only_if"] == expected


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        pytest.param(("closed_at", "datetime", ">", "2026-01-01"), "never held", id="dates"),
        pytest.param(("title", "text", "==", "100"), "PHP takes texts", id="numeric texts"),
        pytest.param(("size", "select", "==", "4"), "user-defined", id="custom attributes"),
    ],
)
def test_where_the_meaning_differs_it_is_said(condition, sentence):
    assert sentence in said(converted(condition), "differs")


def test_a_condition_on_addresses_looks_at_addresses_and_says_that_krayin_did_not():
    person = {"entity_type": "persons", "event": "contacts.person.create.after"}
    found = converted(
        ("emails", "email", "{}", "gmail.com"),
        ("emails", "email", "{}", "work"),
        rule=person | {"condition_type": "or"},
        hook={"entity_type": "persons"},
    )

    assert workflow_in(found)["only_if"] == {
        "any": [
            {"field": "after.emails", "contains": "gmail.com"},
            {"field": "after.emails", "any_item": {"field": "item.label", "equals": "work"}},
        ]
    }
    assert "whole addresses" in said(found, "differs")


def test_a_half_filled_condition_is_passed_over_as_krayin_did_and_named():
    found = converted(("title", "text", "==", ""), ("title", "text", "==", "x"))

    assert workflow_in(found)["only_if"] == {"field": "after.title", "equals": "x"}
    assert "half-filled" in said(found, "left-out")


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        pytest.param({"entity_type": "emails"}, "is not one of", id="an entity without events"),
        pytest.param(
            {"actions": [{"id": "add_tag", "value": "x"}]}, "none of them", id="no webhook"
        ),
        pytest.param(
            {"actions": [{"id": "trigger_webhook", "value": 99}]}, "does not exist", id="a gone one"
        ),
        pytest.param({"conditions": "nonsense"}, "list of conditions", id="conditions of no form"),
        pytest.param(
            {"entity_type": "persons", "event": "contacts.person.create.after"},
            "for lead",
            id="a webhook of another entity",
        ),
    ],
)
def test_what_cannot_be_converted_is_named_and_nothing_of_it_is_emitted(rule, sentence):
    found = converted(rule=rule)

    assert sentence in said(found, "not-converted")
    assert [each["kind"] for each in found.manifests] == ["Webhook"]


def test_a_condition_that_no_record_can_meet_is_not_converted_half():
    found = converted(("lead_value", "price", "==", "many"))

    assert "was compared with" in said(found, "not-converted")
    assert [each["kind"] for each in found.manifests] == ["Webhook"]


def test_an_illegal_header_is_mended_and_a_placeholder_in_the_address_is_refused():
    mended = converted()
    refused = converted(hook={"end_point": "https://{%leads.title%}.example.com/"})

    assert webhook_in(mended)["headers"] == {"Content-Type": "application/json"}
    assert "sent nothing at all" in said(mended, "differs")
    assert refused.manifests == ()
    assert "web form" in said(refused, "not-converted")


def test_a_raw_json_body_becomes_a_template_that_cannot_be_broken():
    payload = '{"text": "{%leads.title%}: {% leads.lead_value %} {{x}}", "n": 1}'

    found = converted(hook={"payload_type": "raw", "payload": payload})

    assert webhook_in(found)["body"] == {
        "json": {
            "text": '{{ after.title | default("") }}: {{ after.lead_value | decimal(2) }} '
            '{{ "{{" }}x}}',
            "n": 1,
        }
    }


def test_workflows_are_dry_runs_unless_asked_otherwise():
    assert workflow_in(converted())["state"] == "dry_run"


def test_phpmyadmins_export_is_read_too():
    export = [
        {"type": "header"},
        {"type": "table", "name": "krayin_workflows", "data": [RULE]},
        {"type": "table", "name": "krayin_webhooks", "data": [HOOK]},
    ]

    assert read_rows(json.dumps(export)) == Rows((RULE,), (HOOK,))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"workflows": 3}', "[" * 10_000])
def test_a_file_that_is_no_export_is_refused_with_what_is_expected(text):
    with pytest.raises(ConfigurationError, match="expected"):
        read_rows(text)


def test_the_sentences_for_all_of_them_name_imports():
    assert "import" in EVERYWHERE[0]


WORDS = ("title", "lead_value", "emails", "==", "!{}", "", None, 0, 1.5, True, [], {}, "1", ["x"])


def drawn(chance: Random, value: Any, depth: int = 0) -> Any:
    """The value with some of its parts replaced by others that make no sense there."""
    if chance.random() < 0.12:
        return chance.choice(WORDS)
    if isinstance(value, dict) and depth < 4:
        kept = {k: drawn(chance, v, depth + 1) for k, v in value.items() if chance.random() > 0.05}
        return {**kept, chance.choice(("id", "name", "x")): chance.choice(WORDS)}
    if isinstance(value, list) and depth < 4:
        return [drawn(chance, each, depth + 1) for each in value * chance.choice((1, 1, 2))]
    return value


@pytest.mark.parametrize("seed", range(10))
def test_random_and_mutated_exports_never_crash_and_what_is_emitted_can_be_saved(seed):
    chance = Random(seed)
    condition = {"attribute": "title", "attribute_type": "text", "operator": "==", "value": "x"}
    for _ in range(150):
        rule = drawn(chance, {**RULE, "conditions": [condition, condition]})
        hook = drawn(chance, {**HOOK, "payload": [{"key": "a", "value": "{%leads.title%}"}]})
        rows = Rows(
            tuple(each for each in (rule,) if isinstance(each, dict)),
            tuple(each for each in (hook,) if isinstance(each, dict)),
        )

        found = convert(rows, catalog(), zone=ZoneInfo("UTC"), allowed=LOOPBACK)

        refused = {note.place.split(":")[0] for note in found.notes if note.kind == "not-converted"}
        assert len(found.manifests) == found.total - len(refused)
        texts = [("krayin.yaml", json.dumps(manifest)) for manifest in found.manifests]
        assert read_texts(texts).problems == ()


def test_the_command_writes_manifests_that_apply_takes_and_says_the_rest(tmp_path, capsys):
    system = office()
    export, manifests = tmp_path / "krayin.json", tmp_path / "krayin.yaml"
    export.write_text(
        json.dumps({"workflows": [RULE, {**RULE, "id": 2, "actions": []}], "webhooks": [HOOK]})
    )

    code = system.call("import", "krayin", str(export), "-o", str(manifests), "--json")
    answer = json.loads(capsys.readouterr().out)
    saved = system.call("apply", "-f", str(manifests), "--yes")

    assert code == 1
    assert answer["rows"] == 3
    assert {each["id"] for each in answer["manifests"]} == {"slack", "big-lead"}
    assert "none of them calls a webhook" in answer["notes"][-1]["message"]
    assert saved == 0


def test_an_unknown_time_zone_is_wrong_usage(tmp_path):
    export = tmp_path / "krayin.json"
    export.write_text('{"workflows": []}')

    assert office().call("import", "krayin", str(export), "--time-zone", "Mars") == 2
