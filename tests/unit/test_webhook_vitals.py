"""`webhook_service.vitals`: what an attempt says about its endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from webhook_service.attempt import Outcome
from webhook_service.courier import Again, Dead, Done, Later
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.vitals import FINE, sign_of
from webhook_service.window import Strain


def made(result: Any) -> Outcome:
    return Outcome(None, None, None, (), result, None)  # type: ignore[arg-type]


def answered(status: int) -> Outcome:
    return made(Answer(status, {}, b"", whole=True, connect_ms=0.0, total_ms=1.0))


@pytest.mark.parametrize(
    ("status", "fails", "strain"),
    [
        pytest.param(400, False, Strain.NONE, id="refuses this one request"),
        pytest.param(410, False, Strain.NONE, id="gone, which is decided elsewhere"),
        pytest.param(429, False, Strain.BUSY, id="wants fewer"),
        pytest.param(503, True, Strain.BUSY, id="unavailable"),
        pytest.param(500, True, Strain.NONE, id="broken"),
        pytest.param(401, True, Strain.NONE, id="an operator has to mend it"),
    ],
)
def test_a_status_says_whether_the_endpoint_fails_and_is_strained(status, fails, strain):
    for verdict in (
        Again(answered(status), 0),
        Dead(answered(status), "status", "given up", None),
    ):
        sign = sign_of(verdict)
        assert sign is not None
        assert (sign.failure is not None, sign.strain) == (fails, strain)


def test_no_answer_is_a_failure_and_a_timeout_a_strain():
    for error_class, strain in (("timeout", Strain.TIMEOUT), ("connection", Strain.NONE)):
        sign = sign_of(Again(made(NoAnswer(error_class, "why", 0.0, 1.0)), 0))  # type: ignore[arg-type]
        assert sign is not None
        assert sign.failure == f"{error_class}: why"
        assert sign.strain is strain


def test_a_delivery_says_that_all_is_well_and_what_was_not_sent_says_nothing():
    assert sign_of(Done(answered(200))) == FINE
    assert sign_of(Dead(None, "schema", "unreadable", None)) is None
    assert sign_of(Later("the registry is away")) is None
