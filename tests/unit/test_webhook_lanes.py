"""`webhook_service.lanes`: when a lane is full, and how long what finds no room waits."""

from __future__ import annotations

from schemas.records import Definition
from tests.delivery_rig import NOON, webhook
from webhook_service.directory import Directory, Unusable
from webhook_service.lanes import LONGEST_PARK_MS, SHORTEST_PARK_MS, Lane
from webhook_service.share import Delivery
from webhook_service.stored import to_spec


def lane(cap: int = 500, **changes) -> Lane:
    directory = Directory(str)
    hook = webhook("mirror", "https://example.com/", **changes)
    definition = Definition("webhook", "mirror", 1, NOON, "tests", to_spec(hook, str))
    directory.on_definition("mirror", definition)
    return Lane("mirror", directory.find("mirror"), cap)


def attempt(one: Lane, started: float, ended: float) -> None:
    delivery = Delivery(None, None, 0, None)  # type: ignore[arg-type]
    one.started(delivery, started)
    one.ended(delivery, ended)


def test_a_lane_of_which_nothing_is_known_takes_up_to_its_cap():
    assert lane(cap=500).limit(now_ms=1_000) == 500


def test_a_lane_takes_what_it_sends_within_a_second():
    one = lane(concurrency=8)
    attempt(one, 1_000, 1_100)

    assert one.limit(1_100) == 80


def test_one_that_hangs_is_noticed_before_its_timeout():
    one = lane(concurrency=8)
    attempt(one, 0, 10)
    one.started(Delivery(None, None, 0, None), 1_000)  # type: ignore[arg-type]

    assert one.limit(1_010) == 500
    assert one.limit(11_000) == 1


def test_what_waited_goes_before_what_is_new():
    one = lane(concurrency=8)
    attempt(one, 1_000, 1_100)
    one.parked, one.queued = 5, 50

    assert one.admits(1_100, waited=True)
    assert not one.admits(1_100, waited=False)


def test_paused_gone_and_unusable_lanes_stand_still():
    paused, gone, unusable = lane(state="paused"), lane(), lane()
    gone.mark_gone()
    unusable.known = Unusable(1, "no key")

    for one, why in ((paused, "paused"), (gone, "gone"), (unusable, "unusable")):
        assert one.standstill == why
        assert one.limit(0) == 0
        assert one.next() is None


def test_a_new_version_of_a_webhook_that_was_gone_is_called_again():
    one = lane()
    one.mark_gone()
    newer = lane()
    assert newer.known is not None
    object.__setattr__(newer.known, "version", 2)

    one.known = newer.known

    assert one.standstill is None


def test_the_longer_the_trouble_the_longer_the_wait_within_bounds():
    one = lane(state="paused")

    waits = [one.park_ms(now) for now in (1, 10_000, 100_000, 10_000_000)]

    assert waits == sorted(waits)
    assert waits[0] == SHORTEST_PARK_MS
    assert waits[1] == 4_999
    assert waits[-1] == LONGEST_PARK_MS


def test_many_parked_records_wait_for_their_turn():
    one = lane(concurrency=8)
    attempt(one, 1_000, 1_020)
    one.parked = 60_000

    assert one.park_ms(1_020) == 100_000  # 400 a second are sent, 600 looked at
