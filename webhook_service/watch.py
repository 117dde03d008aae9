"""Watches the heads of the retry tiers: nothing happens until the next one is to leave."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from runtime.broker import Received, TopicPartition
from runtime.clock import Clock
from webhook_service.dispatch import Dispatcher
from webhook_service.share import InTier, Share
from webhook_service.valve import Valve
from webhook_service.waiting import wait_in

#: Records of one tier partition that are kept in memory; more are fetched again when these left.
KEPT: Final = 200


class TierWatch:
    """The heads of all tiers of this member's shares.

    A tier's records all wait for the same time, so only its head can be the next to leave.  While
    it may not, its partition is paused; one sleep, until the earliest head, serves them all.
    """

    def __init__(self, dispatcher: Dispatcher, valve: Valve, clock: Clock) -> None:
        """No tier has a head."""
        self._dispatcher = dispatcher
        self._valve = valve
        self._clock = clock
        self._heads: dict[TopicPartition, Share] = {}
        self._changed = asyncio.Event()

    def receive(self, share: Share, record: Received) -> bool:
        """Take a tier's record in; False if it was not kept and is to be fetched again."""
        held = share.held[record.topic]
        if len(held) >= KEPT:
            return False
        if not share.progress[record.topic].receive(record.offset):
            return True
        held.append(InTier(record, wait_in(record.headers, record.offset, record.timestamp_ms)))
        if len(held) == 1:
            self._look(share, TopicPartition(record.topic, record.partition))
        return True

    def forget(self, share: Share) -> None:
        """A share is not ours any more."""
        for topic, held in share.held.items():
            held.clear()
            self._heads.pop(TopicPartition(topic, share.number), None)

    async def run(self) -> None:
        """Let records leave when their time has come, until cancelled."""
        while True:
            self._changed.clear()
            now_ms = self._now_ms()
            for partition, share in list(self._heads.items()):
                self._look(share, partition, now_ms)
            await self._until_next()

    def _look(self, share: Share, partition: TopicPartition, now_ms: int | None = None) -> None:
        """Let all leave whose time has come; pause the partition if any are left."""
        held = share.held[partition.topic]
        now_ms = self._now_ms() if now_ms is None else now_ms
        while held and held[0].wait.leave_ms <= now_ms and not share.stopping:
            self._dispatcher.come_due(share, held.popleft(), now_ms)
        if held:
            if partition not in self._heads:
                self._heads[partition] = share
                self._valve.close([partition], "head")
            self._changed.set()
        elif self._heads.pop(partition, None) is not None:
            self._valve.open([partition], "head")

    async def _until_next(self) -> None:
        """Sleep until the earliest head is to leave, or there is another head."""
        if self._changed.is_set() and not self._heads:
            return
        self._changed.clear()
        waits = [share.held[topic][0].wait.leave_ms for (topic, _), share in self._heads.items()]
        if not waits:
            await self._changed.wait()
            return
        left = timedelta(milliseconds=min(waits) - self._now_ms())
        sleep = asyncio.ensure_future(self._clock.sleep(left))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({sleep, changed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            changed.cancel()
            await asyncio.gather(sleep, changed, return_exceptions=True)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
