"""The clock that tests move, and the fake broker's way of sharing partitions."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from runtime.broker import TopicPartition
from tests.fake_log import share_by_range
from tests.fakes import NOON, VirtualClock


async def test_sleepers_wake_in_order_each_at_its_own_time():
    clock, woken = VirtualClock(), []

    async def sleep(seconds: int) -> None:
        await clock.sleep(timedelta(seconds=seconds))
        woken.append((seconds, clock.now()))

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 9, 2)]
    await clock.advance(timedelta(seconds=5))

    assert woken == [(n, NOON + timedelta(seconds=n)) for n in (1, 2, 3)]
    assert clock.now() == NOON + timedelta(seconds=5)
    assert clock.sleepers == 1
    await clock.advance(timedelta(seconds=4))
    await asyncio.gather(*tasks)


async def test_who_sleeps_again_when_woken_is_woken_again_within_one_advance():
    clock, ticks = VirtualClock(), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await clock.sleep(timedelta(seconds=1))
            ticks += 1

    ticking = asyncio.create_task(tick())
    await clock.advance(timedelta(seconds=10))
    ticking.cancel()

    assert ticks == 10


async def test_a_sleep_that_is_not_positive_returns_at_once():
    await VirtualClock().sleep(timedelta(0))


def test_partitions_are_shared_in_runs_alike_for_topics_of_one_size():
    every = {"a": frozenset({"x", "y"}), "b": frozenset({"x", "y"}), "c": frozenset({"y"})}
    sizes = {"x": 5, "y": 5}

    shares = share_by_range(
        every, lambda topic: [TopicPartition(topic, n) for n in range(sizes[topic])]
    )

    assert {p.partition for p in shares["a"] if p.topic == "x"} == {0, 1, 2}
    assert {p.partition for p in shares["b"] if p.topic == "x"} == {3, 4}
    assert {p.partition for p in shares["c"] if p.topic == "y"} == {4}
