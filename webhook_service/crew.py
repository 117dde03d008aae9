"""Starts the lanes' deliveries: within their widths and rates, and within the slots that there are."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from runtime.clock import Clock
from webhook_service import measures
from webhook_service.beside import Beside
from webhook_service.lane import Lane
from webhook_service.share import Delivery
from webhook_service.slots import Slots
from webhook_service.vitals import Sign

#: After each attempt so many of those that wait for a slot are asked, at most.
_ASKED: Final = 8


class Crew:
    """One worker for each request under way."""

    def __init__(
        self,
        most: int,
        clock: Clock,
        chance: Callable[[], float],
        begin: Callable[[Delivery], None],
        deliver: Callable[[Lane, Delivery], Awaitable[None]],
    ) -> None:
        """Nobody works.

        Args:
            most: Size of each pool of slots.
            chance: Draws a number between 0 and 1.
            begin: Called with each delivery as it is taken out of the queue.
            deliver: Makes an attempt; calls `ended` when it is over.
        """
        self._clock = clock
        self._chance = chance
        self._begin = begin
        self._deliver = deliver
        self._slots = Slots(most)
        self._tasks = Beside()
        self._busy: dict[Lane, None] = {}
        self._blocked: dict[bool, dict[Lane, None]] = {False: {}, True: {}}
        self._waking: set[Lane] = set()

    @property
    def active(self) -> int:
        """Requests under way."""
        return self._slots.taken

    async def failed(self) -> None:
        """Wait for the first worker that fails, and raise what it failed of."""
        await self._tasks.failed()

    async def close(self) -> None:
        """Break off what is under way."""
        await self._tasks.close()

    def start(self, lane: Lane) -> bool:
        """Start a delivery of a lane, if there is one and it may."""
        delivery = self._claimed(lane)
        if delivery is None:
            return False
        self._tasks.start(self._work(lane, delivery))
        return True

    def fill(self, lane: Lane) -> None:
        """Start as many as may."""
        while self.start(lane):
            pass

    def ended(self, lane: Lane, delivery: Delivery, sign: Sign | None) -> bool:
        """An attempt is over.

        Args:
            sign: What it says about the endpoint; None if nothing was sent.

        Returns:
            Whether something was learned that the other members should know of.
        """
        slow, news = lane.ended(delivery, sign, self._now_ms(), self._chance())
        self._slots.give(slow=slow)
        if not lane.active:
            self._busy.pop(lane, None)
        return news

    def look(self) -> None:
        """Move what has turned out to be slow out of the others' way; start who waits for a slot."""
        now_ms = self._now_ms()
        for lane in self._busy:
            for _ in range(lane.tempo.overdue(now_ms)):
                self._slots.move()
        for slow, blocked in self._blocked.items():
            self._ask(len(blocked), slow=slow)
        measures.SLOTS.labels("quick").set(self._slots.quick)
        measures.SLOTS.labels("slow").set(self._slots.slow)

    async def _work(self, lane: Lane, first: Delivery) -> None:
        """Deliver one after the other until there is nothing more for this worker."""
        delivery: Delivery | None = first
        while delivery is not None:
            await self._deliver(lane, delivery)
            for slow in self._blocked:
                self._ask(_ASKED, slow=slow)
            delivery = self._claimed(lane)
            if lane.ready:
                self.start(lane)  # there may be room for more than there was

    def _claimed(self, lane: Lane) -> Delivery | None:
        """The lane's next delivery with a slot for it; else it is seen to that it is asked again."""
        now_ms = self._now_ms()
        if not lane.may_start(now_ms):
            return None
        held_ms = lane.held_ms(now_ms)
        if held_ms > 0:
            self._wake(lane, held_ms)
            return None
        slow = lane.is_slow(now_ms)
        if not self._slots.admits(lane.active, slow=slow):
            self._blocked[slow][lane] = None
            return None
        delivery = lane.next(now_ms, slow=slow)
        if delivery is not None:
            self._slots.take(slow=slow)
            self._busy[lane] = None
            self._begin(delivery)
        return delivery

    def _ask(self, most: int, *, slow: bool) -> None:
        """Start some of those that wait for a slot, the longest waiting first."""
        blocked = self._blocked[slow]
        for _ in range(min(most, len(blocked))):
            if not self._slots.free(slow=slow):
                return
            lane = next(iter(blocked))
            del blocked[lane]
            self.start(lane)

    def _wake(self, lane: Lane, held_ms: float) -> None:
        """Ask a lane again when its rate lets it go on."""
        if lane not in self._waking and not math.isinf(held_ms):
            self._waking.add(lane)
            self._tasks.start(self._woken(lane, timedelta(milliseconds=held_ms)))

    async def _woken(self, lane: Lane, wait: timedelta) -> None:
        await self._clock.sleep(wait)
        self._waking.discard(lane)
        self.fill(lane)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1_000)
