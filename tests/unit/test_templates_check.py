"""`schemas.templates`: what is refused when a body is saved, where, and in which words."""

from __future__ import annotations

import pytest

from schemas.templates import Bodies, Body, canonical, check_body
from schemas.templates.bounds import (
    MAX_ARGUMENT,
    MAX_DEPTH,
    MAX_OUTPUT,
    MAX_PLACEHOLDERS,
    MAX_TEMPLATE,
)
from tests.crm import catalog


def problems(body, entities=("lead",), **of):
    return [(each.place, each.message) for each in check_body(body, catalog(), entities, **of)]


def nested(depth):
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return {"json": value}


SHAPES = [
    pytest.param("ful", "body", "did you mean full?", id="misspelt"),
    pytest.param(None, "body", "nothing (null)", id="null"),
    pytest.param({}, "body", "{json: …}", id="nothing in it"),
    pytest.param({"json": 1, "text": ""}, "body", "json, text", id="two forms"),
    pytest.param({"jsn": 1}, "body.jsn", "did you mean json?", id="misspelt form"),
    pytest.param({"text": 1}, "body.text", "put it in quotes", id="a text that is a number"),
    pytest.param({"form": {}}, "body.form", "names with texts", id="empty form"),
    pytest.param({"form": {"a": 1}}, "body.form.a", "put it in quotes", id="form of numbers"),
    pytest.param({"form": {"a": ["x"]}}, "body.form.a", "a list of 1", id="form of lists"),
    pytest.param({"json": {1: 2}}, "body.json", "a name is a text", id="a name that is a number"),
    pytest.param({"json": [float("nan")]}, "body.json[0]", "no such value", id="not a number"),
    pytest.param({"json": 2**64}, "body.json", "no such value", id="a number beyond 64 bits"),
    pytest.param({"text": "\ud800"}, "body.text", "half a Unicode", id="half a character"),
    pytest.param(
        {"json": {"{{ after.id }}": 1}}, "body.json.{{ after.id }}", "a name has no", id="a name"
    ),
    pytest.param(nested(MAX_DEPTH + 1), "body.json" + "[0]" * (MAX_DEPTH + 1), "deeper", id="deep"),
    pytest.param({"text": "x" * MAX_TEMPLATE}, "body.text", "are allowed", id="long"),
    pytest.param(
        {"text": "{{ after.id }}" * (MAX_PLACEHOLDERS + 1)}, "body.text", "501 pl", id="too many"
    ),
]


@pytest.mark.parametrize(("body", "place", "message"), SHAPES)
def test_a_body_that_is_none_is_refused_with_its_place(body, place, message):
    ((found_place, found_message),) = problems(body)

    assert found_place == place
    assert message in found_message


def test_a_body_may_be_as_deep_as_is_allowed():
    assert problems(nested(MAX_DEPTH)) == []


TEXTS = [
    pytest.param("{{ after.titel }}", "did you mean after.title?", id="field"),
    pytest.param("{{ title }}", "write after.title or before.title", id="no side"),
    pytest.param("{{ occurred_at }}", "write event.occurred_at", id="envelope"),
    pytest.param("{{ workflow.name }}", "workflow.id", id="delivery"),
    pytest.param("{{ after.title.x }}", "after.title is a text", id="below a text"),
    pytest.param("{{ after.tags }}", 'use join(", ")', id="a list in a text"),
    pytest.param("{{ after.stage }}", "a record has no text of its own", id="a record in a text"),
    pytest.param("{{ after.custom_attributes }}", "a map has no text", id="a map in a text"),
    pytest.param("{{ after.title | upp }}", "did you mean upper?", id="pipe"),
    pytest.param("{{ after.title | decimal }}", "for numbers, not for a text", id="decimal"),
    pytest.param("{{ after.lead_value | upper }}", "for texts, not for a number", id="upper"),
    pytest.param("{{ after.title | date('iso') }}", "for dates and instants", id="date"),
    pytest.param("{{ after.expected_close_date | unix }}", "not for a date", id="unix"),
    pytest.param("{{ after.expected_close_date | date('%H') }}", "no time of day", id="hour"),
    pytest.param("{{ after.closed_at | date('%Q') }}", "the code %Q is unknown", id="code"),
    pytest.param("{{ after.closed_at | date('long') }}", "has no code such as", id="no code"),
    pytest.param("{{ after.closed_at | date('%Y%') }}", "written %%", id="half a code"),
    pytest.param("{{ after.closed_at | date }}", "found 0 arguments and takes 1", id="no format"),
    pytest.param("{{ after.closed_at | in_zone('Europe/Berin') }}", "is unknown", id="zone"),
    pytest.param("{{ after.closed_at | in_zone('Europe') }}", "is unknown", id="half a zone"),
    pytest.param("{{ after.closed_at | in_zone('../UTC') }}", "is unknown", id="zone's path"),
    pytest.param("{{ after.closed_at | unix('h') }}", "in s or ms", id="unit"),
    pytest.param("{{ after.lead_value | decimal(13) }}", "0 to 12 digits", id="places"),
    pytest.param("{{ after.lead_value | decimal('2') }}", 'found the text "2"', id="argument"),
    pytest.param("{{ after.lead_value | decimal(true) }}", "found true", id="true is no number"),
    pytest.param("{{ after.title | truncate(0) }}", "from 1 on", id="nothing left"),
    pytest.param("{{ after.products | field('produkt') }}", "did you mean product?", id="inner"),
    pytest.param("{{ after.tags | field('x') }}", "is not a record", id="field of texts"),
    pytest.param("{{ after.products | join }}", "choose a field of it", id="join records"),
    pytest.param("{{ after.status | yes_no('a') }}", 'yes_no("yes", "no")', id="one of two"),
    pytest.param(f"{{{{ after.id | default('{'x' * 501}') }}}}", f"{MAX_ARGUMENT}", id="long"),
    pytest.param("{{ after.title", "the end of the text", id="not closed"),
    pytest.param("{{ after.title } }}", "}} is expected", id="one brace"),
    pytest.param("{{ }}", "a field such as after.title", id="empty"),
    pytest.param("{{ after.title | }}", "the name of a pipe", id="no pipe"),
    pytest.param("{{ after.title | default('x }}", "quotes are not closed", id="open quotes"),
    pytest.param("{{ after.title | default(x) }}", "a text in quotes", id="bare argument"),
    pytest.param("{{ after.title | truncate(1.5) }}", "a text in quotes, a whole", id="fraction"),
    pytest.param("{{ after.title | truncate(1 2) }}", ", or )", id="no comma"),
    pytest.param("{{ after.title | default 'x' }}", "| or }}", id="no parentheses"),
    pytest.param("{{ after.id" + " | trim" * 11 + " }}", "10 pipes are allowed", id="pipes"),
    pytest.param("{{{ after.title }}}", "two braces that are meant", id="three braces"),
]


@pytest.mark.parametrize(("text", "message"), TEXTS)
def test_a_placeholder_that_makes_no_sense_is_refused(text, message):
    ((place, found),) = problems({"json": {"items": ["", {"a": f"x {text}"}]}})

    assert place == "body.json.items[1].a"
    assert message in found


def test_every_problem_is_named_at_once():
    body = {"form": {"a": "{{ after.x }} {{ after.y }}", "b": "{{ after.title | upper(1) }}"}}

    assert [place for place, _ in problems(body)] == ["body.form.a", "body.form.b"]


def test_a_list_or_record_may_stand_alone_in_json():
    body = {"json": ["{{ after.tags }}", "{{ after.stage }}", "{{ after }}"]}

    assert problems(body) == []


def test_a_body_for_every_entity_says_for_which_it_is_wrong():
    ((place, message),) = problems({"json": {"a": "{{ after.title }}"}}, entities=None)

    assert place == "body.json.a"
    assert "wrong for organization, person, product, quote" in message


def test_what_every_entity_has_may_be_used_for_every_entity():
    assert problems({"json": ["{{ after.id }}", "{{ event.type }}"]}, entities=None) == []


@pytest.mark.parametrize(("operations", "side"), [(["created"], "before"), (["deleted"], "after")])
def test_a_side_that_is_never_there_is_refused(operations, side):
    ((_, message),) = problems({"text": f"{{{{ {side}.title }}}}"}, operations=operations)

    assert f"has no {side}" in message


def test_a_stored_body_that_makes_no_sense_any_more_says_why_and_raises_nothing():
    bodies = Bodies(catalog())

    for text in ("", "{", "null", '{"json": "{{"}', canonical({"text": "{{ after.gone }}"})):
        found = bodies.of(text, "lead")
        assert isinstance(found, str)
        assert found.startswith("the body cannot be")
    assert isinstance(bodies.of('"full"', "nobody"), str)


def test_a_body_is_compiled_once_for_an_entity():
    bodies = Bodies(catalog(), most=2)
    text = canonical({"text": "{{ after.id }}"})

    first = bodies.of(text, "lead")

    assert isinstance(first, Body)
    assert bodies.of(text, "lead") is first
    assert bodies.of(text, "person") is not first
    bodies.of('"thin"', "lead")
    assert bodies.of(text, "lead") is not first  # forgotten, because there was no room


def test_the_bound_on_the_output_is_above_the_bound_on_templates():
    assert MAX_TEMPLATE < MAX_OUTPUT
