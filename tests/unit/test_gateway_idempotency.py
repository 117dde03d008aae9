"""What the gateway remembers of an Idempotency-Key, and what it forgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from producers.gateway.idempotency import (
    OVERHEAD_BYTES,
    Answers,
    Fingerprint,
    First,
    Repeat,
    Reused,
    UnderWay,
    event_id_of,
)
from producers.gateway.refusal import UNAVAILABLE, Refusal

TTL = timedelta(hours=1)
BODY = Fingerprint.of("lead", b"{}")
OTHER = Fingerprint.of("lead", b"{ }")
REFUSED = Refusal(UNAVAILABLE, "no broker")


class Watch:
    """A clock that is moved by hand."""

    def __init__(self):
        self.time = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self):
        return self.time


def answers(max_bytes=1_000_000, clock=None):
    return Answers(clock or Watch(), TTL, max_bytes)


async def test_a_repeat_with_the_same_body_gets_the_first_answer():
    store = answers()

    assert store.begin("k", BODY) == First()
    store.finish("k", b"answer")

    assert store.begin("k", BODY) == Repeat(b"answer")


async def test_a_repeat_with_another_body_or_entity_is_told_so():
    store = answers()
    store.begin("k", BODY)

    assert store.begin("k", OTHER) == Reused()
    store.finish("k", b"answer")

    assert store.begin("k", OTHER) == Reused()
    assert store.begin("k", Fingerprint.of("person", b"{}")) == Reused()


async def test_a_repeat_while_the_first_is_under_way_gets_its_answer():
    store = answers()
    store.begin("k", BODY)
    second, third = store.begin("k", BODY), store.begin("k", BODY)
    assert isinstance(second, UnderWay)

    store.finish("k", b"answer")

    assert await second.outcome == await third.outcome == b"answer"


async def test_a_refused_request_is_not_remembered_but_shared_with_who_waits():
    store = answers()
    store.begin("k", BODY)
    second = store.begin("k", BODY)

    store.forget("k", REFUSED)

    assert await second.outcome == REFUSED
    assert store.begin("k", OTHER) == First()


async def test_answers_expire():
    clock = Watch()
    store = answers(clock=clock)
    store.begin("k", BODY)
    store.finish("k", b"answer")

    clock.time += TTL - timedelta(microseconds=1)
    assert store.begin("k", BODY) == Repeat(b"answer")
    clock.time += timedelta(microseconds=1)

    assert store.begin("k", OTHER) == First()
    assert (len(store), store.bytes_used) == (0, 0)


async def test_memory_is_bounded_and_the_oldest_answer_goes_first():
    store = answers(max_bytes=3 * (OVERHEAD_BYTES + 100))

    for number in range(50):
        store.begin(f"k{number}", BODY)
        store.finish(f"k{number}", b"x" * 100)

    assert len(store) == 3
    assert store.bytes_used <= 3 * (OVERHEAD_BYTES + 100)
    assert store.begin("k49", BODY) == Repeat(b"x" * 100)
    assert store.begin("k46", BODY) == First()


async def test_an_answer_larger_than_the_bound_is_not_kept():
    store = answers(max_bytes=1024)
    store.begin("k", BODY)
    store.finish("k", b"x" * 2_000)

    assert (len(store), store.bytes_used) == (0, 0)


def test_event_ids_follow_from_key_body_and_place():
    ids = {
        event_id_of("k", BODY, 0),
        event_id_of("k", BODY, 1),
        event_id_of("l", BODY, 0),
        event_id_of("k", OTHER, 0),
    }

    assert len(ids) == 4
    assert event_id_of("k", BODY, 0) in ids
    assert str(event_id_of("k", BODY, 0)) == "058f301d-6665-5e4f-bfe4-20397a6c8769"
