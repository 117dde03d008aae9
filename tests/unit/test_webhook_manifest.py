"""`webhook_service.parse` and `.webhook`: what a manifest may say, and how it is stored."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from schemas.errors import DefinitionError, SchemaError
from webhook_service.address import networks
from webhook_service.durations import duration_text, parse_duration
from webhook_service.parse import parse_webhook
from webhook_service.stored import from_spec, masked_spec, to_spec

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def manifest(**changes: Any) -> dict[str, Any]:
    return {"id": "mirror", "url": "https://example.com/h", "secret": SECRET, **changes}


def problems(**changes: Any) -> dict[str, str]:
    with pytest.raises(DefinitionError) as caught:
        parse_webhook(manifest(**changes))
    return {problem.place: problem.message for problem in caught.value.problems}


def test_the_shortest_manifest_gets_the_documented_defaults():
    webhook = parse_webhook(manifest())

    assert webhook.method == "POST"
    assert webhook.entities is None
    assert webhook.concurrency == 8
    assert webhook.timeout == timedelta(seconds=15)
    assert webhook.retry.schedule[:3] == (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
    )
    assert len(webhook.retry.schedule) == 9
    assert webhook.state == "active"


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        pytest.param({"url": "ftp://example.com"}, "url", "http:// or https://", id="scheme"),
        pytest.param({"url": "example.com/h"}, "url", "http:// or https://", id="no scheme"),
        pytest.param({"url": "https://u:p@example.com"}, "url", "user name", id="userinfo"),
        pytest.param({"url": "https://@example.com"}, "url", "user name", id="empty userinfo"),
        pytest.param({"url": "https://example.com/#a"}, "url", "fragment", id="fragment"),
        pytest.param({"url": "https://example.com/#"}, "url", "fragment", id="empty fragment"),
        pytest.param({"url": "https:///h"}, "url", "no host", id="no host"),
        pytest.param({"url": "https://exa mple.com"}, "url", "no URL has", id="space"),
        pytest.param({"url": "https://a\\@b.com"}, "url", "no URL has", id="backslash"),
        pytest.param({"url": "https://example.com/%zz"}, "url", "no URL has", id="percent"),
        pytest.param({"url": "https://münchen.de/"}, "url", "xn--", id="beyond ASCII"),
        pytest.param({"url": "https://example.com:99999/"}, "url", "cannot be read", id="port"),
        pytest.param({"url": "https://example.com:0/"}, "url", "port 0", id="port zero"),
        pytest.param({"url": "https://[::1/"}, "url", "cannot be read", id="open bracket"),
        pytest.param({"url": "https://a..b/"}, "url", "neither a name", id="empty label"),
        pytest.param({"url": "https://1.2.3.4.5/"}, "url", "looks like an address", id="5 bytes"),
        pytest.param({"url": "http://127.0.0.1:8000/"}, "url", "loopback", id="loopback"),
        pytest.param({"url": "http://0x7f.1/"}, "url", "loopback", id="hex"),
        pytest.param({"url": "http://2130706433/"}, "url", "loopback", id="decimal"),
        pytest.param({"url": "http://localhost/"}, "url", "loopback", id="localhost"),
        pytest.param({"url": "http://[::ffff:10.0.0.1]/"}, "url", "IPv4-mapped", id="mapped"),
        pytest.param({"url": "http://169.254.169.254/"}, "url", "link-local", id="metadata"),
        pytest.param({"url": "https://x.y/" + "a" * 3000}, "url", "characters long", id="long"),
        pytest.param({"url": "http://134744072/"}, "url", "write 8.8.8.8", id="odd spelling"),
        pytest.param({"url": 7}, "url", "a text is expected", id="number as url"),
        pytest.param(
            {"headers": {"Content Type": "a"}},
            'headers["Content Type"]',
            "did you mean Content-Type?",
            id="the header that started it all",
        ),
        pytest.param({"headers": {"": "a"}}, 'headers[""]', "not a legal", id="no name"),
        pytest.param({"headers": {"X:Y": "a"}}, 'headers["X:Y"]', "not a legal", id="colon"),
        pytest.param({"headers": {"Xé": "a"}}, 'headers["Xé"]', "not a legal", id="accent"),
        pytest.param(
            {"headers": {"X-A": "a\r\nHost: b"}}, 'headers["X-A"]', "line break", id="injection"
        ),
        pytest.param({"headers": {"X-A": "a\x00"}}, 'headers["X-A"]', "control", id="nul"),
        pytest.param({"headers": {"X-A": "é"}}, 'headers["X-A"]', "ASCII", id="accent in value"),
        pytest.param({"headers": {"X-A": " a"}}, 'headers["X-A"]', "space", id="leading space"),
        pytest.param({"headers": {"X-A": 1}}, 'headers["X-A"]', "text is expected", id="number"),
        pytest.param({"headers": {"Host": "a"}}, 'headers["Host"]', "set by", id="host"),
        pytest.param(
            {"headers": {"Webhook-Id": "a"}}, 'headers["Webhook-Id"]', "set by", id="webhook-id"
        ),
        pytest.param(
            {"headers": {"content-LENGTH": "1"}}, 'headers["content-LENGTH"]', "set by", id="length"
        ),
        pytest.param(
            {"headers": {"X-A": "1", "x-a": "2"}}, 'headers["x-a"]', "twice", id="twice by case"
        ),
        pytest.param({"headers": "X-A: b"}, "headers", "names with values", id="headers as text"),
        pytest.param({"query": {"": "a"}}, 'query[""]', "no name", id="parameter without name"),
        pytest.param({"secrt": "x"}, "secrt", "did you mean secret?", id="unknown key"),
        pytest.param({"secret": "whsec_c2hvcnQ="}, "secret", "5 bytes", id="short secret"),
        pytest.param({"secret": "whsec_" + "A" * 88}, "secret", "66 bytes", id="long secret"),
        pytest.param({"secret": "whsec_*"}, "secret", "not Base64", id="secret not Base64"),
        pytest.param({"secret": "MfKQ9r8G"}, "secret", "begin with whsec_", id="no prefix"),
        pytest.param({"concurrency": 0}, "concurrency", "1 to 1000", id="no concurrency"),
        pytest.param({"concurrency": True}, "concurrency", "1 to 1000", id="true"),
        pytest.param({"timeout": "15"}, "timeout", "not a duration", id="without unit"),
        pytest.param({"timeout": 15}, "timeout", "not a duration", id="timeout as number"),
        pytest.param({"timeout": "1h"}, "timeout", "100ms to 5m", id="timeout too long"),
        pytest.param({"method": "HEAD"}, "method", "POST, PUT, PATCH, DELETE, GET", id="method"),
        pytest.param({"state": "off"}, "state", "active, paused", id="state"),
        pytest.param({"entities": []}, "entities", "a list of entities", id="no entities"),
        pytest.param({"entities": ["a", "a"]}, "entities[1]", "twice", id="entity twice"),
        pytest.param({"id": "A b"}, "id", "are allowed", id="id"),
        pytest.param({"retry": []}, "retry", "schedule and jitter", id="retry as list"),
        pytest.param({"retry": {"schedul": []}}, "retry.schedul", "did you mean schedule?", id="r"),
        pytest.param({"retry": {"jitter": 2}}, "retry.jitter", "0 to 1", id="jitter"),
        pytest.param({"retry": {"schedule": ["8d"]}}, "retry.schedule[0]", "7d", id="long wait"),
        pytest.param(
            {"retry": {"schedule": ["6d", "6d"]}},
            "retry.schedule",
            "10d in all",
            id="long schedule",
        ),
        pytest.param({"retry": {"schedule": ["5s"] * 51}}, "retry.schedule", "50", id="many"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changes, place, words):
    found = problems(**changes)

    assert list(found) == [place]
    assert words in found[place]


def test_all_problems_are_told_at_once():
    found = problems(url="ftp://x", concurrency=-1, headers={"A B": "c\n"})

    assert {"url", "concurrency", 'headers["A B"]'} == found.keys()


@pytest.mark.parametrize("key", ["id", "url", "secret"])
def test_a_missing_key_is_named(key):
    content = {name: value for name, value in manifest().items() if name != key}

    with pytest.raises(DefinitionError, match=f"{key}: is missing"):
        parse_webhook(content)


def test_an_allowed_network_may_be_called():
    url = "http://127.0.0.1:8000/h"

    webhook = parse_webhook(manifest(url=url), allowed=networks(["127.0.0.0/8"]))

    assert webhook.url == url


def test_the_stored_form_holds_no_secret_in_the_clear_and_comes_back_whole():
    webhook = parse_webhook(
        manifest(
            entities=["person", "lead"],
            headers={"Authorization": "Bearer t0ken"},
            query={"key": "apik3y"},
            retry={"schedule": ["1h30m", "250ms"], "jitter": 0.5},
            timeout="1m30s",
        )
    )

    spec = to_spec(webhook, lambda text: f"sealed:{text[::-1]}")

    for word in (SECRET, "t0ken", "apik3y"):
        assert word not in spec
        assert word not in masked_spec(webhook)
        assert word not in repr(webhook)
    assert from_spec(spec, lambda text: text.removeprefix("sealed:")[::-1]) == webhook
    assert spec == json.dumps(json.loads(spec), sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("spec", ["", "[]", "{}", '{"id":1}', "null", '{"removed":true}'])
def test_a_spec_that_is_no_webhook_is_a_schema_error(spec):
    with pytest.raises(SchemaError, match="not a webhook"):
        from_spec(spec, str)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("15s", timedelta(seconds=15)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("1d2h3m4s5ms", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)),
    ],
)
def test_durations_are_read_and_written_alike(text, value):
    assert parse_duration(text) == value
    assert duration_text(value) == text


@pytest.mark.parametrize(
    "text", ["", "5", "s", "5 s", "-5s", "1m1h", "5s5s", "1.5s", "5S", "9" * 20 + "d"]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_a_lane_is_read_and_stored_as_it_is_written():
    lane = {
        "rate_limit": "600/min",
        "breaker": {"failures": 3, "open_for": "10s", "longest": "1m", "probes": 2},
        "ordering": "none",
        "disable_after": "2d",
    }

    webhook = parse_webhook(manifest(**lane))

    assert from_spec(to_spec(webhook, str), str) == webhook
    shown = json.loads(masked_spec(webhook))
    assert (shown["rate_limit"], shown["ordering"], shown["disable_after"]) == (
        "600/min",
        "none",
        "2d",
    )
    assert shown["breaker"]["open_for"] == "10s"
    assert parse_webhook({**shown, "secret": SECRET}) == webhook


def test_a_lane_without_limits_is_read_and_stored_as_it_is_written():
    webhook = parse_webhook(manifest(rate_limit="none", breaker="off", disable_after="never"))

    assert (webhook.rate_limit, webhook.breaker, webhook.disable_after) == (None, None, None)
    assert from_spec(to_spec(webhook, str), str) == webhook


def test_what_was_stored_before_there_were_lanes_gets_the_defaults():
    webhook = parse_webhook(manifest())
    spec = json.loads(to_spec(webhook, str))
    for name in ("rate_limit", "breaker", "ordering", "disable_after"):
        del spec[name]

    assert from_spec(json.dumps(spec), str) == webhook


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        pytest.param({"rate_limit": 50}, "rate_limit", "such as 50/s", id="number"),
        pytest.param({"rate_limit": "50/day"}, "rate_limit", "such as 50/s", id="unit"),
        pytest.param({"rate_limt": "5/s"}, "rate_limt", "did you mean rate_limit?", id="name"),
        pytest.param(
            {"breaker": {"failure": 3}}, "breaker.failure", "failures?", id="breaker's name"
        ),
        pytest.param({"breaker": {"failures": 0}}, "breaker.failures", "1 to 1000", id="none"),
        pytest.param({"breaker": {"share": 2}}, "breaker.share", "above 0 to 1", id="share"),
        pytest.param(
            {"breaker": {"open_for": "1m", "longest": "5s"}},
            "breaker.longest",
            "shorter than breaker.open_for",
            id="bounds the wrong way round",
        ),
        pytest.param({"ordering": "strict"}, "ordering", "one of per_record, none", id="ordering"),
        pytest.param({"disable_after": "5s"}, "disable_after", "1m to 30d", id="too short"),
        pytest.param({"disable_after": 5}, "disable_after", "or never", id="no duration"),
    ],
)
def test_what_a_lane_cannot_be_is_refused_with_what_is_allowed(
    changes: dict[str, Any], place: str, words: str
):
    assert words in problems(**changes)[place]
