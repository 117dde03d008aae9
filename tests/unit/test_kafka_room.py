"""The bound on what waits for the broker."""

from __future__ import annotations

import asyncio

import pytest

from runtime.bridge.room import Room
from schemas.errors import BrokerFullError


def test_one_enters_while_there_is_room_for_records_and_bytes():
    room = Room(records=2, size=100, wait_s=0)

    assert room.take(60)
    assert not room.take(60)
    assert room.take(40)
    assert not room.take(0)
    assert (room.records, room.bytes) == (2, 100)


async def test_who_finds_it_full_waits_and_is_let_in_first_come_first():
    room = Room(records=1, size=100, wait_s=60)
    await room.enter(10)
    order: list[int] = []

    async def enter(number: int) -> None:
        await room.enter(10)
        order.append(number)

    waiting = [asyncio.create_task(enter(number)) for number in range(3)]
    await asyncio.sleep(0)
    for _ in range(3):
        room.leave(1, 10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    await asyncio.gather(*waiting)
    assert order == [0, 1, 2]
    assert (room.records, room.bytes) == (1, 10)


async def test_a_newcomer_does_not_overtake_who_waits():
    room = Room(records=10, size=100, wait_s=60)
    await room.enter(90)
    waiting = asyncio.create_task(room.enter(50))
    await asyncio.sleep(0)

    assert not room.take(5)
    room.leave(1, 90)
    await waiting
    assert room.take(5)


async def test_who_waited_in_vain_is_refused_with_the_figures_and_takes_up_no_room():
    room = Room(records=1, size=100, wait_s=0.01)
    await room.enter(10)

    with pytest.raises(BrokerFullError, match=r"1 records \(10 bytes\)"):
        await room.enter(10)

    room.leave(1, 10)
    assert (room.records, room.bytes) == (0, 0)
    assert room.take(10)


async def test_a_record_larger_than_the_bound_is_refused_at_once():
    room = Room(records=1, size=100, wait_s=60)

    with pytest.raises(BrokerFullError, match="101 bytes"):
        await room.enter(101)


async def test_one_who_is_cancelled_while_waiting_leaves_the_queue():
    room = Room(records=1, size=100, wait_s=60)
    await room.enter(10)
    gone = asyncio.create_task(room.enter(10))
    stays = asyncio.create_task(room.enter(10))
    await asyncio.sleep(0)

    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    room.leave(1, 10)
    await stays

    assert (room.records, room.bytes) == (1, 10)


async def test_room_given_in_the_moment_of_a_cancellation_is_handed_on():
    room = Room(records=1, size=100, wait_s=60)
    await room.enter(10)
    gone = asyncio.create_task(room.enter(10))
    stays = asyncio.create_task(room.enter(10))
    await asyncio.sleep(0)

    room.leave(1, 10)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await stays

    assert (room.records, room.bytes) == (1, 10)
