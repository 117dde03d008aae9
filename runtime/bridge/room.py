"""A bound on what waits for the broker, by records and by bytes; who finds it full queues up."""

from __future__ import annotations

import asyncio
from collections import deque

from schemas.errors import BrokerFullError


class Room:
    """Counts what is inside; used on one loop only."""

    def __init__(self, records: int, size: int, wait_s: float) -> None:
        """Empty.

        Args:
            records: Most records inside at once.
            size: Most bytes inside at once.
            wait_s: How long one who finds it full waits before it is refused.
        """
        self._most_records = records
        self._most_bytes = size
        self._wait_s = wait_s
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.records = 0
        self.bytes = 0

    def take(self, size: int) -> bool:
        """Enter with one record if there is room and nobody waits; False otherwise."""
        if self._waiting or not self._fits(size):
            return False
        self.records += 1
        self.bytes += size
        return True

    async def enter(self, size: int) -> None:
        """Enter with one record as soon as there is room, in order of arrival.

        Raises:
            BrokerFullError: There was none within the wait; or the record alone exceeds the bound.
        """
        if self.take(size):
            return
        if size > self._most_bytes:
            raise BrokerFullError(
                f"one record of {size} bytes exceeds the bound of {self._most_bytes} bytes"
                " (HOOKLINE_PUBLISH_BUFFER_BYTES)"
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, place))
        try:
            async with asyncio.timeout(self._wait_s):
                await place
        except BaseException as error:
            self._give_up(size, place)
            if isinstance(error, TimeoutError):
                raise BrokerFullError(self._full()) from None
            raise

    def leave(self, records: int, size: int) -> None:
        """These went out; let in who waits and fits, first come first."""
        self.records -= records
        self.bytes -= size
        self._admit()

    def _admit(self) -> None:
        while self._waiting and (self._waiting[0][1].done() or self._fits(self._waiting[0][0])):
            size, place = self._waiting.popleft()
            if not place.done():
                self.records += 1
                self.bytes += size
                place.set_result(None)

    def _give_up(self, size: int, place: asyncio.Future[None]) -> None:
        """Leave the queue; hand back the room if it was given at the same moment."""
        if place.done() and not place.cancelled():
            self.leave(1, size)
            return
        place.cancel()
        self._admit()

    def _fits(self, size: int) -> bool:
        return self.records < self._most_records and self.bytes + size <= self._most_bytes

    def _full(self) -> str:
        return (
            f"{self.records} records ({self.bytes} bytes) wait for the broker, at most"
            f" {self._most_records} ({self._most_bytes}) may; there was no room"
            f" within {self._wait_s:g} s"
        )
