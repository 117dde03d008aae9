"""One life of a group member: receives, accounts, and hands its shares over in a rebalance."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from runtime.broker import Consumer, Position, Reader, Received, TopicPartition
from runtime.clock import Clock
from runtime.health import Health
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, FencedError
from webhook_service import measures
from webhook_service.dispatch import Dispatcher
from webhook_service.ledger import Ledger
from webhook_service.rebuild import Rebuild
from webhook_service.share import Share, shares_of
from webhook_service.valve import Valve
from webhook_service.watch import TierWatch

log = get_logger(__name__)

#: Of the time for a rebalance, this much is for what is under way; the rest for accounting.
_FOR_IN_FLIGHT: Final = 0.75
_AFTER_ABORT: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Member:
    """A `RebalanceListener` with its consumer."""

    def __init__(
        self,
        consumer: Consumer,
        reader: Reader,
        *,
        dispatcher: Dispatcher,
        ledger: Ledger,
        clock: Clock,
        health: Health,
        settings: Settings,
    ) -> None:
        """Nothing is ours yet."""
        self._consumer = consumer
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._clock = clock
        self._health = health
        self._actions = settings.topics.actions
        self._tiers = tuple(settings.topics.retries)
        self._interval = timedelta(milliseconds=settings.webhook_account_interval_ms)
        self._budget = timedelta(milliseconds=settings.rebalance_budget_ms)
        self._most = settings.webhook_max_in_flight
        self._valve = Valve(consumer)
        self._watch = TierWatch(dispatcher, self._valve, clock)
        self._shares: dict[int, Share] = {}
        self._rebuild = Rebuild(reader, dispatcher, clock, self._actions, self._tiers)
        self._throttled = False

    # ------------------------------------------------------------------------- while it lives

    async def run(self) -> None:
        """Work until cancelled, or the consumer fails for good (BrokerError)."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive())
            tasks.create_task(self._account())
            tasks.create_task(self._watch.run())
            tasks.create_task(self._dispatcher.failed())
            tasks.create_task(self._rebuild.failed())

    async def leave(self) -> None:
        """Leave the group: what is under way is finished and accounted for first."""
        self._rebuild.cancel()
        await self._consumer.close()

    async def _receive(self) -> None:
        while True:
            records = await self._consumer.receive()
            again: dict[TopicPartition, tuple[Share, int]] = {}
            for record in records:
                share = self._shares.get(record.partition)
                if share is None or share.stopping:
                    continue
                if share.ready:
                    self._take(share, record, again)
                else:
                    share.early.append(record)
            await self._fetch_again(again)
            self._throttle()
            await asyncio.sleep(0)

    def _take(
        self, share: Share, record: Received, again: dict[TopicPartition, tuple[Share, int]]
    ) -> None:
        partition = TopicPartition(record.topic, record.partition)
        if partition in again:
            return
        progress = share.progress[record.topic]
        if not progress.has_room(record.offset):
            self._valve.close([partition], "crowded")
            again[partition] = share, record.offset
        elif record.topic != self._actions:
            if not self._watch.receive(share, record):
                again[partition] = share, record.offset
        elif progress.receive(record.offset):
            self._dispatcher.take(share, record)
        else:
            self._ledger.touch(share)

    async def _fetch_again(self, offsets: Mapping[TopicPartition, tuple[Share, int]]) -> None:
        for partition, (share, offset) in offsets.items():
            if share.stopping:
                continue  # who has it next, we perhaps, begins where it was committed
            try:
                await self._consumer.seek(partition, offset)
            except BrokerError as error:
                log.info("tier.not_ours", partition=str(partition), error=str(error))

    async def _account(self) -> None:
        failures = 0
        while True:
            begun = self._clock.now()
            await self._clock.sleep(self._interval)
            late = self._clock.now() - begun - self._interval
            self._dispatcher.pace.slept(late / timedelta(milliseconds=1))
            self._dispatcher.shed()
            try:
                await self._ledger.account(self._consumer)
            except FencedError:
                raise
            except BrokerError as error:
                wait = _AFTER_ABORT[min(failures, len(_AFTER_ABORT) - 1)]
                failures += 1
                self._health.set("broker", ok=False, detail=f"accounting: {error}")
                log.warning("accounting.aborted", failures=failures, error=str(error))
                await self._clock.sleep(timedelta(seconds=wait))
            else:
                if failures:
                    self._health.set("broker", ok=True, detail="accounting works again")
                failures = 0
            await self._rebuild.look_back(self._shares.values())
            self._uncrowd()
            self._throttle()
            self._measure()

    # -------------------------------------------------------------------------- back-pressure

    def _load(self) -> int:
        return self._dispatcher.load + self._ledger.open

    def _throttle(self) -> None:
        """Pause everything while the queues are full; go on when they are half empty."""
        load = self._load()
        if not self._throttled and load >= self._most:
            self._throttled = True
            self._valve.close(self._consumer.assignment(), "load")
            self._dispatcher.when_eased = self._throttle
        elif self._throttled and load * 2 <= self._most:
            self._throttled = False
            self._dispatcher.when_eased = None
            self._valve.open(self._consumer.assignment(), "load")

    def _uncrowd(self) -> None:
        """Let partitions go on whose commit's map has room again, and pause those that are full."""
        for share in self._shares.values():
            for topic, progress in share.progress.items():
                partition = TopicPartition(topic, share.number)
                if progress.crowded:
                    self._valve.close([partition], "crowded")
                elif self._valve.is_closed(partition, "crowded"):
                    self._valve.open([partition], "crowded")

    def _measure(self) -> None:
        measures.IN_FLIGHT.set(self._dispatcher.active)
        measures.QUEUED.set(self._dispatcher.load)
        measures.UNACCOUNTED.set(self._ledger.open)
        measures.AWAY.set(sum(share.waiting for share in self._shares.values()))

    # ------------------------------------------------------------------------------ rebalances

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        """Learn what waits before anything of the new shares is attempted."""
        shares = shares_of(positions, self._actions, self._tiers)
        log.info("shares.assigned", shares=[share.number for share in shares])
        self._valve.forget(positions)
        self._valve.close(positions, "rebuild")
        if self._throttled:
            self._valve.close(positions, "load")
        for share in shares:
            self._shares[share.number] = share
            self._dispatcher.own(share)
        self._rebuild.start(shares, positions, self._begin)

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Finish what is under way and account for it, within the budget; then let go."""
        shares = self._shares_among(partitions)
        for share in shares:
            self._dispatcher.drop(share)
            self._watch.forget(share)
        try:
            await self._wait_for(shares)
            await self._ledger.account(self._consumer)
        finally:
            self._let_go(shares, partitions)
            log.info("shares.revoked", shares=[share.number for share in shares])

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Forget these; another member has them already."""
        shares = self._shares_among(partitions)
        for share in shares:
            self._dispatcher.drop(share)
            self._watch.forget(share)
        self._let_go(shares, partitions)
        log.warning("shares.lost", shares=[share.number for share in shares])

    async def _wait_for(self, shares: Collection[Share]) -> None:
        """Wait until nothing of the shares is under way, or most of the budget is spent."""
        idle = asyncio.create_task(_all_idle(shares))
        spent = asyncio.create_task(self._clock.sleep(self._budget * _FOR_IN_FLIGHT))
        try:
            await asyncio.wait({idle, spent}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            idle.cancel()
            spent.cancel()
            await asyncio.gather(idle, spent, return_exceptions=True)

    def _let_go(self, shares: Collection[Share], partitions: Collection[TopicPartition]) -> None:
        for share in shares:
            share.alive = False
            if self._shares.get(share.number) is share:
                del self._shares[share.number]
        self._valve.forget(partitions)

    def _shares_among(self, partitions: Collection[TopicPartition]) -> list[Share]:
        numbers = sorted({number for _, number in partitions})
        return [self._shares[number] for number in numbers if number in self._shares]

    async def _begin(self, share: Share) -> None:
        """What waits is known: let a share's deliveries begin."""
        share.ready = True
        early, share.early = share.early, []
        again: dict[TopicPartition, tuple[Share, int]] = {}
        for record in early:
            self._take(share, record, again)
        await self._fetch_again(again)
        partitions = [TopicPartition(topic, share.number) for topic in share.progress]
        self._valve.open(partitions, "rebuild")
        log.info("share.ready", share=share.number, waiting=share.waiting)


async def _all_idle(shares: Collection[Share]) -> None:
    for share in shares:
        await share.idle()
