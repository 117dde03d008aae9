"""`webhook_service.circuit`: when a lane is left alone, and how it is tried out again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from webhook_service.circuit import NOTED_AFTER_MS, Circuit, Standing
from webhook_service.webhook import Breaker

POLICY = Breaker(
    failures=3,
    share=0.5,
    least=10,
    window=timedelta(seconds=10),
    open_for=timedelta(seconds=5),
    longest=timedelta(seconds=30),
)


def fail(circuit: Circuit, now: float = 0, times: int = 1, policy: Breaker | None = POLICY) -> bool:
    return [circuit.ended(policy, "it hangs", now, 0.0) for _ in range(times)][-1]


def probe(circuit: Circuit, now: float, failure: str | None = None, chance: float = 0.0) -> bool:
    assert circuit.begins(now)
    return circuit.ended(POLICY, failure, now, chance, probe=True)


def test_failures_in_a_row_open_it():
    circuit = Circuit()

    assert not fail(circuit, 1, times=2)
    assert fail(circuit, 1)
    assert circuit.phase(1) == "open"
    assert not circuit.admits(1)
    assert circuit.standing.reason == "it hangs"


def test_a_success_between_them_begins_the_count_anew():
    circuit = Circuit()
    for _ in range(3):
        fail(circuit, times=2)
        circuit.ended(POLICY, None, 0, 0.0)

    assert circuit.phase(0) == "closed"


def test_a_share_of_failures_opens_it_once_there_are_enough_attempts():
    circuit = Circuit()
    for number in range(9):
        circuit.ended(POLICY, "503" if number % 2 else None, 1, 0.0)
    assert circuit.phase(1) == "closed"

    fail(circuit, 1)
    assert circuit.phase(1) == "open"


def test_failures_of_long_ago_do_not_count():
    circuit = Circuit()
    for number in range(9):
        circuit.ended(POLICY, "503" if number % 2 else None, 1, 0.0)

    fail(circuit, 60_000)

    assert circuit.phase(60_000) == "closed"


def test_after_its_time_one_probe_at_a_time_is_let_through():
    circuit = Circuit()
    fail(circuit, 0, times=3)

    assert circuit.phase(5_000) == "open"
    assert circuit.phase(5_001) == "half-open"
    assert circuit.begins(5_001)
    assert not circuit.admits(5_001)


def test_a_probe_that_succeeds_closes_it():
    circuit = Circuit()
    fail(circuit, 0, times=3)

    assert probe(circuit, 6_000)
    assert circuit.phase(6_000) == "closed"
    assert not fail(circuit, 6_000, times=2)


def test_a_probe_that_fails_leaves_it_alone_for_twice_as_long_up_to_the_bound():
    circuit, now, waits = Circuit(), 0.0, []
    fail(circuit, 0, times=3)
    for _ in range(6):
        now = circuit.standing.probe_ms
        assert probe(circuit, now, "still")
        waits.append(circuit.standing.probe_ms - now - 1)

    assert waits == [10_000, 20_000, 30_000, 30_000, 30_000, 30_000]
    assert circuit.standing.since_ms == pytest.approx(0, abs=1)


def test_jitter_only_lengthens_and_by_at_most_a_fifth():
    circuit = Circuit()
    for _ in range(3):
        circuit.ended(POLICY, "x", 0, 1.0)

    assert circuit.standing.probe_ms == 6_001


def test_several_probes_may_be_asked_for():
    circuit, policy = Circuit(), POLICY.model_copy(update={"probes": 2})
    fail(circuit, 0, times=3, policy=policy)
    assert circuit.begins(6_000)
    circuit.ended(policy, None, 6_000, 0.0, probe=True)
    assert circuit.phase(6_000) == "half-open"
    assert circuit.begins(6_000)
    circuit.ended(policy, None, 6_000, 0.0, probe=True)

    assert circuit.phase(6_000) == "closed"


def test_a_probe_that_was_not_sent_makes_room_for_another():
    circuit = Circuit()
    fail(circuit, 0, times=3)
    circuit.begins(6_000)

    circuit.void()

    assert circuit.admits(6_000)


def test_stragglers_of_before_neither_close_it_nor_lengthen_the_wait():
    circuit = Circuit()
    fail(circuit, 0, times=3)
    before = circuit.standing

    fail(circuit, 100)
    circuit.ended(POLICY, None, 100, 0.0)

    assert circuit.phase(100) == "open"
    assert circuit.standing.probe_ms == before.probe_ms


def test_without_a_breaker_nothing_opens_and_what_was_open_closes():
    circuit = Circuit()
    fail(circuit, 0, times=3)
    fail(circuit, 1, policy=None)
    assert circuit.phase(1) == "closed"

    fail(circuit, 1, times=1_000, policy=None)
    assert circuit.phase(1) == "closed"


def test_what_another_member_learned_is_adopted():
    circuit = Circuit()
    circuit.adopt(Standing(since_ms=10, probe_ms=5_000, opened=2, failing_ms=5, reason="down"))
    assert circuit.phase(20) == "open"

    circuit.adopt(Standing())
    assert circuit.admits(20)


def test_since_when_it_fails_is_news_after_a_minute_and_again_when_it_ends():
    circuit, policy = Circuit(), None
    assert not fail(circuit, 1_000, policy=policy)
    assert not fail(circuit, 30_000, policy=policy)
    assert fail(circuit, 1_000 + NOTED_AFTER_MS, policy=policy)
    assert not fail(circuit, 2_000 + NOTED_AFTER_MS, policy=policy)
    assert circuit.standing.failing_ms == 1_000

    assert circuit.ended(policy, None, 90_000, 0.0)
    assert circuit.standing.failing_ms == 0
