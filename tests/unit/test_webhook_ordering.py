"""`webhook_service.ordering`: the one that came first, and no other."""

from __future__ import annotations

from webhook_service.ordering import BEHIND, READY, REPEATED, Held, Order, line_of


def test_the_first_of_a_key_is_ready_and_the_second_behind_it():
    order = Order()

    assert order.arrive(b"k", 10) == READY
    assert order.arrive(b"k", 12) == BEHIND
    assert order.arrive(b"other", 11) == READY


def test_when_the_first_is_finished_the_second_is_next():
    order = Order()
    order.arrive(b"k", 10)
    order.arrive(b"k", 12)

    assert order.finish(b"k", 10) == 12
    assert order.finish(b"k", 12) is None


def test_what_goes_away_takes_along_what_stands_behind_it():
    order = Order()
    for origin in (10, 12, 14):
        order.arrive(b"k", origin)

    assert order.leave(b"k", 10, due_ms=99) == (12, 14)
    assert order.leave(b"k", 12, due_ms=99) == ()
    assert order.leave(b"k", 14, due_ms=99) == ()
    assert order.away_of(b"k") == (10, 12, 14)


def test_what_arrives_behind_one_that_is_away_is_held_until_that_is_due():
    order = Order()
    order.arrive(b"k", 10)
    order.leave(b"k", 10, due_ms=99)

    assert order.arrive(b"k", 12) == Held(10, 99)
    order.leave(b"k", 12, due_ms=99)
    assert order.arrive(b"k", 12) == Held(10, 99)
    assert order.arrive(b"k", 10) == READY
    assert order.arrive(b"k", 12) == BEHIND


def test_what_waited_before_a_restart_is_known_again():
    order = Order()
    order.restore(b"k", 12, due_ms=50)
    order.restore(b"k", 10, due_ms=99)

    assert order.arrive(b"k", 12) == Held(10, 99)
    assert order.arrive(b"k", 10) == READY
    assert order.away_of(b"k") == (12,)


def test_one_that_was_sent_again_after_a_crash_still_stands_before_what_waits():
    order = Order()
    order.restore(b"k", 12, due_ms=50)

    assert order.arrive(b"k", 10) == READY
    assert order.arrive(b"k", 12) == BEHIND
    assert order.finish(b"k", 10) == 12


def test_a_second_copy_of_a_record_is_recognised():
    order = Order()
    order.arrive(b"k", 10)

    assert order.arrive(b"k", 10) == REPEATED


def test_a_finished_key_leaves_nothing_behind():
    order = Order()
    for number in range(1_000):
        key = b"%d" % number
        order.arrive(key, number)
        order.leave(key, number, due_ms=1)
        order.arrive(key, number)
        order.finish(key, number)

    assert order._here == {}
    assert order._away == {}


def test_without_order_each_record_stands_in_a_line_of_its_own():
    order = Order()
    first, second = (line_of(b"k", origin, ordered=False) for origin in (10, 12))

    assert order.arrive(first, 10) == READY
    assert order.arrive(second, 12) == READY
    assert order.finish(first, 10) is None
    assert line_of(b"k", 10, ordered=True) == b"k"


def test_what_stands_in_another_line_now_holds_nothing_up():
    order = Order()
    order.restore(b"k", 10, due_ms=99)

    order.forget(b"k", 10)

    assert order.arrive(b"k", 12) == READY
    assert order._away == {}


def test_a_line_in_which_many_are_away_lets_them_go_in_order():
    order = Order()
    for origin in (30, 10, 20):
        order.restore(b"k", origin, due_ms=origin)

    assert order.first_away(b"k") == Held(10, 10)
    for origin in (10, 20, 30):
        assert order.arrive(b"k", origin) == READY
        assert order.finish(b"k", origin) is None
    assert order.first_away(b"k") is None
