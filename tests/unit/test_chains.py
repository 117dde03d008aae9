"""The whole chain as the reason of a dead letter."""

import dataclasses
import json
from datetime import UTC, datetime

from schemas import headers
from schemas.records import action_id_of
from tests.crm import compiled_of, lead_event
from tests.crm import event_id_of as event_id
from workflow_service.actions import Origin, actions_of
from workflow_service.chains import too_many_hops
from workflow_service.dead_letter import MAX_REASON, dead_letter_headers

ORIGIN = Origin("crm.lead.events", 0, 7, b"")
NOW = datetime(2026, 5, 4, tzinfo=UTC)


def link(number, workflow):
    """The link of that workflow's action on the event of that number."""
    return f"{workflow}/{number}/0/{event_id(number)}"


def refused(*chain, hops=None, limit=2):
    """The reason why `win-back@3` must not act at the end of a chain."""
    stated = len(chain) if hops is None else hops
    event = dataclasses.replace(lead_event(9, id="7"), chain=chain, hops=stated)
    (action,) = actions_of(compiled_of(3, id="win-back"), event, ORIGIN, NOW)
    return too_many_hops(action, event, limit)


def test_the_reason_tells_every_link_oldest_first_and_what_recurs():
    reason = refused(link(1, "win-back"), link(2, "promote"))

    steps = [
        f"win-back@1 on event {event_id(1)}",
        f"promote@2 on event {event_id(2)}",
        f"win-back@3 on event {event_id(9)}",
    ]
    assert " → ".join(steps) in reason.text
    assert "this would be action 3 of one chain" in reason.text
    assert "at most 2 are allowed (HOOKLINE_MAX_HOPS)" in reason.text
    assert "win-back recurs." in reason.text
    assert "created of lead 7" in reason.text
    assert (reason.error_class, reason.workflow) == ("too-many-hops", "win-back")


def test_tools_read_the_chain_from_a_header():
    reason = refused(link(1, "win-back"), link(2, "promote"))

    found = dict(dead_letter_headers((), reason, "crm.lead.events", 0, 7))

    chain = json.loads(found[headers.CHAIN])
    assert [(each["workflow"], each["version"]) for each in chain] == [
        ("win-back", 1),
        ("promote", 2),
        ("win-back", 3),
    ]
    assert chain[0] == {
        "workflow": "win-back",
        "version": 1,
        "action_index": 0,
        "action_id": str(action_id_of(event_id(1), "win-back", 1, 0)),
        "event_id": str(event_id(1)),
    }


def test_other_dead_letters_have_no_chain():
    reason = refused()
    other = type(reason)("undecodable", "what it is", "decode")

    assert headers.CHAIN not in dict(dead_letter_headers((), other, "t", 0, 7))


def test_a_chain_that_is_known_in_part_says_so():
    reason = refused(link(2, "promote"), hops=4)

    assert f"(3 earlier, not known) → promote@2 on event {event_id(2)} → win-back@3" in reason.text


def test_a_very_long_chain_fits_the_reason_and_is_whole_in_the_header():
    names = [f"{'long-' * 10}{number}" for number in range(1, 80)]
    chain = [link(number, name) for number, name in enumerate(names, 1)]

    reason = refused(*chain)

    assert len(reason.text) <= MAX_REASON
    assert "68 more, all in the header hookline-chain" in reason.text
    assert "which was not delivered" in reason.text
    assert [each["workflow"] for each in json.loads(reason.chain)] == [*names, "win-back"]


def test_what_an_event_from_elsewhere_calls_a_chain_does_no_harm():
    reason = refused("nonsense", link(2, "promote"), hops=2)

    assert "nonsense" not in reason.text
    assert [each["workflow"] for each in json.loads(reason.chain)] == ["promote", "win-back"]
