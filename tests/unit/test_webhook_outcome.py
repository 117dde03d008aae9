"""`webhook_service.outcome`: the judgement table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webhook_service.outcome import (
    Answer,
    Delivered,
    Gone,
    NoAnswer,
    Rejected,
    Retryable,
    judge,
    retry_after_of,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def answer(status, **headers):
    lower = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, lower, b"", whole=True, connect_ms=0, total_ms=1)


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        pytest.param(range(200, 300), Delivered, id="2xx is delivered"),
        pytest.param(range(300, 400), Rejected, id="3xx is final: no redirect is followed"),
        pytest.param(
            [401, 403, 404, 408, 409, 421, 425, 429], Retryable, id="somebody will mend it"
        ),
        pytest.param(
            sorted(set(range(400, 500)) - {401, 403, 404, 408, 409, 410, 421, 425, 429}),
            Rejected,
            id="other 4xx are final",
        ),
        pytest.param([410], Gone, id="410 is gone"),
        pytest.param(range(500, 600), Retryable, id="5xx is retried"),
        pytest.param([100, 101, 199, 600, 999], Rejected, id="what is no final status is final"),
    ],
)
def test_every_status_has_its_judgement(statuses, kind):
    assert {status: type(judge(answer(status), NOON)) for status in statuses} == dict.fromkeys(
        statuses, kind
    )


@pytest.mark.parametrize(
    "word", ["timeout", "dns", "connection", "tls", "forbidden-address", "protocol"]
)
def test_without_an_answer_it_is_retried_under_its_word(word):
    assert judge(NoAnswer(word, "why", 0, 1), NOON) == Retryable(word, "why")


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_by_throttling_answers(status):
    judgement = judge(answer(status, retry_after="120"), NOON)

    assert isinstance(judgement, Retryable)
    assert judgement.retry_after == timedelta(seconds=120)


def test_retry_after_of_other_answers_is_not_looked_at():
    judgement = judge(answer(500, retry_after="120"), NOON)

    assert isinstance(judgement, Retryable)
    assert judgement.retry_after is None


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        pytest.param("0", timedelta(), id="zero"),
        pytest.param(" 5 ", timedelta(seconds=5), id="spaces"),
        pytest.param("Thu, 01 Jan 2026 12:01:00 GMT", timedelta(minutes=1), id="date"),
        pytest.param("Thu, 01 Jan 2026 13:01:00 +0100", timedelta(minutes=1), id="offset"),
        pytest.param("Thursday, 01-Jan-26 12:01:00 GMT", timedelta(minutes=1), id="RFC 850"),
        pytest.param("Thu Jan  1 12:01:00 2026", timedelta(minutes=1), id="asctime"),
        pytest.param("Thu, 01 Jan 2026 11:00:00 GMT", timedelta(), id="past"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1.5", None, id="fraction"),
        pytest.param("soon", None, id="word"),
        pytest.param("", None, id="empty"),
        pytest.param("٣", None, id="digit of another script"),
        pytest.param("9" * 400, None, id="absurd"),
        pytest.param("Thu, 99 Jan 2026 12:01:00 GMT", None, id="impossible date"),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, wait):
    assert retry_after_of(value, NOON) == wait
