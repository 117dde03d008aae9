"""`webhook_service.places`: placeholders in path, query and headers, and what cannot leave its place."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DefinitionError
from schemas.records import Definition
from tests.delivery_rig import BODIES, CATALOG, NOON, action_for, person, person_event, webhook
from webhook_service.directory import Directory, Unusable
from webhook_service.parse import parse_webhook
from webhook_service.render import NoBody, Request, check_places, request_of
from webhook_service.stored import to_spec
from webhook_service.wire import request_bytes

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATH = "https://example.com/people/{{ after.job_title }}/card"


def rendered(title: str | None = "Countess", url: str = "https://example.com/h", **changes):
    event = person_event(7, after={**person(7), "job_title": title})
    hook = webhook("mirror", url, entities=["person"], **changes)
    assert check_places(hook, CATALOG) == ()
    return request_of(hook, action_for(event, "mirror"), event, BODIES)


def problems(**changes) -> dict[str, str]:
    content = {"id": "a", "url": "https://example.com/h", "secret": SECRET, **changes}
    with pytest.raises(DefinitionError) as caught:
        parse_webhook(content)
    return {problem.place: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_every_method_takes_placeholders_in_query_and_headers(method):
    request = rendered(
        method=method,
        query={"who": "{{ after.name }}", "on": '{{ event.occurred_at | date("%Y-%m-%d") }}'},
        headers={"x-person": "no. {{ event.entity_id }}"},
    )

    assert request.method == method
    assert request.url == "https://example.com/h?who=Ada%20Lovelace%207&on=2026-01-01"
    assert dict(request.headers)["x-person"] == "no. p7"


def test_a_placeholder_fills_a_segment_of_the_path():
    assert rendered("R&D x", PATH).url == "https://example.com/people/R%26D%20x/card"


@pytest.mark.parametrize("title", ["", None, ".", "..", "a/b", "..\\x", "a\nb", "../../admin"])
def test_a_value_that_would_lead_elsewhere_is_not_sent(title):
    made = rendered(title, PATH)

    assert isinstance(made, NoBody)
    assert made.error_class == "template"
    assert "path" in made.reason


def test_a_value_that_is_part_of_a_segment_may_be_empty():
    request = rendered(None, "https://example.com/p-{{ after.job_title }}?v=1")

    assert request.url == "https://example.com/p-?v=1"


@given(st.text())
def test_whatever_a_record_contains_stays_in_its_place(title):
    request = rendered(
        title,
        query={"a": "{{ after.job_title }}", "b": "1"},
        headers={"x-a": "{{ after.job_title }}", "x-b": "1"},
    )
    assert isinstance(request, Request)

    whole = request_bytes(request, ())
    head = whole.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    assert all(re.fullmatch(r"[A-Za-z-]+: [ -~]*|POST \S+ HTTP/1\.1", line) for line in head)
    fields = dict(line.split(": ", 1) for line in head[1:])
    assert unquote(fields["x-a"], errors="surrogatepass") == unquote(
        parse_qsl(urlsplit(request.url).query, keep_blank_values=True)[0][1]
    )
    assert fields["x-b"] == "1"
    assert fields["x-a"] == fields["x-a"].strip()


@given(st.text(min_size=1))
def test_a_path_keeps_its_segments_or_nothing_is_sent(title):
    made = rendered(title, PATH)

    if isinstance(made, Request):
        segments = urlsplit(made.url).path.split("/")
        assert len(segments) == 4
        assert unquote(segments[2]) == title


def test_what_would_be_too_long_is_a_dead_letter():
    long = rendered("x" * 9_000, query={"a": "{{ after.job_title }}"})
    longer = rendered("x" * 9_000, headers={"a": "{{ after.job_title }}"})

    assert "8000 are allowed" in long.reason
    assert "8000 are allowed" in longer.reason


def test_nothing_of_a_record_or_an_operator_is_in_what_is_kept_of_a_request():
    request = rendered(
        "Countess",
        PATH,
        query={"key": "s3cret-{{ after.name }}"},
        headers={"x-a": "s3cret {{ after.name }}", "Accept": "{{ after.name }}"},
    )

    shown = repr(request.masked)
    assert request.masked.url == "https://example.com/people/***/card?key=***"
    assert "s3cret" not in shown
    assert "Ada" not in shown


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"url": "https://{{ after.x }}/a"}, "url", "scheme, host and port"),
        ({"url": "{{ after.x }}"}, "url", "scheme, host and port"),
        ({"url": "https://a.example:{{ after.x }}/a"}, "url", "scheme, host and port"),
        ({"url": "https://a.example{{ after.x }}/"}, "url", "scheme, host and port"),
        ({"url": "https://a.example/?q={{ after.x }}"}, "url", "put it under query"),
        ({"url": "https://a.example/{{ after.x"}, "url", "}} is expected"),
        ({"url": "https://127.0.0.1/{{ after.x }}"}, "url", "loopback"),
        ({"query": {"a": "{{ after.x | }}"}}, 'query["a"]', "the name of a pipe"),
        ({"headers": {"a": "{{ }}"}}, 'headers["a"]', "a field such as"),
        ({"headers": {"a": "{{ after.x }}\r\nb: c"}}, 'headers["a"]', "line break"),
        ({"headers": {"{{ after.x }}": "c"}}, 'headers["{{ after.x }}"]', "legal header name"),
        *(
            ({"headers": {name: "{{ after.x }}"}}, f'headers["{name}"]', "set by Hookline")
            for name in (
                "Host",
                "content-length",
                "Transfer-Encoding",
                "Webhook-Signature",
                "X-Hops",
                "Connection",
                "TE",
                "Proxy-Authorization",
            )
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changes, place, words):
    assert words in problems(**changes)[place]


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"query": {"a": "{{ after.nam }}"}}, 'query["a"]', "did you mean"),
        ({"headers": {"a": "{{ after.emails }}"}}, 'headers["a"]', "has no text of its own"),
        ({"url": "https://a.example/{{ after.name | date('%Y') }}"}, "url", "date is for dates"),
    ],
)
def test_placeholders_are_checked_against_the_schema(changes, place, words):
    hook = parse_webhook(
        {
            "id": "a",
            "url": "https://a.example/h",
            "secret": SECRET,
            "entities": ["person"],
            **changes,
        }
    )

    (problem,) = check_places(hook, CATALOG)
    assert (problem.place, words in problem.message) == (place, True)


def test_a_decimal_an_instant_in_a_zone_and_a_list_have_their_formats_in_every_place():
    text = (
        '{{ after.created_at | in_zone("Europe/Berlin") | date("%H:%M") }} {{ after.tags | join }}'
    )

    request = rendered(query={"a": text}, headers={"a": text})

    assert NOON.hour == 12
    assert dict(request.headers)["a"] == "13:00 first"
    assert request.url.endswith("?a=13%3A00%20first")


def test_a_webhook_that_was_stored_before_there_were_placeholders_is_unusable_not_fatal():
    stored = webhook("old", "https://example.com/h", headers={"X-Key": "hush"})
    spec = to_spec(stored, lambda text: f"sealed:{text}").replace("hush", "hush {{ {{")
    directory = Directory(lambda text: text.removeprefix("sealed:"))

    directory.on_definition("old", Definition("webhook", "old", 1, NOON, "me", spec))

    found = directory.find("old")
    assert isinstance(found, Unusable)
    assert "apply it again" in found.reason
    assert "hush" not in found.reason
