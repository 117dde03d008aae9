"""The idempotent producer: bounded, awaitable, with acknowledgements handed over in bulk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from kafka import KafkaProducer
from kafka.errors import KafkaError

from runtime.broker import Acknowledged, Outgoing
from runtime.kafka.client import Untyped, build, close_producer
from runtime.kafka.connection import producer_arguments
from runtime.kafka.failures import broker_error
from runtime.kafka.partitioner import RememberingPartitioner
from runtime.kafka.producer_id import renew_producer_ids
from runtime.kafka.room import Room
from runtime.kafka.worker import Worker, on_loop
from runtime.settings import Settings
from schemas.errors import BrokerError, IllegalStepError

#: What a record costs beyond its bytes, counted against the bound.
RECORD_OVERHEAD = 100
#: The loop gets a turn after so many records: 64 x 70 µs = 4.5 ms.
TURN = 64
#: What the client may take, beyond the delivery timeout, to say that it is over.
SETTLE_MARGIN_S = 2.0


class _Ticket:
    """One call of `publish_all`: what is still missing, and the first failure."""

    __slots__ = ("_error", "_results", "done", "missing")

    def __init__(self, records: int, done: asyncio.Future[None]) -> None:
        self._results: list[Acknowledged | None] = [None] * records
        self._error: BrokerError | None = None
        self.missing = records
        self.done = done

    def settle(self, index: int, outcome: Acknowledged | BrokerError) -> None:
        if isinstance(outcome, Acknowledged):
            self._results[index] = outcome
        elif self._error is None:
            self._error = outcome
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)

    def results(self) -> list[Acknowledged]:
        if self._error is not None:
            raise self._error
        return [result for result in self._results if result is not None]


class KafkaPublisher:
    """`runtime.broker.Publisher` over the client's producer."""

    def __init__(self, settings: Settings) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._worker = Worker("hookline-publisher")
        self._room = Room(
            settings.publish_buffer_records,
            settings.publish_buffer_bytes,
            settings.publish_wait_ms / 1000,
        )
        self._outcomes: deque[tuple[_Ticket, int, int, Untyped]] = deque()
        self._draining = False
        self._lookups: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._producer: Untyped = None

    @property
    def waiting(self) -> tuple[int, int]:
        """Records and bytes that wait for the broker now."""
        return self._room.records, self._room.bytes

    async def start(self) -> None:
        """Connect; BrokerError if there is no broker within the request timeout."""
        self._loop = asyncio.get_running_loop()
        arguments = producer_arguments(self._settings) | {
            "partitioner": RememberingPartitioner(),
        }
        try:
            self._producer = await self._worker.run(lambda: build(KafkaProducer, arguments))
        except KafkaError as error:
            raise broker_error(error, "connecting a publisher", self._servers) from error
        renew_producer_ids(self._producer)

    async def publish(self, record: Outgoing) -> Acknowledged:
        """Write one record and wait for the acknowledgement of all in-sync replicas."""
        return (await self.publish_all((record,)))[0]

    async def publish_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Write many, pipelined, in order per key; raises on the first that failed."""
        if self._producer is None or self._loop is None:
            raise IllegalStepError("a publisher publishes between its start and its close")
        if not records:
            return []
        ticket = _Ticket(len(records), self._loop.create_future())
        room, topic = self._room, None
        for index, record in enumerate(records):
            size = _size(record)
            if not room.take(size):
                topic = None
                await room.enter(size)
            if record.topic != topic:
                topic = record.topic
                await self._know(topic, size)
            self._send(record, ticket, index, size)
            if index % TURN == TURN - 1:
                topic = None
                await asyncio.sleep(0)
        await self._settle(ticket)
        return ticket.results()

    async def close(self) -> None:
        """Wait for what is under way within the close timeout, then free everything."""
        producer, self._producer = self._producer, None
        if producer is not None:
            timeout_s = self._settings.stop_timeout_ms / 2_000
            await self._worker.run(lambda: close_producer(producer, timeout_s))
        self._worker.close()

    async def _settle(self, ticket: _Ticket) -> None:
        """Wait until all is known, and not for ever.

        The client expires nothing while it waits for a producer id from a broker that is away.
        """
        within_s = self._settings.kafka_delivery_timeout_ms / 1000 + SETTLE_MARGIN_S
        try:
            async with asyncio.timeout(within_s):
                await ticket.done
        except TimeoutError:
            raise BrokerError(
                f"Kafka at {', '.join(self._servers)} acknowledged nothing within {within_s:g} s"
                " (HOOKLINE_KAFKA_DELIVERY_TIMEOUT_MS); the records may or may not be there"
            ) from None

    def _send(self, record: Outgoing, ticket: _Ticket, index: int, size: int) -> None:
        """Hand one record to the client; its outcome comes back through `_outcomes`."""
        try:
            future = self._producer.send(
                record.topic,
                record.value,
                record.key,
                list(record.headers),
                record.partition,
            )
        except (KafkaError, ValueError, TypeError) as error:
            self._room.leave(1, size)
            raise broker_error(error, f"writing to {record.topic}", self._servers) from error
        future.add_callback(self._settled, ticket, index, size)
        future.add_errback(self._settled, ticket, index, size)

    def _settled(self, ticket: _Ticket, index: int, size: int, outcome: object) -> None:
        """On the client's thread: queue the outcome, wake the loop once for many."""
        self._outcomes.append((ticket, index, size, outcome))
        if not self._draining and self._loop is not None:
            self._draining = True
            on_loop(self._loop, self._drain)

    def _drain(self) -> None:
        """On the loop: settle every outcome that has come in."""
        self._draining = False
        outcomes, records, size = self._outcomes, 0, 0
        while outcomes:
            ticket, index, one, outcome = outcomes.popleft()
            records += 1
            size += one
            if isinstance(outcome, BaseException):
                ticket.settle(index, broker_error(outcome, "writing a record", self._servers))
            else:
                ticket.settle(index, Acknowledged(outcome.topic, outcome.partition, outcome.offset))
        self._room.leave(records, size)

    async def _know(self, topic: str, size: int) -> None:
        """Look the topic up once, off the loop: `send` would block on one it does not know."""
        if self._producer._metadata.partitions_for_topic(topic) is not None:  # noqa: SLF001
            return
        if topic not in self._lookups:
            self._lookups[topic] = asyncio.ensure_future(self._look_up(topic))
        try:
            await asyncio.shield(self._lookups[topic])
        except BaseException:
            self._room.leave(1, size)
            raise

    async def _look_up(self, topic: str) -> None:
        try:
            await self._worker.run(lambda: self._producer.partitions_for(topic))
        except KafkaError as error:
            text = f"looking up the topic {topic} (`hookline topics create` makes it)"
            raise broker_error(error, text, self._servers) from error
        finally:
            del self._lookups[topic]


def _size(record: Outgoing) -> int:
    """What a record counts against the bound."""
    size = RECORD_OVERHEAD + len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += len(name) + len(value)
    return size
