"""The receiver: verifies with an independent library, remembers, and fails on request."""

from __future__ import annotations

import json

import pytest

from console.receiver import Receiver
from runtime.clock import SystemClock
from webhook_service.sign import signer_of

SECRET = "whsec_" + "A" * 43 + "="
OTHER = "whsec_" + "B" * 43 + "="
BODY = b'{"type":"lead.created"}'


@pytest.fixture
def receiver() -> Receiver:
    # The independent library reads the machine's own clock, so the signatures must be of now.
    return Receiver({"sales": SECRET}, SystemClock())


def signed(secret: str = SECRET, body: bytes = BODY, id: str = "m1") -> dict[str, str]:
    """The headers that Hookline sends with a body."""
    return dict(signer_of(secret).headers(id, SystemClock().now(), body))


def test_what_hookline_signs_is_verified(receiver):
    arrival = receiver.take("sales", "POST", signed(), BODY)

    assert (arrival.verified, arrival.answered, arrival.webhook_id) == (True, 200, "m1")
    assert arrival.body == json.loads(BODY)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(signed(OTHER), BODY, id="another key"),
        pytest.param(signed(), BODY + b" ", id="another body"),
        pytest.param({**signed(), "webhook-id": "m2"}, BODY, id="another id"),
        pytest.param({**signed(), "webhook-timestamp": "1"}, BODY, id="an old timestamp"),
        pytest.param({}, BODY, id="no signature"),
    ],
)
def test_what_was_changed_is_refused_with_401(receiver, headers, body):
    arrival = receiver.take("sales", "POST", headers, body)

    assert (arrival.verified, arrival.answered) == (False, 401)
    assert arrival.problem


def test_an_endpoint_that_is_told_to_fail_still_verifies(receiver):
    receiver.failing["sales"] = 503

    arrival = receiver.take("sales", "POST", signed(), BODY)

    assert (arrival.verified, arrival.answered) == (True, 503)


def test_a_repeat_is_known_by_its_id_once_it_was_accepted(receiver):
    receiver.failing["sales"] = 503
    receiver.take("sales", "POST", signed(), BODY)
    receiver.failing.clear()

    seen = [receiver.take("sales", "POST", signed(), BODY).seen_before for _ in range(2)]

    assert seen == [False, True]
