"""What a delivery's request says of its cause, for receivers that hand it on."""

from __future__ import annotations

import json

import pytest

from producers.cause import cause_of
from schemas.errors import DefinitionError
from schemas.links import parse_chain
from tests.delivery_rig import BODIES, action_for, person_event, webhook
from webhook_service.parse import parse_webhook
from webhook_service.render import request_of

FIRST = "win-back/3/0/0b7e2f5c-94a3-4b0e-9b55-6d4f1a3c2e10"
EVENT = person_event(7, hops=1, chain=(FIRST,))
ACTION = action_for(EVENT, "mirror")


def request(event=EVENT, **changes):
    return request_of(webhook("mirror", "https://example.com/h", **changes), ACTION, event, BODIES)


def test_a_request_names_the_action_as_cause_and_counts_it():
    headers = dict(request().headers)

    assert headers["X-Correlation-Id"] == str(EVENT.correlation_id)
    assert headers["X-Causation-Id"] == str(ACTION.action_id)
    assert headers["X-Hops"] == "2"


def test_the_chain_ends_with_the_action_itself():
    chain = parse_chain(dict(request().headers)["X-Chain"])

    assert chain == (FIRST, f"welcome/1/0/{EVENT.event_id}")


def test_a_get_says_it_too_and_logs_show_it():
    sent = request(method="GET")

    assert dict(sent.headers)["X-Hops"] == dict(sent.masked.headers)["X-Hops"] == "2"


def test_the_body_has_the_chain_of_the_event():
    body = json.loads(request().body)

    assert (body["data"]["hops"], body["data"]["chain"]) == (1, [FIRST])


def test_an_event_from_elsewhere_cannot_put_other_headers_into_a_request():
    headers = request(person_event(7, chain=("a\r\nX-Evil: 1", FIRST))).headers

    assert parse_chain(dict(headers)["X-Chain"])[0] == FIRST
    assert not any("\n" in value for _, value in headers)


@pytest.mark.parametrize("name", ["X-Hops", "x-chain", "X-CORRELATION-ID", "X-Causation-Id"])
def test_a_header_of_the_operators_does_not_stand_beside_ours(name):
    saved_long_ago = webhook("mirror", "https://example.com/h").model_copy(
        update={"headers": {name: "0", "X-Own": "1"}}
    )

    sent = request_of(saved_long_ago, ACTION, EVENT, BODIES)

    headers = [key.lower() for key, _ in sent.headers]

    assert headers.count(name.lower()) == 1
    assert "x-own" in headers


@pytest.mark.parametrize("name", ["X-Hops", "x-chain", "X-CORRELATION-ID", "X-Causation-Id"])
def test_such_a_header_is_refused_when_a_webhook_is_saved(name):
    secret = "whsec_" + "A" * 32
    content = {"id": "m", "url": "https://example.com", "secret": secret, "headers": {name: "0"}}

    with pytest.raises(DefinitionError, match="is set by Hookline") as refused:
        parse_webhook(content)

    assert [problem.place for problem in refused.value.problems] == [f'headers["{name}"]']


def test_a_receiver_that_hands_them_on_continues_the_chain():
    cause, problems = cause_of(dict(request().headers))

    assert problems == []
    assert (cause.source, cause.hops) == ("workflow", 2)
    assert cause.correlation_id == EVENT.correlation_id
    assert cause.causation_id == ACTION.action_id
    assert cause.chain == (FIRST, f"welcome/1/0/{EVENT.event_id}")
