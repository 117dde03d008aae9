"""Where a change comes from, read from a request's headers or stated by a program."""

import uuid

import pytest

from producers.cause import Cause, cause_from, cause_of
from schemas.errors import SchemaError

LINK = "win-back/3/0/6f6e5a0e-5a58-5f0c-9a53-8f1c6f0f7f11"
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
        "X-Chain": LINK,
    }

    cause, problems = cause_of(headers)

    assert cause == Cause("workflow", "Zoë", uuid.UUID(ID), uuid.UUID(ID), 3, (LINK,))
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
        pytest.param("X-Chain", "42", "has '42' as link 1; expected workflow/version", id="chain"),
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


@pytest.mark.parametrize("header", ["X-Causation-Id", "X-Chain"])
def test_a_change_that_names_its_cause_came_by_a_workflow_unless_it_says_otherwise(header):
    named = {header: LINK if header == "X-Chain" else ID}

    assert cause_of(named)[0].source == "workflow"
    assert cause_of(named | {"X-Source": "system"})[0].source == "system"


def test_hops_that_are_not_stated_are_the_links_of_the_chain():
    assert cause_of({"X-Chain": f"{LINK}, {LINK}"})[0].hops == 2


def test_a_chain_may_be_shorter_than_the_hops_but_not_longer():
    assert cause_of({"X-Chain": LINK, "X-Hops": "5"})[0].hops == 5

    cause, problems = cause_of({"X-Chain": LINK, "X-Hops": "0"})

    assert cause is None
    assert problems == ["X-Hops is 0, but the chain names 1 action: hand on both as they came"]


def test_the_case_of_headers_makes_no_difference():
    assert cause_of({"x-hops": "2", "X-CHAIN": LINK})[0] == Cause("workflow", hops=2, chain=(LINK,))


def test_a_program_hands_on_the_headers_that_it_was_sent():
    sent = {
        "Host": "a",
        "X-Correlation-Id": ID,
        "X-Causation-Id": ID,
        "X-Hops": "1",
        "X-Chain": LINK,
    }

    cause = cause_from({"caused_by": sent, "actor": "ann", "entity_id": "7"})

    assert cause == Cause("workflow", "ann", uuid.UUID(ID), uuid.UUID(ID), 1, (LINK,))


def test_what_a_program_states_wins_over_the_headers():
    cause = cause_from(
        {"caused_by": {"X-Hops": "1", "X-Source": "ui"}, "hops": 4, "source": "system"}
    )

    assert cause == Cause("system", hops=4)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        pytest.param({"caused_by": {"X-Hops": "x"}}, "X-Hops is 'x'", id="a header"),
        pytest.param({"chain": ["x"]}, "chain has 'x' as link 1", id="a link"),
        pytest.param({"chain": [LINK], "hops": 0}, "is 0, but the chain names 1", id="hops"),
    ],
)
def test_a_program_that_states_nonsense_is_told_so(about, said):
    with pytest.raises(SchemaError, match=said):
        cause_from(about)
