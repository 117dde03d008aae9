"""Chains as texts: what a link says, what is refused, what is left out."""

import uuid

import pytest

from schemas.links import (
    MAX_CHAIN,
    MAX_LINK,
    MAX_LINKS,
    Link,
    bounded,
    chain_text,
    extended,
    link_of,
    parse_chain,
    parse_link,
)
from schemas.records import action_id_of
from tests.delivery_rig import action_for, person_event

EVENT = uuid.UUID("0b7e2f5c-94a3-4b0e-9b55-6d4f1a3c2e10")


def link(number: int, workflow: str = "win-back") -> str:
    """A link with a version of its own."""
    return f"{workflow}/{number}/0/{EVENT}"


def test_a_link_names_the_action_that_it_stands_for():
    parsed = parse_link(f"win-back/3/1/{EVENT}")

    assert parsed == Link("win-back", 3, 1, EVENT)
    assert parsed.action_id == action_id_of(EVENT, "win-back", 3, 1)


def test_the_link_of_an_action_is_read_as_that_action():
    action = action_for(person_event(), "mirror")

    parsed = parse_link(link_of(action))

    assert parsed is not None
    assert parsed.action_id == action.action_id


def test_the_longest_link_there_can_be_is_one():
    longest = f"{'a' * 63}/{2**63 - 1}/999/{EVENT}"

    assert len(longest) <= MAX_LINK
    assert parse_link(longest) is not None


def test_a_chain_comes_out_of_a_header_as_it_went_in():
    chain = (link(1), link(2), link(3))

    assert parse_chain(chain_text(chain)) == chain


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_an_empty_header_is_no_chain(text):
    assert parse_chain(text) == ()


def test_servers_that_join_headers_without_a_space_do_no_harm():
    assert parse_chain(f"{link(1)},{link(2)}") == (link(1), link(2))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("win-back", "'win-back' as link 1; expected workflow/version/", id="a word"),
        pytest.param(f"{link(1)}, ", "'' as link 2", id="a comma at the end"),
        pytest.param(f"w/0/0/{EVENT}", "link 1", id="version 0"),
        pytest.param(f"w/1/-1/{EVENT}", "link 1", id="negative index"),
        pytest.param(f"W/1/0/{EVENT}", "link 1", id="no id of a workflow"),
        pytest.param("w/1/0/42", "link 1", id="no event id"),
        pytest.param(f"{link(1)}\r\nX-Evil: 1", "\\r\\n", id="a line break"),
        pytest.param("ü" * 500, "'… as", id="long and not ASCII"),
        pytest.param(", ".join([link(1)] * 101), "101 links; at most 100", id="too many"),
        pytest.param(", ".join([link(1)] * 99), "longer than 4000 characters", id="too long"),
    ],
)
def test_what_is_no_chain_is_refused_in_one_sentence(text, said):
    with pytest.raises(ValueError, match=r"^(has|is) ") as refused:
        parse_chain(text)

    assert said in str(refused.value)
    assert len(str(refused.value)) < 1_000


def test_a_chain_grows_at_its_end():
    assert extended((link(1),), link(2)) == (link(1), link(2))


def test_the_oldest_links_go_where_a_chain_becomes_too_long():
    chain = tuple(link(number, "w" * 63) for number in range(1, 200))

    kept = bounded(chain)

    assert kept == chain[-len(kept) :]
    assert len(kept) <= MAX_LINKS
    assert MAX_CHAIN - MAX_LINK < len(chain_text(kept)) <= MAX_CHAIN


def test_what_is_no_link_never_gets_into_a_header():
    assert extended(("a\r\nX-Evil: 1", link(1), "é"), link(2)) == (link(1), link(2))


def test_all_links_of_the_usual_limit_are_kept_however_long_they_are():
    chain = tuple(f"{'a' * 63}/{2**63 - 1 - n}/999/{EVENT}" for n in range(9))

    assert bounded(chain) == chain
