"""A webhook's body, and the template of an action in its place: in manifest, store and request."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from schemas.errors import DefinitionError
from schemas.templates import canonical
from schemas.templates.bounds import MAX_OUTPUT
from tests.delivery_rig import BODIES, action_for, person, person_event, webhook
from webhook_service.render import NoBody, Request, request_of
from webhook_service.stored import from_spec, masked_spec, to_spec

URL = "https://example.com/h"
TEXT = {"text": "Hello {{ after.name }}"}


def made(template=None, event=None, **changes):
    event = event or person_event(7)
    action = replace(
        action_for(person_event(7), "mirror"), template=template and canonical(template)
    )
    return request_of(webhook("mirror", URL, **changes), action, event, BODIES)


def content_type(request):
    assert isinstance(request, Request)
    (value,) = (value for name, value in request.headers if name.lower() == "content-type")
    assert ("content-type", value) in {(name.lower(), v) for name, v in request.masked.headers}
    return value


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        ("full", "application/json"),
        ("thin", "application/json"),
        ({"json": None}, "application/json"),
        ({"form": {"a": "b"}}, "application/x-www-form-urlencoded"),
        ({"text": ""}, "text/plain; charset=utf-8"),
    ],
    ids=["full", "thin", "json", "form", "text"],
)
def test_the_content_type_follows_the_body(body, type_):
    assert content_type(made(body=body)) == type_
    assert content_type(made(template=body, body=TEXT)) == type_


def test_a_configured_content_type_stays_whatever_the_body():
    headers = {"Content-Type": "text/html"}

    assert content_type(made(body=TEXT, headers=headers)) == "text/html"
    assert content_type(made(template={"json": 1}, headers=headers)) == "text/html"


def test_an_actions_template_takes_the_place_of_the_webhooks_body():
    assert made(body=TEXT).body == b"Hello Ada Lovelace 7"
    assert made(template={"json": "{{ after.id }}"}, body=TEXT).body == b'"p7"'
    assert made(template="full", body=TEXT).body == made().body


def test_a_thin_body_has_no_field_of_the_record():
    body = json.loads(made(body="thin").body)

    assert body["type"] == "person.created"
    assert body["timestamp"] == "2026-01-01T12:00:00.000000Z"
    assert body["data"].keys() == {
        "event_id", "entity", "operation", "entity_id", "version", "workflow"
    }  # fmt: skip


def test_a_get_sends_no_body_whatever_the_actions_template():
    request = made(template=TEXT, method="GET")

    assert request.body == b""
    assert "content-type" not in dict(request.headers)


def test_a_get_with_a_body_is_refused():
    with pytest.raises(DefinitionError, match="body: is not sent with the method GET"):
        webhook("mirror", URL, method="GET", body=TEXT)
    assert webhook("mirror", URL, method="GET", body="full").body == "full"


def test_a_body_that_is_none_is_refused_with_its_place():
    with pytest.raises(
        DefinitionError, match=r"body\.json\.a\[1\]: the placeholder at character 1"
    ):
        webhook("mirror", URL, body={"json": {"a": ["", "{{ after.id"]}})


@pytest.mark.parametrize("body", ["full", "thin", TEXT, {"json": {"b": [1, "é"], "a": None}}])
def test_a_body_is_stored_and_read_back(body):
    hook = webhook("mirror", URL, body=body)

    read = from_spec(to_spec(hook, str.upper), lambda _: hook.secret)

    assert read == hook
    assert json.loads(masked_spec(hook))["body"] == body


def test_a_webhook_that_was_stored_before_there_were_bodies_sends_the_whole_event():
    hook = webhook("mirror", URL)
    old = json.loads(to_spec(hook, str.upper))
    del old["body"]

    assert from_spec(json.dumps(old), lambda _: hook.secret) == hook


def test_a_body_that_cannot_be_made_is_a_reason_and_no_request():
    no_field = made(template={"text": "{{ after.gone }}"})
    too_long = person_event(7, after={**person(7), "name": "x" * MAX_OUTPUT})

    assert isinstance(no_field, NoBody)
    assert no_field.error_class == "template"
    assert '"after.gone" is unknown' in no_field.reason
    assert made(body=TEXT, event=too_long) == NoBody(
        "too-large", "the body would be longer than 262144 bytes"
    )
    assert isinstance(made(event=too_long), Request)  # the whole event is as large as it is


def test_masked_values_go_through_every_pipe():
    masked = person_event(7, after={**person(7), "name": "•••", "emails": "•••"})
    body = {
        "json": [
            "{{ after.name | upper | truncate(9) }}",
            '{{ after.emails | field("value") | join(", ") }}',
            "{{ after.emails | field('value') | first | default('-') }}",
            "{{ after.emails | count }}",
        ]
    }

    assert json.loads(made(body=body, event=masked).body) == ["•••"] * 4
