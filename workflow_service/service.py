"""Consume, match, produce: what a batch led to and how far it was read are committed together.

So (KIP-447) every event has its actions exactly once, whoever is killed whenever; nothing is kept
in memory that a successor would need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from runtime.broker import Broker, Consumer, TransactionalPublisher
from runtime.clock import Clock
from runtime.health import Health
from runtime.logs import get_logger
from runtime.process import Stop, patiently
from runtime.settings import Settings
from schemas.errors import BrokerError, FencedError
from workflow_service import measures
from workflow_service.batches import Batches, Fetch
from workflow_service.ownership import Ownership

log = get_logger(__name__)
T = TypeVar("T")

#: Before a consumer that failed for good is replaced.
REPLACE_AFTER = timedelta(seconds=1)
LAG_EVERY = timedelta(seconds=10)


class WorkflowService:
    """One member of the group: works on its partitions until it is asked to stop."""

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        batches: Batches,
        ownership: Ownership,
        *,
        clock: Clock,
        health: Health,
        entities: Sequence[str],
        instance: str,
    ) -> None:
        """Everything it works with; the tables have been read to their end.

        Args:
            instance: Its own name among live members; part of its transactional id.
        """
        self._broker = broker
        self._group = settings.workflow_group
        self._topics = [settings.topics.events(entity) for entity in entities]
        self._transactional_id = f"{settings.topic_prefix}-workflow-{instance}"
        self._batches = batches
        self._ownership = ownership
        self._clock = clock
        self._health = health

    async def run(self, stop: Stop) -> None:
        """Work until asked to stop: the batch under way is committed, then the group is left.

        Raises:
            FencedError: Another process took over this one's transactional id.
        """
        publisher = await self._patiently(self._start_publisher, "publisher", stop)
        try:
            while not stop.requested:
                await self._be_member(publisher, stop)
        finally:
            await publisher.close()

    async def watch_lag(self) -> None:
        """Keep the lag of this member's partitions in the metrics, until cancelled."""
        admin = self._broker.admin()
        try:
            while True:
                await self._clock.sleep(LAG_EVERY)
                try:
                    lags = await admin.lag(self._group)
                except BrokerError as error:
                    log.info("lag.unknown", error=str(error))
                    continue
                for partition in self._ownership.current & lags.keys():
                    measures.LAG.labels(*partition).set(lags[partition])
        finally:
            await admin.close()

    async def _be_member(self, publisher: TransactionalPublisher, stop: Stop) -> None:
        """Be a member of the group until asked to stop; one that fails for good is replaced."""
        consumer = await self._patiently(self._start_consumer, "consumer", stop)
        try:
            while not stop.requested:
                fetch = await unless(stop, self._receive(consumer))
                if fetch is None:
                    return
                pause = await self._batches.write(fetch, consumer, publisher)
                if pause is not None:
                    await unless(stop, self._clock.sleep(pause))
        except FencedError:
            raise
        except BrokerError as error:
            self._health.set("broker", ok=False, detail=str(error))
            log.warning("consumer.replaced", error=str(error))
            await unless(stop, self._clock.sleep(REPLACE_AFTER))
        finally:
            await consumer.close()

    async def _receive(self, consumer: Consumer) -> Fetch:
        """The next records with their terms, taken before anything else can happen."""
        records = await consumer.receive()
        return Fetch(records, self._ownership.terms_of(records))

    async def _start_publisher(self) -> TransactionalPublisher:
        publisher = self._broker.transactional_publisher(self._transactional_id)
        try:
            await publisher.start()
        except BaseException:
            await publisher.close()
            raise
        return publisher

    async def _start_consumer(self) -> Consumer:
        consumer = self._broker.consumer(group=self._group, topics=self._topics)
        await consumer.start(self._ownership)
        return consumer

    async def _patiently(self, start: Any, what: str, stop: Stop) -> Any:
        return await patiently(start, what=what, stop=stop, health=self._health, clock=self._clock)


async def unless(stop: Stop, work: Coroutine[Any, Any, T]) -> T | None:
    """The work's result, or None if the process is asked to stop before it is done."""
    task = asyncio.create_task(work)
    asked = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (asked, task):
            each.cancel()
        await asyncio.gather(asked, task, return_exceptions=True)
