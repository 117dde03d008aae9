"""The client's transactional producer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from runtime.broker import Acknowledged, Outgoing, Position, TopicPartition
from runtime.librdkafka.connection import producer_configuration, reach
from runtime.librdkafka.failures import DIALECT, Trouble, cause_of, error_of
from runtime.librdkafka.offsets import client_offsets
from runtime.librdkafka.records import acknowledged, produce
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, FencedError

log = get_logger(__name__)

#: The coordinator still completes the last transaction when the next one begins, and says so;
#: the client's default pause of 100 ms would be most of a small transaction's time.
RETRY_BACKOFF_MS = 20

_Outcome = Acknowledged | KafkaError | None


class LibrdkafkaTransactor:
    """`runtime.bridge.transacting.Transactor`; a producer that cannot abort is replaced."""

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._id = transactional_id
        self._timeout_s = settings.kafka_request_timeout_ms / 1000
        self._producer: Producer | None = None

    def connect(self) -> None:
        """Take over the transactional identity; fences whoever had it."""
        self._connected("taking over")

    def transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[TopicPartition, Position] | None,
        group: Any,
    ) -> list[Acknowledged]:
        """One transaction, begun and ended."""
        producer = self._producer or self._connected("taking over again")
        outcomes: list[_Outcome] = [None] * len(records)
        try:
            producer.begin_transaction()
            for index, record in enumerate(records):
                produce(producer, record, partial(_note, outcomes, index))
            if positions:
                offsets = client_offsets(positions)
                producer.send_offsets_to_transaction(offsets, group, self._timeout_s)
            written = self._written(producer, outcomes)
        except (KafkaException, SystemError, BufferError, ValueError, TypeError) as error:
            self._abort(producer)
            raise self._error(cause_of(error), "a transaction") from error
        self._commit(producer)
        return written

    def disconnect(self, timeout_s: float) -> None:
        """Abort what is open and free everything."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        if producer.flush(timeout_s):
            producer.purge()
            producer.flush(1)

    def _connected(self, doing: str) -> Producer:
        delivery_ms = self._settings.kafka_delivery_timeout_ms
        transaction_ms = self._settings.kafka_transaction_timeout_ms
        request_ms = self._settings.kafka_request_timeout_ms
        trouble = Trouble()
        producer = Producer(
            producer_configuration(self._settings, trouble)
            | {
                "transactional.id": self._id,
                "transaction.timeout.ms": transaction_ms,
                # The client takes no longer ones; a record outlives no transaction anyway.
                "message.timeout.ms": min(delivery_ms, transaction_ms),
                "request.timeout.ms": min(request_ms, delivery_ms, transaction_ms),
                "socket.timeout.ms": min(request_ms, transaction_ms),
                "retry.backoff.ms": RETRY_BACKOFF_MS,
            }
        )
        try:
            reach(producer, trouble, self._settings)
            producer.init_transactions(self._timeout_s)
        except KafkaException as error:
            raise self._error(error, doing) from error
        self._producer = producer
        return producer

    def _written(self, producer: Producer, outcomes: list[_Outcome]) -> list[Acknowledged]:
        """Where the records are: looked at before the commit, which must not lose one."""
        producer.flush(self._settings.kafka_delivery_timeout_ms / 1000 + 5)
        written: list[Acknowledged] = []
        for outcome in outcomes:
            if isinstance(outcome, Acknowledged):
                written.append(outcome)
            else:
                late = KafkaError(KafkaError._MSG_TIMED_OUT)  # noqa: SLF001
                raise KafkaException(outcome or late)
        return written

    def _commit(self, producer: Producer) -> None:
        """Commit; waits for the coordinator's answer as long as it takes, so that it is known."""
        while True:
            try:
                producer.commit_transaction(self._timeout_s)
            except KafkaException as error:
                found = error_of(error)
                if found is not None and found.txn_requires_abort():
                    self._abort(producer)
                    raise self._error(error, "committing a transaction") from error
                if found is not None and found.retriable():
                    continue
                self._discard(producer)
                fenced = self._error(error, "committing a transaction")
                if isinstance(fenced, FencedError):
                    raise fenced from error
                raise FencedError(f"{fenced}; whether it was committed is not known") from error
            else:
                return

    def _abort(self, producer: Producer) -> None:
        """Abort; a producer that cannot even do that is replaced before the next transaction."""
        try:
            producer.abort_transaction(self._timeout_s)
        except (KafkaException, SystemError) as error:
            log.warning("broker.abort_failed", transactional_id=self._id, error=str(error))
            self._discard(producer)

    def _discard(self, producer: Producer) -> None:
        producer.purge()
        # A fatal error is raised by whichever call comes upon it.
        with contextlib.suppress(KafkaException, SystemError):
            producer.poll(0)
        self._producer = None

    def _error(self, error: BaseException, doing: str) -> BrokerError:
        servers = self._settings.kafka_bootstrap_servers
        return DIALECT.broker_error(error, f"{doing} as {self._id}", servers)


def _note(outcomes: list[_Outcome], index: int, error: KafkaError | None, message: Message) -> None:
    if error is not None:
        outcomes[index] = error
    else:
        outcomes[index] = acknowledged(message)
