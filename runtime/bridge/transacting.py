"""The transactional producer: records and positions, all or nothing (KIP-447)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from runtime.bridge.member import GroupMember
from runtime.bridge.poller import Membership
from runtime.bridge.worker import Worker
from runtime.broker import Acknowledged, Consumer, Outgoing, Position, TopicPartition
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import FencedError, IllegalStepError

log = get_logger(__name__)

Positions = Mapping[TopicPartition, Position]


class Transactor(Protocol):
    """A client's transactional producer; all calls block and are made on one thread.

    What goes wrong is raised as `BrokerError` (nothing was written, nothing committed) or
    `FencedError` (a successor has taken over, or nobody knows what became of it).
    """

    def connect(self) -> None:
        """Take over the transactional identity."""

    def transact(
        self, records: Sequence[Outgoing], positions: Positions | None, group: Membership
    ) -> list[Acknowledged]:
        """One transaction, begun and ended."""

    def disconnect(self, timeout_s: float) -> None:
        """Abort what is open and free everything."""


class TransactionPublisher:
    """`runtime.broker.TransactionalPublisher`; all calls of the client run on one thread."""

    def __init__(self, settings: Settings, transactional_id: str, client: Transactor) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._id = transactional_id
        self._client = client
        self._worker = Worker(f"hookline-{transactional_id}")
        self._fenced: FencedError | None = None
        self._started = False

    async def start(self) -> None:
        """Take over the transactional identity; fences whoever had it."""
        await self._worker.run(self._client.connect)
        self._started = True

    async def transact(
        self,
        records: Sequence[Outgoing],
        positions: Positions | None = None,
        consumer: Consumer | None = None,
    ) -> list[Acknowledged]:
        """Write the records and commit the positions of the consumer's group, all or nothing."""
        if not self._started:
            raise IllegalStepError("a transaction needs a publisher that was started")
        if self._fenced is not None:
            raise self._fenced
        group = None
        if consumer is not None and positions:
            if not isinstance(consumer, GroupMember):
                raise IllegalStepError("a transaction takes a consumer of the same broker")
            group = consumer.membership(positions)
        offsets = positions if group is not None else None
        try:
            return await self._worker.run(lambda: self._client.transact(records, offsets, group))
        except FencedError as error:
            self._fenced = error
            raise

    async def close(self) -> None:
        """Abort what is open and free everything."""
        self._started = False
        timeout_s = self._settings.stop_timeout_ms / 2_000
        try:
            async with asyncio.timeout(timeout_s + 2):
                await self._worker.run(lambda: self._client.disconnect(timeout_s))
        except TimeoutError:
            # The thread still waits for the coordinator: a daemon, it ends with the process, and
            # the coordinator aborts the transaction at its timeout.
            log.warning("broker.transaction_abandoned", transactional_id=self._id)
        self._worker.close()
