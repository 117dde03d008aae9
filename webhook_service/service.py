"""Consume, deliver, account: a member of the group until it is asked to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from runtime.broker import Broker
from runtime.clock import Clock
from runtime.health import Health
from runtime.logs import get_logger
from runtime.process import Stop, patiently
from runtime.settings import Settings
from schemas.errors import BrokerError, FencedError
from webhook_service.dispatch import Dispatcher
from webhook_service.ledger import Ledger
from webhook_service.member import Member

log = get_logger(__name__)

#: Before a consumer that failed for good is replaced.
REPLACE_AFTER: Final = timedelta(seconds=1)


class WebhookService:
    """One member; a consumer that fails for good is replaced by another."""

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        *,
        dispatcher: Dispatcher,
        ledger: Ledger,
        clock: Clock,
        health: Health,
    ) -> None:
        """Everything it works with; tables are read, the ledger's publisher is started."""
        self._broker = broker
        self._settings = settings
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._clock = clock
        self._health = health

    async def run(self, stop: Stop) -> None:
        """Work until asked to stop; what is under way is finished and accounted for.

        Raises:
            FencedError: Another process took over this one's transactional id.
        """
        while not stop.requested:
            member = await patiently(
                self._join, what="consumer", stop=stop, health=self._health, clock=self._clock
            )
            try:
                await _until(stop, member.run())
            except* FencedError:
                raise
            except* BrokerError as group:
                reasons = "; ".join(map(str, group.exceptions))
                self._health.set("broker", ok=False, detail=reasons)
                log.warning("consumer.replaced", error=reasons)
                await _until(stop, self._clock.sleep(REPLACE_AFTER))
            finally:
                await member.leave()
        await self._dispatcher.close()

    async def _join(self) -> Member:
        """Join the group with a consumer of its own."""
        topics = self._settings.topics
        consumer = self._broker.consumer(
            group=self._settings.webhook_group, topics=[topics.actions, *topics.retries]
        )
        member = Member(
            consumer,
            self._broker.reader(),
            dispatcher=self._dispatcher,
            ledger=self._ledger,
            clock=self._clock,
            health=self._health,
            settings=self._settings,
        )
        await consumer.start(member)
        return member


async def _until(stop: Stop, work: Coroutine[Any, Any, None]) -> None:
    """Work until asked to stop; a failure of the work is raised."""
    task = asyncio.create_task(work)
    asked = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for each in (asked, task):
            each.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        await asyncio.gather(task, return_exceptions=True)
