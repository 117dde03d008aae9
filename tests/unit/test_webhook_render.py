"""`webhook_service.render`: the exact bytes that go out, and what may be shown of them."""

from __future__ import annotations

import json
import re

from tests.delivery_rig import BODIES, action_for, person, person_event, webhook
from webhook_service.render import request_of


def rendered(event=None, **changes):
    event = event or person_event(7)
    hook = webhook("mirror", "https://example.com/h?a=1", **changes)
    return request_of(hook, action_for(event, "mirror"), event, BODIES)


def test_the_default_body_has_type_timestamp_and_data():
    body = json.loads(rendered().body)

    assert body["type"] == "person.created"
    assert re.fullmatch(r"[a-zA-Z0-9_.]+", body["type"])
    assert body["timestamp"] == "2026-01-01T12:00:00.000000Z"
    assert body["data"]["entity_id"] == "p7"
    assert body["data"]["workflow"] == {"id": "welcome", "version": 1}
    assert body["data"]["before"] is None
    assert body["data"]["after"]["emails"] == person(7)["emails"]


def test_quotes_newlines_and_backslashes_in_a_value_stay_what_they_are():
    body = json.loads(rendered().body)

    assert body["data"]["after"]["job_title"] == 'Countess "of" \\ numbers\n'


def test_a_deletion_says_what_was_deleted():
    event = person_event(7, operation="deleted", before=person(7), after=None)

    body = json.loads(rendered(event).body)

    assert body["type"] == "person.deleted"
    assert body["data"]["after"] is None
    assert body["data"]["before"]["name"] == "Ada Lovelace 7"


def test_query_parameters_follow_those_of_the_url_and_are_escaped():
    request = rendered(query={"key": "a b&c=d/ä", "x": ""})

    assert request.url == "https://example.com/h?a=1&key=a%20b%26c%3Dd%2F%C3%A4&x="


def test_a_configured_content_type_replaces_ours():
    request = rendered(headers={"Content-Type": "application/cloudevents+json"})

    names = [name.lower() for name, _ in request.headers]
    assert names.count("content-type") == 1
    assert dict(request.headers)["Content-Type"] == "application/cloudevents+json"


def test_a_get_has_no_body_and_no_content_type():
    request = rendered(method="GET")

    assert request.body == b""
    assert "content-type" not in dict(request.headers)


def test_what_is_shown_has_no_configured_value():
    request = rendered(headers={"X-Token": "s3cret", "Accept": "x/y"}, query={"key": "s3cret"})

    shown = repr(request.masked)
    assert "s3cret" not in shown
    assert dict(request.masked.headers)["X-Token"] == "***"
    assert dict(request.masked.headers)["Accept"] == "x/y"
    assert request.masked.url == "https://example.com/h?a=***&key=***"


def test_the_same_event_renders_to_the_same_bytes():
    assert rendered().body == rendered().body
