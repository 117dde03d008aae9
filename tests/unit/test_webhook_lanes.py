"""`webhook_service.lane`: when a lane is full, and how long what finds no room waits."""

from __future__ import annotations

from dataclasses import replace

from schemas.records import Definition
from tests.delivery_rig import NOON, webhook
from webhook_service.directory import Directory, Unusable
from webhook_service.lane import LONGEST_PARK_MS, SHORTEST_PARK_MS, Lane
from webhook_service.lane_states import disabled, switched
from webhook_service.share import Delivery
from webhook_service.stored import to_spec
from webhook_service.vitals import FINE, Sign
from webhook_service.window import Strain

FAILED = Sign("the endpoint answered 500", Strain.NONE)


def lane(cap: int = 500, **changes) -> Lane:
    directory = Directory(str)
    hook = webhook("mirror", "https://example.com/", **changes)
    definition = Definition("webhook", "mirror", 1, NOON, "tests", to_spec(hook, str))
    directory.on_definition("mirror", definition)
    return Lane("mirror", directory.find("mirror"), cap)


def delivery() -> Delivery:
    return Delivery(None, None, 0, None)  # type: ignore[arg-type]


def begin(one: Lane, now: float) -> Delivery | None:
    one.ready.append(delivery())
    one.queued += 1
    return one.next(now, slow=False)


def attempt(one: Lane, started: float, ended: float, sign: Sign = FINE) -> None:
    begun = begin(one, started)
    assert begun is not None
    one.ended(begun, sign, ended, chance=0.0)


def test_a_lane_of_which_nothing_is_known_takes_up_to_its_cap():
    assert lane(cap=500).limit(now_ms=1_000) == 500


def test_a_lane_takes_what_it_sends_within_a_second():
    one = lane(concurrency=8)
    attempt(one, 1_000, 1_100)

    assert one.limit(1_100) == 80


def test_one_that_hangs_is_noticed_before_its_timeout():
    one = lane(concurrency=8)
    attempt(one, 0, 10)
    begin(one, 1_000)

    assert one.limit(1_010) == 500
    assert one.limit(11_000) == 1
    assert one.is_slow(11_000)


def test_what_waited_goes_before_what_is_new():
    one = lane(concurrency=8)
    attempt(one, 1_000, 1_100)
    one.parked, one.queued = 5, 50

    assert one.admits(1_100, waited=True)
    assert not one.admits(1_100, waited=False)


def test_paused_and_unusable_lanes_stand_still():
    paused, switched_off, unusable = lane(state="paused"), lane(), lane()
    switched_off.switch = switched("mirror", "paused", "operator", "", 1, NOON, "ada")
    unusable.known = Unusable(1, "no key")

    for one, why in ((paused, "paused"), (switched_off, "paused"), (unusable, "unusable")):
        assert one.standstill(0) == why
        assert one.limit(0) == 0
        assert begin(one, 0) is None


def test_what_goes_to_a_disabled_webhook_is_given_up_at_once_whatever_its_rate():
    one = lane(rate_limit="1/h", state="disabled")

    assert one.standstill(0) is None
    assert not one.is_sending
    assert one.held_ms(0) == 0
    assert begin(one, 0) is not None


def test_what_the_service_disabled_holds_for_no_newer_version_but_what_an_operator_did_does():
    gone, decided = lane(), lane()
    gone.switch = disabled(gone, "gone", "410", NOON, "m1")
    decided.switch = switched("mirror", "disabled", "operator", "", 1, NOON, "ada")
    assert {gone.decided, decided.decided} == {"disabled"}

    for one in (gone, decided):
        one.known = replace(one.known, version=2)  # type: ignore[type-var]

    assert [gone.decided, decided.decided] == ["active", "disabled"]


def test_an_open_circuit_lets_nothing_in_and_then_one_probe():
    one = lane(breaker={"failures": 2, "open_for": "5s"})
    attempt(one, 1_000, 1_010, FAILED)
    attempt(one, 1_000, 1_010, FAILED)

    assert one.standstill(1_020) == "open"
    assert one.park_ms(1_020) == 4_991  # one comes back just in time
    assert one.park_ms(1_020) >= 4_991
    assert one.limit(6_100) == 1
    probe = begin(one, 6_100)
    assert probe is not None
    assert one.limit(6_100) == 0
    assert begin(one, 6_100) is None

    one.ended(probe, FINE, 6_110, chance=0.0)
    assert one.limit(6_110) > 1


def test_a_probe_that_was_not_sent_is_none():
    one = lane(breaker={"failures": 1, "open_for": "5s"})
    attempt(one, 1_000, 1_010, FAILED)
    probe = begin(one, 7_000)
    assert probe is not None

    one.ended(probe, None, 7_010, chance=0.0)

    assert begin(one, 7_010) is not None


def test_a_lane_that_timed_out_queues_nothing_beyond_what_can_start():
    one = lane(concurrency=8)
    attempt(one, 0, 15_000, Sign("timeout", Strain.TIMEOUT))

    assert one.width == 1
    assert one.limit(15_000) == 1
    assert begin(one, 15_000) is not None
    assert one.limit(15_000) == 0


def test_over_its_rate_a_lane_holds_back_and_queues_what_it_may_send_within_a_second():
    one = lane(rate_limit="20/s")
    one.own(0.5, 0)
    assert one.limit(50) == 10
    assert one.held_ms(50) == 50
    assert begin(one, 50) is None
    assert one.next(100, slow=False) is not None


def test_a_lane_that_its_rate_holds_back_leaves_most_of_the_room_to_others():
    one = lane(rate_limit="1000/s")
    one.own(1.0, 0)

    assert one.limit(0, room=40) == 10
    assert one.limit(0, room=0) == 0


def test_what_its_rate_holds_back_is_looked_at_as_often_as_it_may_be_sent():
    one = lane(rate_limit="10/s")
    one.own(1.0, 0)
    one.parked = 300

    assert one.park_ms(0) == 20_000


def test_failures_only_for_long_enough_are_too_long():
    one = lane(disable_after="1h", breaker="off")
    attempt(one, 1_000, 1_010, FAILED)
    assert not one.has_failed_for_too_long(3_600_000)
    assert one.has_failed_for_too_long(3_601_010)

    attempt(one, 3_601_000, 3_601_010)
    assert not one.has_failed_for_too_long(9_999_999)


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
