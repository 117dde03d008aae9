"""The client's transactional producer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from runtime.broker import Acknowledged, Outgoing, Position, TopicPartition
from runtime.kafka.client import Untyped, build, close_producer
from runtime.kafka.connection import producer_arguments
from runtime.kafka.failures import DIALECT, FENCED
from runtime.kafka.offsets import client_offsets
from runtime.kafka.partitioner import RememberingPartitioner
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, FencedError

log = get_logger(__name__)

#: The coordinator still completes the last transaction when the next one begins, and says so;
#: the client's default pause of 100 ms would be most of a small transaction's time.
RETRY_BACKOFF_MS = 20


class KafkaTransactor:
    """`runtime.bridge.transacting.Transactor`; a producer that cannot abort is replaced."""

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._id = transactional_id
        self._producer: Untyped = None

    def connect(self) -> None:
        """Take over the transactional identity; fences whoever had it."""
        try:
            self._connect()
        except KafkaError as error:
            raise self._error(error, "taking over") from error

    def transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[TopicPartition, Position] | None,
        group: Untyped,
    ) -> list[Acknowledged]:
        """One transaction, begun and ended."""
        if self._producer is None:
            self._reconnect()
        try:
            self._producer.begin_transaction()
            futures = [self._send(record) for record in records]
            if positions:
                offsets = client_offsets(positions)
                self._ask(lambda: self._state.send_offsets_to_transaction(offsets, group))
            # A batch that ran out of time fails without failing its transaction: only its
            # future says so, and committing would lose the record.
            timeout_s = self._patience_ms / 1_000
            written = [future.get(timeout=timeout_s) for future in futures]
        except (KafkaError, ValueError, TypeError) as error:
            cause = self._cause(error)
            if self._producer is not None:
                self._abort()
            raise self._error(cause, "a transaction") from error
        self._commit()
        return [Acknowledged(one.topic, one.partition, one.offset) for one in written]

    def disconnect(self, timeout_s: float) -> None:
        """Abort what is open and free everything."""
        producer, self._producer = self._producer, None
        if producer is not None:
            close_producer(producer, timeout_s)

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

    def _send(self, record: Outgoing) -> Untyped:
        return self._producer.send(
            record.topic, record.value, record.key, list(record.headers), record.partition
        )

    def _commit(self) -> None:
        """Commit; waits long for the coordinator's answer, so that it is known."""
        try:
            self._ask(self._state.begin_commit, self._settings.kafka_transaction_timeout_ms)
        except KafkaError as error:
            cause = self._cause(error)
            if self._producer is None:
                unknown = self._error(cause, "committing a transaction")
                raise FencedError(f"{unknown}; whether it was committed is not known") from error
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
            self._ask(self._state.begin_abort)
        except KafkaError as error:
            log.warning("broker.abort_failed", transactional_id=self._id, error=str(error))
            if self._producer is not None:
                self._discard()

    def _ask(self, begin: Callable[[], Untyped], more_ms: int = 0) -> None:
        """Ask the coordinator, as the client's own call does, and wait for the answer.

        The client's call waits for ever, and the answer never comes if the request was lost with a
        broker that died.  A producer that got none is replaced: the coordinator then aborts.
        """
        result = begin()
        self._producer._sender.wakeup()  # noqa: SLF001 - as the client's own call does
        waited_ms = self._patience_ms + more_ms
        if not result.wait(waited_ms):
            self._discard()
            raise KafkaTimeoutError(f"the coordinator gave no answer within {waited_ms} ms")

    @property
    def _patience_ms(self) -> int:
        return self._settings.kafka_delivery_timeout_ms + 5_000

    def _discard(self) -> None:
        close_producer(self._producer, 0)
        self._producer = None

    def _reconnect(self) -> None:
        try:
            self._connect()
        except KafkaError as error:
            if self._producer is not None:
                self._discard()
            raise self._error(error, "taking over again") from error

    @property
    def _state(self) -> Untyped:
        return self._producer._transaction_manager  # noqa: SLF001 - there is no public way

    def _cause(self, error: Exception) -> BaseException:
        """The first failure: later calls only say that there was one."""
        last = None if self._producer is None else self._state.last_error
        return last if isinstance(last, BaseException) else error

    def _error(self, error: BaseException, doing: str) -> BrokerError:
        servers = self._settings.kafka_bootstrap_servers
        return DIALECT.broker_error(error, f"{doing} as {self._id}", servers)
