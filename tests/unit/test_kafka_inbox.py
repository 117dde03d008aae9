"""What was fetched and not yet received."""

from __future__ import annotations

from runtime.bridge.inbox import Inbox
from runtime.broker import Received, TopicPartition

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


def records(partition: TopicPartition, *offsets: int) -> list[Received]:
    return [Received(*partition, offset, 0, None, b"") for offset in offsets]


def offsets(found: list[Received]) -> list[tuple[int, int]]:
    return [(one.partition, one.offset) for one in found]


def test_everything_is_taken_in_order_per_partition():
    inbox = Inbox()
    inbox.put(A, records(A, 0, 1))
    inbox.put(B, records(B, 7))
    inbox.put(A, records(A, 2))

    assert offsets(inbox.take()) == [(0, 0), (0, 1), (0, 2), (1, 7)]
    assert inbox.take() == []
    assert inbox.ready == 0


def test_a_pause_sets_aside_what_is_here_and_what_comes_and_a_resume_brings_it_back_in_order():
    inbox = Inbox()
    inbox.put(A, records(A, 0))
    inbox.pause([A])
    inbox.put(A, records(A, 1))
    inbox.put(B, records(B, 5))

    assert offsets(inbox.take()) == [(1, 5)]
    assert inbox.first_parked(A) == 0
    inbox.resume([A])
    inbox.put(A, records(A, 2))

    assert offsets(inbox.take()) == [(0, 0), (0, 1), (0, 2)]
    assert inbox.parked == 0


def test_what_is_on_its_way_counts_as_waiting():
    inbox = Inbox()

    assert inbox.waiting(handed=3) == 3
    inbox.arrive(3)
    inbox.put(A, records(A, 0, 1, 2))
    assert inbox.waiting(handed=3) == 3
    inbox.take()
    assert inbox.waiting(handed=3) == 0


def test_dropping_forgets_records_but_not_the_pause_and_forgetting_both():
    inbox = Inbox()
    inbox.pause([A])
    inbox.put(A, records(A, 0))
    inbox.drop(A)
    assert inbox.parked == 0
    assert inbox.paused == frozenset({A})

    inbox.forget([A])

    assert inbox.paused == frozenset()
    inbox.put(A, records(A, 3))
    assert offsets(inbox.take()) == [(0, 3)]
