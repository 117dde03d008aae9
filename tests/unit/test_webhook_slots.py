"""`webhook_service.slots`: nobody takes the last ones, and those that hang do not keep theirs."""

from __future__ import annotations

from webhook_service.slots import Slots


def fill(slots: Slots, lanes: int, each: int, *, slow: bool = False) -> list[int]:
    """Let lanes take as many as they want, in turn; what each got."""
    got = [0] * lanes
    for _ in range(each):
        for lane in range(lanes):
            if slots.admits(got[lane], slow=slow):
                slots.take(slow=slow)
                got[lane] += 1
    return got


def test_one_lane_alone_gets_two_thirds():
    assert fill(Slots(900), 1, 900) == [600]


def test_however_many_lanes_fill_the_pool_another_finds_a_place():
    for lanes in (2, 10, 125, 400):
        slots = Slots(1_000)
        fill(slots, lanes, 40 if lanes > 10 else 600)

        assert slots.admits(0, slow=False), lanes


def test_those_that_hang_give_their_places_back_once_it_is_noticed():
    slots = Slots(1_000)
    got = fill(slots, 125, 8)
    before = slots.free(slow=False)
    for _ in range(sum(got)):
        slots.move()

    assert before < 10
    assert slots.free(slow=False) == 1_000
    assert not any(slots.admits(active, slow=True) for active in got)
    assert all(fill(slots, 100, 8))


def test_what_hangs_beyond_its_pool_takes_of_the_other_but_never_all():
    slots = Slots(100)
    for _ in range(1_000):
        slots.take(slow=False)
        slots.move()

    assert slots.free(slow=False) == 25
    assert slots.free(slow=True) == 0


def test_what_ended_is_free_again():
    slots = Slots(10)
    slots.take(slow=False)
    slots.move()
    slots.give(slow=True)

    assert (slots.quick, slots.slow, slots.taken) == (0, 0, 0)


def test_the_smallest_pool_lets_one_through():
    assert Slots(1).admits(0, slow=False)
    assert Slots(1).admits(0, slow=True)
