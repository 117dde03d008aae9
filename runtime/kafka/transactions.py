"""The transactional producer: records and positions, all or nothing (KIP-447)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from kafka import KafkaProducer
from kafka.errors import KafkaError

from runtime.broker import Acknowledged, Consumer, Outgoing, Position, TopicPartition
from runtime.kafka.client import Untyped, build, close_producer
from runtime.kafka.connection import producer_arguments
from runtime.kafka.failures import FENCED, broker_error
from runtime.kafka.member import GroupMember
from runtime.kafka.offsets import client_offsets
from runtime.kafka.partitioner import RememberingPartitioner
from runtime.kafka.worker import Worker
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, FencedError, IllegalStepError

log = get_logger(__name__)

#: The coordinator still completes the last transaction when the next one begins, and says so;
#: the client's default pause of 100 ms would be most of a small transaction's time.
RETRY_BACKOFF_MS = 20


class KafkaTransactionalPublisher:
    """`runtime.broker.TransactionalPublisher`; all calls of the client run on one thread."""

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._id = transactional_id
        self._worker = Worker(f"hookline-{transactional_id}")
        self._fenced: FencedError | None = None
        self._started = False
        self._producer: Untyped = None

    async def start(self) -> None:
        """Take over the transactional identity; fences whoever had it."""
        try:
            await self._worker.run(self._connect)
        except KafkaError as error:
            raise self._error(error, "taking over") from error
        self._started = True

    async def transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[TopicPartition, Position] | None = None,
        consumer: Consumer | None = None,
    ) -> list[Acknowledged]:
        """Write the records and commit the positions of the consumer's group, all or nothing."""
        if not self._started:
            raise IllegalStepError("a transaction needs a publisher that was started")
        if self._fenced is not None:
            raise self._fenced
        offsets, group = None, None
        if consumer is not None and positions:
            if not isinstance(consumer, GroupMember):
                raise IllegalStepError("a transaction takes a consumer of the same broker")
            group = consumer.membership(positions)
            offsets = client_offsets(positions)
        try:
            return await self._worker.run(lambda: self._transact(records, offsets, group))
        except FencedError as error:
            self._fenced = error
            raise

    async def close(self) -> None:
        """Abort what is open and free everything."""
        self._started = False
        timeout_s = self._settings.stop_timeout_ms / 2_000
        try:
            async with asyncio.timeout(timeout_s + 2):
                await self._worker.run(lambda: self._disconnect(timeout_s))
        except TimeoutError:
            # The thread still waits for the coordinator: a daemon, it ends with the process, and
            # the coordinator aborts the transaction at its timeout.
            log.warning("broker.transaction_abandoned", transactional_id=self._id)
        self._worker.close()

    # Everything below runs on the worker's thread.

    def _connect(self) -> None:
        arguments = producer_arguments(self._settings) | {
            "transactional_id": self._id,
            "transaction_timeout_ms": self._settings.kafka_transaction_timeout_ms,
            "retry_backoff_ms": RETRY_BACKOFF_MS,
            "partitioner": RememberingPartitioner(),
        }
        self._producer = build(KafkaProducer, arguments)
        # Told that its epoch is stale, the client would ask for a new one, which could fence the
        # very successor that made it stale.  Without this it fails for good, as a zombie should.
        self._state._supports_epoch_bump = lambda: False  # noqa: SLF001
        self._producer.init_transactions()

    def _disconnect(self, timeout_s: float) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            close_producer(producer, timeout_s)

    def _transact(
        self, records: Sequence[Outgoing], offsets: Untyped, group: Untyped
    ) -> list[Acknowledged]:
        if self._producer is None:
            self._reconnect()
        try:
            self._producer.begin_transaction()
            futures = [self._send(record) for record in records]
            if offsets:
                self._producer.send_offsets_to_transaction(offsets, group)
            # A batch that ran out of time fails without failing its transaction: only its
            # future says so, and committing would lose the record.
            timeout_s = self._settings.kafka_delivery_timeout_ms / 1000 + 5
            written = [future.get(timeout=timeout_s) for future in futures]
        except (KafkaError, ValueError, TypeError) as error:
            cause = self._cause(error)
            self._abort()
            raise self._error(cause, "a transaction") from error
        self._commit()
        return [Acknowledged(one.topic, one.partition, one.offset) for one in written]

    def _send(self, record: Outgoing) -> Untyped:
        return self._producer.send(
            record.topic, record.value, record.key, list(record.headers), record.partition
        )

    def _commit(self) -> None:
        """Commit; waits for the coordinator's answer as long as it takes, so that it is known."""
        try:
            self._producer.commit_transaction()
        except KafkaError as error:
            cause = self._cause(error)
            if not self._state.has_fatal_error() and not isinstance(cause, FENCED):
                self._abort()
                raise self._error(cause, "committing a transaction") from error
            self._discard()
            fenced = self._error(cause, "committing a transaction")
            if isinstance(fenced, FencedError):
                raise fenced from error
            raise FencedError(f"{fenced}; whether it was committed is not known") from error

    def _abort(self) -> None:
        """Abort; a producer that cannot even do that is replaced before the next transaction."""
        try:
            self._producer.abort_transaction()
        except KafkaError as error:
            log.warning("broker.abort_failed", transactional_id=self._id, error=str(error))
            self._discard()

    def _discard(self) -> None:
        close_producer(self._producer, 0)
        self._producer = None

    def _reconnect(self) -> None:
        try:
            self._connect()
        except KafkaError as error:
            self._discard_half_made()
            raise self._error(error, "taking over again") from error

    def _discard_half_made(self) -> None:
        if self._producer is not None:
            self._discard()

    @property
    def _state(self) -> Untyped:
        return self._producer._transaction_manager  # noqa: SLF001 - there is no public way

    def _cause(self, error: Exception) -> BaseException:
        """The first failure: later calls only say that there was one."""
        last = self._state.last_error
        return last if isinstance(last, BaseException) else error

    def _error(self, error: BaseException, doing: str) -> BrokerError:
        return broker_error(error, f"{doing} as {self._id}", self._servers)
