"""The rule that says of a workflow that it has gone quiet: what it finds, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from workflow_service.counting.quiet import MAX_CHANCE, Rhythm, chance_of, is_quiet, together

DAY = 24 * 60
Minutes = Callable[[int, Random], bool]

STEADY = Rhythm(
    minutes=20_000, matched=2_000, longest=60, pause=400, first_match=1, last_match=20 * DAY
)


def in_office(minute: int) -> bool:
    return 8 * 60 <= minute % DAY < 18 * 60 and minute // DAY % 7 < 5


#: When there are events, and when one of them matches.
PATTERNS: dict[str, tuple[Minutes, Minutes]] = {
    "steady": (lambda m, c: c.random() < 0.9, lambda m, c: c.random() < 0.1),
    "steady and rare": (lambda m, c: c.random() < 0.9, lambda m, c: c.random() < 0.01),
    "events and matches in office hours": (
        lambda m, c: in_office(m) and c.random() < 0.7,
        lambda m, c: c.random() < 0.1,
    ),
    "events always, matches in office hours": (
        lambda m, c: c.random() < 0.9,
        lambda m, c: in_office(m) and c.random() < 0.1,
    ),
    "matches in bursts of hours": (
        lambda m, c: c.random() < 0.9,
        lambda m, c: Random(m // 240).random() < 0.2 and c.random() < 0.5,
    ),
    "one batch a night": (
        lambda m, c: c.random() < 0.9,
        lambda m, c: m % DAY < 30 and c.random() < 0.5,
    ),
}


def watched(pattern: str, days: int, seed: int, stop_after: int | None = None) -> int | None:
    """The minute in which the rule first says "quiet"; None if it never does."""
    active, matches = PATTERNS[pattern]
    chance, seen, rhythm = Random(seed), 0, Rhythm()
    for minute in range(1, days * DAY):
        if not active(minute, chance):
            continue
        seen += 1
        if matches(minute, chance) and (stop_after is None or minute < stop_after):
            pause = seen - rhythm.minutes - 1 if rhythm.matched else 0
            rhythm = Rhythm(
                minutes=seen,
                matched=rhythm.matched + 1,
                longest=max(rhythm.longest, pause),
                first_match=rhythm.first_match or minute,
                last_match=minute,
            )
        elif rhythm.matched and seen % 10 == 0 and is_quiet(_now(rhythm, seen, minute)):
            return minute
    return None


def _now(rhythm: Rhythm, seen: int, minute: int) -> Rhythm:
    return replace(rhythm, pause=seen - rhythm.minutes, last_active=minute)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_pattern_of_four_weeks_raises_a_false_alarm(pattern):
    assert [watched(pattern, days=28, seed=seed) for seed in range(2)] == [None, None]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_workflow_that_stops_after_two_weeks_is_found_within_four_more(pattern):
    found = watched(pattern, days=42, seed=7, stop_after=14 * DAY)

    assert found is not None
    assert found > 14 * DAY


def test_a_long_pause_of_a_steady_workflow_is_quiet():
    assert is_quiet(STEADY)


@pytest.mark.parametrize(
    "rhythm",
    [
        pytest.param(replace(STEADY, matched=19), id="too few matches to speak of a habit"),
        pytest.param(replace(STEADY, first_match=13 * DAY), id="known for less than eight days"),
        pytest.param(replace(STEADY, longest=134), id="it has paused about as long before"),
        pytest.param(replace(STEADY, matched=200), id="a pause of that length is to be expected"),
        pytest.param(Rhythm(), id="it never matched"),
    ],
)
def test_each_rule_alone_keeps_a_workflow_from_being_called_quiet(rhythm):
    assert not is_quiet(rhythm)


def test_the_chance_of_a_pause_is_that_of_the_beta_distribution():
    # 1 match in 1 minute, flat prior: P(no match in the next) = B(2, 2) / B(2, 1) = 1/3.
    assert chance_of(Rhythm(minutes=1, matched=1, pause=1)) == pytest.approx(1 / 3)
    assert chance_of(replace(STEADY, pause=0)) == pytest.approx(1.0)
    assert chance_of(STEADY) < MAX_CHANCE < chance_of(replace(STEADY, pause=100))


def test_partitions_add_up_and_only_the_pause_after_the_last_match_counts():
    old = Rhythm(
        minutes=100,
        matched=30,
        longest=9,
        pause=50,
        first_match=5,
        last_match=1_000,
        last_active=1_060,
    )
    new = Rhythm(
        minutes=80,
        matched=20,
        longest=12,
        pause=3,
        first_match=9,
        last_match=1_050,
        last_active=1_055,
    )

    assert together([old, new]) == Rhythm(
        minutes=180,
        matched=50,
        longest=12,
        pause=10 + 3,
        first_match=5,
        last_match=1_050,
        last_active=1_060,
    )
