"""Where a change comes from, read from a request's headers."""

import uuid

import pytest

from producers.entity_service.cause import Cause, cause_of

ID = "0b7e2f5c-94a3-4b0e-9b55-6d4f1a3c2e10"


def test_without_headers_a_change_came_by_the_api_from_nobody():
    assert cause_of({}) == (Cause("api", None, None, None, 0), [])


def test_every_header_is_taken_over():
    headers = {
        "X-Actor": "Zoë",
        "X-Source": "workflow",
        "X-Correlation-Id": ID,
        "X-Causation-Id": ID.upper(),
        "X-Hops": "3",
    }

    cause, problems = cause_of(headers)

    assert cause == Cause("workflow", "Zoë", uuid.UUID(ID), uuid.UUID(ID), 3)
    assert problems == []


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        pytest.param("X-Source", "telepathy", "ui, api, import", id="unknown source"),
        pytest.param("X-Actor", "", "1 to 255", id="empty actor"),
        pytest.param("X-Actor", "a" * 256, "1 to 255", id="long actor"),
        pytest.param("X-Actor", "a\x07b", "printable", id="control character"),
        pytest.param("X-Actor", "a\udcffb", "UTF-8", id="bytes that are not UTF-8"),
        pytest.param("X-Hops", "-1", "0 to 10000", id="negative hops"),
        pytest.param("X-Hops", "1e3", "whole number", id="hops in another notation"),
        pytest.param("X-Hops", "99999999999999999999", "0 to 10000", id="too many hops"),
        pytest.param("X-Correlation-Id", "42", "a UUID", id="correlation id"),
        pytest.param("X-Causation-Id", "42", "a UUID", id="causation id"),
    ],
)
def test_a_header_that_cannot_be_read_is_named_with_what_is_allowed(header, value, expected):
    cause, problems = cause_of({header: value})

    assert cause is None
    assert len(problems) == 1
    assert problems[0].startswith(header)
    assert expected in problems[0]
    problems[0].encode()


def test_all_problems_are_named_at_once():
    _, problems = cause_of({"X-Hops": "x", "X-Source": "x", "X-Causation-Id": "x"})

    assert len(problems) == 3
