"""Templates: whatever a record contains stays in its place, and no template can do harm."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_form import to_json
from schemas.records import Action, Event
from schemas.templates import (
    Bodies,
    Body,
    Source,
    TooLarge,
    canonical,
    compiled,
    scope_of,
    source_of,
)
from schemas.templates.bounds import MAX_OUTPUT
from schemas.templates.pipes import PIPES
from schemas.types import ScalarType
from tests.crm import lead_event
from tests.delivery_rig import action_for
from tests.strategies import CATALOG, SEEDS, event_of

BODIES = Bodies(CATALOG)
#: What breaks out of quotes, lines, encodings and templates elsewhere.
HOSTILE = (
    '"', "'", "\\", "\n", "\r\n", "\0", "{{ after.id }}", "{{", "}}", '"}', "&a=b", "%00", "+", "</x>",
    "\u2028", "\u202e", "\ud83d", "\udc00", "😀", "é", "]]>",
)  # fmt: skip
hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3), max_size=8).map("".join)


def action_of(event: Event) -> Action:
    return replace(action_for(lead_event(), "hook"), entity=event.entity)


def body_of(body: Any, entity: str = "lead") -> Body:
    made = BODIES.of(canonical(body), entity)
    assert isinstance(made, Body), made
    return made


def rendered(body: Any, event: Event) -> bytes:
    data = body_of(body, event.entity).render(action_of(event), event)
    assert isinstance(data, bytes)
    return data


def lead(title: str, name: str) -> Event:
    event = lead_event()
    return replace(
        event, after={**(event.after or {}), "title": title, "person": {"id": "1", "name": name}}
    )


def mended(text: str) -> str:
    """What a receiver gets of a text: halves of characters cannot be sent, and are replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def plain(value: Any) -> str:
    """A value inside a text, as the page says it; written without the code under test."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return str(to_json(value))
        case _:
            return str(value)


@given(title=hostile, name=hostile, literal=hostile)
def test_json_is_json_and_says_what_the_record_says(title, name, literal):
    literal = mended(literal).replace("{{", "").replace("}", "")
    template = {
        "alone": "{{ after.title }}",
        "text": literal + "{{ after.title }}{{ after.person.name }}" + literal,
        "nested": [{"literal": literal, "record": "{{ after.person }}"}],
        "again": "{{ after.title | json }}",
    }

    read = json.loads(rendered({"json": template}, lead(title, name)))

    assert read == {
        "alone": mended(title),
        "text": mended(literal + title + name + literal),
        "nested": [{"literal": literal, "record": {"id": "1", "name": mended(name)}}],
        "again": read["again"],
    }
    assert json.loads(read["again"]) == mended(title)


@given(title=hostile, name=hostile)
def test_a_form_is_read_back_as_it_was_filled_in(title, name):
    form = {
        "a&b=": "{{ after.title }}",
        "b": "<{{ after.person.name }}>{{ before.title }}",
        "c": "",
    }

    body = rendered({"form": form}, lead(title, name)).decode("ascii")

    assert parse_qsl(body, keep_blank_values=True, strict_parsing=True) == [
        ("a&b=", mended(title)),
        ("b", f"<{mended(name)}>"),
        ("c", ""),
    ]


@given(title=hostile)
def test_raw_text_is_the_value_and_nothing_else(title):
    assert rendered({"text": "{{ after.title }}"}, lead(title, "")).decode() == mended(title)


@given(title=hostile, event=SEEDS.map(lambda chance: event_of("lead", chance)))
def test_what_a_value_contains_is_never_read_as_a_template(title, event):
    event = replace(
        event, after={**(lead_event().after or {}), "title": f"{{{{ after.id }}}}{title}"}
    )

    body = rendered({"text": '{{ after.title | default("{{ after.id }}") }}'}, event)

    assert body.decode().startswith("{{ after.id }}")


def scalar_paths(entity: str) -> list[str]:
    """Fields that are one value, of both sides and of the envelope."""
    own = [
        f"{side}.{name}"
        for side in ("after", "before")
        for name, type_ in CATALOG.fields(entity).items()
        if isinstance(type_, ScalarType)
    ]
    return own + [f"event.{name}" for name in ("actor", "occurred_at", "hops", "source", "version")]


def value_at(event: Event, path: str) -> Any:
    side, name = path.split(".")
    if side == "event":
        return getattr(event, name)
    return (getattr(event, side) or {}).get(name)


@pytest.mark.parametrize("entity", CATALOG.entities)
@given(chance=SEEDS)
def test_every_field_of_any_event_comes_out_as_it_is(entity, chance):
    event = event_of(entity, chance)
    paths = scalar_paths(entity)
    template = {
        "alone": {path: f"{{{{ {path} }}}}" for path in paths},
        "text": {path: f"<{{{{{path}}}}}>" for path in paths},
    }

    read = json.loads(rendered({"json": template}, event))

    for path in paths:
        assert read["alone"][path] == to_json(value_at(event, path))
        assert read["text"][path] == f"<{plain(value_at(event, path))}>"


ARGUMENTS = {
    "text": (
        "",
        ", ",
        "%Y",
        "%d.%m.%y %H:%M",
        "iso",
        "UTC",
        "Asia/Kathmandu",
        "name",
        "ms",
        "ß" * 9,
    ),
    "number": (0, 1, 2, 12, 10**9),
    "any": ("-", 0, True, ""),
}


def drawn_placeholder(entity: str, chance: Random) -> str:
    """A placeholder that may or may not make sense."""
    heads = [*scalar_paths(entity), "after", "before", "event.changed_fields", "after.tags"]
    heads += [f"after.{name}" for name in CATALOG.fields(entity)]
    heads += ["after.custom_attributes.a", "after.products", "after.emails"]
    calls = []
    for name in chance.choices(sorted(PIPES), k=chance.randrange(5)):
        kinds = PIPES[name].arguments
        count = chance.randrange(PIPES[name].needed, len(kinds) + 1)
        arguments = ", ".join(
            json.dumps(chance.choice(ARGUMENTS[kind]), ensure_ascii=False) for kind in kinds[:count]
        )
        calls.append(f"{name}({arguments})" if arguments else name)
    return "{{ " + " | ".join([chance.choice(heads), *calls]) + " }}"


@pytest.mark.parametrize("entity", ["lead", "person"])
@given(chance=SEEDS)
def test_what_passed_the_check_makes_a_body_or_is_too_large(entity, chance):
    scope = scope_of(CATALOG, entity)
    event = event_of(entity, chance)
    made = 0
    for _ in range(40):
        written = drawn_placeholder(entity, chance)
        for body in ({"json": written}, {"text": f"-{written}"}, {"form": {"a": written}}):
            source = source_of(body)
            assert isinstance(source, Source), source
            found = compiled(source, scope)
            if isinstance(found, Body):
                made += 1
                data = found.render(action_of(event), event)
                assert isinstance(data, TooLarge) or len(data) <= MAX_OUTPUT
                if isinstance(data, bytes) and "json" in body:
                    json.loads(data)
    assert made > 0


PIECES = ("{{", "}}", "|", "(", ")", ",", '"', "'", "\\", " ", "after.title", "upper", "1", "true")


@given(pieces=st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=30))
def test_no_text_breaks_the_reader(pieces):
    text = "".join(pieces)
    source = source_of({"json": {"a": text, "b": [text]}})

    if isinstance(source, Source):
        assert json.loads(source.canonical) == {"json": {"a": text, "b": [text]}}
        again = source_of(json.loads(source.canonical))
        assert again == source
    else:
        assert all(problem.place.startswith("body.json") for problem in source)


@pytest.mark.parametrize(
    "template",
    [
        {"text": "{{ after.title }}"},
        {"text": "{{ after.title | html }}"},
        {"text": "{{ after.title | json | json | json | json | json | json | json | json }}"},
        {"text": "{{ after.title | url | url | url | url | url }}"},
        {"json": ["{{ after }}"] * 300},
        {"json": ["{{ after.title | truncate(2000) }}"] * 300},
        {"form": {str(number): "{{ after.title | truncate(2000) }}" for number in range(100)}},
        {"text": "{{ after.tags | join('" + "-" * 400 + "') }}"},
    ],
    ids=["as it is", "html", "json", "url", "records", "leaves", "form", "join"],
)
def test_what_would_be_too_large_is_not_made(template):
    event = lead('"&' * 140_000, "")
    event = replace(event, after={**(event.after or {}), "tags": ["x"] * 10_000})

    assert isinstance(body_of(template).render(action_of(event), event), TooLarge)


def test_a_body_may_be_as_large_as_is_allowed():
    template = {"text": "{{ after.title }}"}

    assert len(rendered(template, lead("é" * (MAX_OUTPUT // 2), ""))) == MAX_OUTPUT
    one_more = lead("é" * (MAX_OUTPUT // 2) + "x", "")
    assert isinstance(body_of(template).render(action_of(one_more), one_more), TooLarge)


def test_the_longest_texts_are_read_in_one_pass():
    for text in (
        '{{ "' + "\\" * 60_001,
        "{{ a" + " " * 60_000,
        "{{" * 30_000,
        "{{ a" + "|b" * 30_000,
    ):
        assert isinstance(source_of({"text": text}), tuple)
