"""The idempotent producer: bounded, awaitable, with acknowledgements handed over in bulk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from runtime.bridge.failures import Dialect
from runtime.bridge.room import Room
from runtime.bridge.worker import Worker, on_loop
from runtime.broker import Acknowledged, Outgoing
from runtime.settings import Settings
from schemas.errors import BrokerError, IllegalStepError

#: What a record costs beyond its bytes, counted against the bound.
RECORD_OVERHEAD = 100
#: The loop gets a turn after so many records: 64 x 70 µs = 4.5 ms.
TURN = 64
#: What the client may take, beyond the delivery timeout, to say that it is over.
SETTLE_MARGIN_S = 2.0


class Written(Protocol):
    """Where a record went: what the client's own acknowledgement has."""

    topic: str
    partition: int
    offset: int


#: Which call's record an outcome is of, which of them, and its size.
Slot = tuple["Ticket", int, int]
#: Called from any thread: the record of this slot was written, or failed.
Settled = Callable[[Slot, "Written | Acknowledged | BaseException"], None]


class ProducerClient(Protocol):
    """A client's producer; its blocking calls are made on one thread, the others on the loop."""

    def connect(self, settled: Settled) -> None:
        """Connect; raises the client's exception if there is no broker.  Blocks."""

    def knows(self, topic: str) -> bool:
        """Whether `send` would not have to look the topic up."""

    def look_up(self, topic: str) -> None:
        """Learn of a topic; raises the client's exception if it does not exist.  Blocks."""

    def send(self, record: Outgoing, slot: Slot) -> None:
        """Take one record; `settled` is called once, unless this raises.  Does not block."""

    def close(self, timeout_s: float) -> None:
        """Flush within the timeout, then free everything.  Blocks."""


class Ticket:
    """One call of `publish_all`: what is still missing, and the first failure."""

    __slots__ = ("_error", "_results", "done", "missing")

    def __init__(self, records: int, done: asyncio.Future[None]) -> None:
        """Waits for so many outcomes."""
        self._results: list[Acknowledged | None] = [None] * records
        self._error: BrokerError | None = None
        self.missing = records
        self.done = done

    def settle(self, index: int, outcome: Acknowledged | BrokerError) -> None:
        """Note one outcome; the last one wakes whoever waits."""
        if isinstance(outcome, Acknowledged):
            self._results[index] = outcome
        elif self._error is None:
            self._error = outcome
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)

    def results(self) -> list[Acknowledged]:
        """Where the records are; raises the first failure."""
        if self._error is not None:
            raise self._error
        return [result for result in self._results if result is not None]


class BoundedPublisher:
    """`runtime.broker.Publisher` over a client's producer."""

    def __init__(self, settings: Settings, client: ProducerClient, dialect: Dialect) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._client = client
        self._dialect = dialect
        self._refused: tuple[type[Exception], ...] = (*dialect.raised, ValueError, TypeError)
        self._worker = Worker("hookline-publisher")
        self._room = Room(
            settings.publish_buffer_records,
            settings.publish_buffer_bytes,
            settings.publish_wait_ms / 1000,
        )
        self._outcomes: deque[tuple[Slot, Written | Acknowledged | BaseException]] = deque()
        self._draining = False
        self._lookups: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open = False

    @property
    def waiting(self) -> tuple[int, int]:
        """Records and bytes that wait for the broker now."""
        return self._room.records, self._room.bytes

    async def start(self) -> None:
        """Connect; BrokerError if there is no broker within the request timeout."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._worker.run(lambda: self._client.connect(self._settled))
        except self._dialect.raised as error:
            text = "connecting a publisher"
            raise self._dialect.broker_error(error, text, self._servers) from error
        self._open = True

    async def publish(self, record: Outgoing) -> Acknowledged:
        """Write one record and wait for the acknowledgement of all in-sync replicas."""
        return (await self.publish_all((record,)))[0]

    async def publish_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Write many, pipelined, in order per key; raises on the first that failed."""
        if not self._open or self._loop is None:
            raise IllegalStepError("a publisher publishes between its start and its close")
        if not records:
            return []
        ticket = Ticket(len(records), self._loop.create_future())
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
        was_open, self._open = self._open, False
        if was_open:
            timeout_s = self._settings.stop_timeout_ms / 2_000
            await self._worker.run(lambda: self._client.close(timeout_s))
        self._worker.close()

    async def _settle(self, ticket: Ticket) -> None:
        """Wait until all is known, and not for ever.

        A client may expire nothing while it waits for a producer id from a broker that is away.
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

    def _send(self, record: Outgoing, ticket: Ticket, index: int, size: int) -> None:
        """Hand one record to the client; its outcome comes back through `_outcomes`."""
        try:
            self._client.send(record, (ticket, index, size))
        except self._refused as error:
            self._room.leave(1, size)
            text = f"writing to {record.topic}"
            raise self._dialect.broker_error(error, text, self._servers) from error

    def _settled(self, slot: Slot, outcome: Written | Acknowledged | BaseException) -> None:
        """On a thread of the client: queue the outcome, wake the loop once for many."""
        self._outcomes.append((slot, outcome))
        if not self._draining and self._loop is not None:
            self._draining = True
            on_loop(self._loop, self._drain)

    def _drain(self) -> None:
        """On the loop: settle every outcome that has come in."""
        self._draining = False
        outcomes, records, size = self._outcomes, 0, 0
        while outcomes:
            (ticket, index, one), outcome = outcomes.popleft()
            records += 1
            size += one
            if isinstance(outcome, BaseException):
                text = "writing a record"
                ticket.settle(index, self._dialect.broker_error(outcome, text, self._servers))
            else:
                ticket.settle(index, Acknowledged(outcome.topic, outcome.partition, outcome.offset))
        self._room.leave(records, size)

    async def _know(self, topic: str, size: int) -> None:
        """Look the topic up once, off the loop: `send` would block on one it does not know."""
        if self._client.knows(topic):
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
            await self._worker.run(lambda: self._client.look_up(topic))
        except self._dialect.raised as error:
            text = f"looking up the topic {topic} (`hookline topics create` makes it)"
            raise self._dialect.broker_error(error, text, self._servers) from error
        finally:
            del self._lookups[topic]


def _size(record: Outgoing) -> int:
    """What a record counts against the bound."""
    size = RECORD_OVERHEAD + len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += len(name) + len(value)
    return size
