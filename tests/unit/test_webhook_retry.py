"""`webhook_service.retry`, `.tiers`, `.delivery`: when a delivery is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.errors import IllegalStepError
from webhook_service.delivery import FINAL, TRANSITIONS, State, Step, after
from webhook_service.retry import GiveUp, RetryAt, after_failure
from webhook_service.tiers import Stay, stay_of
from webhook_service.webhook import Retry

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RETRY = Retry(schedule=(timedelta(seconds=5), timedelta(minutes=5)), jitter=0)


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        pytest.param(1, RetryAt(NOON + timedelta(seconds=5)), id="first failure waits 5 s"),
        pytest.param(2, RetryAt(NOON + timedelta(minutes=5)), id="second waits 5 min"),
        pytest.param(3, GiveUp("no success in 3 attempts"), id="third gives up"),
        pytest.param(9, GiveUp("no success in 9 attempts"), id="a shortened schedule gives up"),
    ],
)
def test_waits_follow_the_schedule_and_then_stop(attempt, expected):
    assert after_failure(RETRY, attempt, NOON, 0.5) == expected


def test_without_a_schedule_the_first_failure_is_the_last():
    assert after_failure(Retry(schedule=()), 1, NOON, 0) == GiveUp("no success in 1 attempt")


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        pytest.param(1, 5, id="less than the schedule changes nothing"),
        pytest.param(60, 60, id="more lengthens the wait"),
        pytest.param(10**6, 3600, id="but not beyond the cap"),
    ],
)
def test_retry_after_is_the_larger_of_both_with_a_cap(asked, wait):
    decision = after_failure(
        RETRY,
        1,
        NOON,
        0,
        retry_after=timedelta(seconds=asked),
        cap=timedelta(hours=1),
    )

    assert decision == RetryAt(NOON + timedelta(seconds=wait))


def test_a_cap_below_the_schedule_does_not_shorten_it():
    decision = after_failure(
        RETRY, 2, NOON, 0, retry_after=timedelta(hours=2), cap=timedelta(seconds=1)
    )

    assert decision == RetryAt(NOON + timedelta(minutes=5))


def test_an_attempt_number_below_one_is_our_mistake():
    with pytest.raises(IllegalStepError, match="counted from 1, got 0"):
        after_failure(RETRY, 0, NOON, 0)


TIERS = (1_000, 5_000, 30_000, 300_000)


@pytest.mark.parametrize(
    ("left", "stay"),
    [
        pytest.param(300_000, Stay(3, 300_000), id="exactly the longest"),
        pytest.param(10_000_000, Stay(3, 300_000), id="longer than the longest: the first step"),
        pytest.param(299_999, Stay(2, 30_000), id="just less: one shorter"),
        pytest.param(5_000, Stay(1, 5_000), id="five seconds"),
        pytest.param(4_999, Stay(0, 1_000), id="seconds by steps of one"),
        pytest.param(1, Stay(0, 1_000), id="the last step may end late"),
        pytest.param(-5, Stay(0, 1_000), id="overdue ones still take the shortest"),
    ],
)
def test_a_due_time_is_reached_by_the_longest_tier_that_ends_before_it(left, stay):
    assert stay_of(left, 0, TIERS) == stay


def test_a_step_that_the_table_does_not_have_is_our_mistake():
    with pytest.raises(IllegalStepError, match="delivered cannot start"):
        after(State.DELIVERED, Step.START)


def test_every_state_can_end():
    def ends(state: State, seen: frozenset[State]) -> bool:
        if state in FINAL:
            return True
        following = set(TRANSITIONS[state].values()) - seen
        return any(ends(each, seen | {each}) for each in following)

    assert {State.DELIVERED, State.DEAD} == FINAL
    assert all(ends(state, frozenset({state})) for state in State)


def test_every_state_is_reached_from_the_first():
    reached, todo = {State.QUEUED}, [State.QUEUED]
    while todo:
        for state in TRANSITIONS[todo.pop()].values():
            if state not in reached:
                reached.add(state)
                todo.append(state)

    assert reached == set(State)
