"""What the services need of Kafka, and no more: the port whose adapter is `runtime.kafka`.

Everything here is awaited on one asyncio loop; nothing blocks it.  Payloads are bytes: records
are decoded by `schemas.codec`, never by the client.  A fake with the same behaviour, as far as
it goes, is `tests.fakes`; the suite in `tests/contract` holds both to this text.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Protocol

from runtime.records import (
    Acknowledged,
    Headers,
    Outgoing,
    Position,
    Received,
    Span,
    TopicConfig,
    TopicPartition,
)

__all__ = [
    "Acknowledged",
    "Admin",
    "Broker",
    "Consumer",
    "Headers",
    "Outgoing",
    "Position",
    "Publisher",
    "Reader",
    "RebalanceListener",
    "Received",
    "Span",
    "TableListener",
    "Tables",
    "TopicConfig",
    "TopicPartition",
    "TransactionalPublisher",
]


class RebalanceListener(Protocol):
    """Told when partitions come and go; awaited on the service's loop."""

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        """Partitions are ours from here on; each with what the group last committed, if anything.

        No record of them is received before this returns.
        """

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions are about to go: finish or drop what is in flight, then commit.

        `Consumer.commit` and a transaction work in here.  The adapter waits for a bounded time
        (`Settings.rebalance_budget_ms`), then cancels it and lets go; no record of these
        partitions is received after this was called.  A revocation that comes so late that its
        time is over already is told as `lost`.
        """

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions are gone already; committing for them is refused.  Forget their state."""


class Consumer(Protocol):
    """A member of a consumer group."""

    async def start(self, listener: RebalanceListener) -> None:
        """Join the group; the first assignment arrives through the listener.

        Raises:
            BrokerError: There is no broker within the request timeout.
            ConfigurationError: A topic does not exist.
        """

    async def receive(self) -> Sequence[Received]:
        """The next records of the partitions that are ours and not paused, in order per partition.

        Waits until there is at least one.  A read-committed view: nothing of an open or aborted
        transaction.  The adapter holds a bounded number of records that were not received yet.

        Raises:
            BrokerError: The consumer failed for good; the service should close it and start anew.
        """

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Receive nothing of these until resumed; records already fetched are kept for later.

        Partitions that are not ours (any more) are ignored: a pause races with a rebalance.
        """

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Undo `pause`; partitions that are not ours are ignored."""

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """Receive this partition from `offset` on; what was fetched before is dropped."""

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit exactly these positions; there is no commit of "whatever was read".

        Raises:
            BrokerError: Not committed.  In a rebalance that is usual: the partitions' new owner
                starts from the last commit.
        """

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are ours now."""

    async def close(self) -> None:
        """Leave the group (the listener's `revoked` is awaited first) and free everything."""


class Publisher(Protocol):
    """An idempotent producer with a bound on what waits for the broker."""

    async def start(self) -> None:
        """Connect; BrokerError if there is no broker within the request timeout."""

    async def publish(self, record: Outgoing) -> Acknowledged:
        """Write one record and wait for the acknowledgement of all in-sync replicas.

        Raises:
            BrokerFullError: The bound was reached and no room came within the wait bound.
            BrokerError: Not acknowledged within the delivery timeout; it may or may not be there.
        """

    async def publish_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Write many, pipelined, in order per key; raises on the first that failed."""

    async def close(self) -> None:
        """Wait for what is under way within the close timeout, then free everything."""


class TransactionalPublisher(Protocol):
    """A producer whose unit of work is one Kafka transaction (KIP-447)."""

    async def start(self) -> None:
        """Take over the transactional identity; fences whoever had it."""

    async def transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[TopicPartition, Position] | None = None,
        consumer: Consumer | None = None,
    ) -> list[Acknowledged]:
        """Write the records and commit the positions of the consumer's group, all or nothing.

        Without a consumer only the records are written.

        Raises:
            FencedError: A successor has taken over; exit.
            BrokerError: Aborted: nothing was written, nothing committed.  Seek back and retry.
        """

    async def close(self) -> None:
        """Abort what is open and free everything."""


#: Called on the loop with a table's change: key, new value (None: removed), the record itself.
TableListener = Callable[[bytes, bytes | None, Received], None]


class Tables(Protocol):
    """Compacted topics read whole and followed, read-committed, without a group.

    All tables of a process share one reader.  Listeners see every record in offset order per
    partition, first those up to the end as of `start`, then changes as they are written.
    """

    def follow(self, topic: str, listener: TableListener) -> None:
        """Register a topic before `start`."""

    async def start(self) -> None:
        """Read every topic to its end as of now; listeners have seen it all on return.

        Raises:
            ConfigurationError: A topic does not exist.
        """

    async def catch_up(self, topic: str) -> None:
        """Wait until everything committed to `topic` before this call has been seen."""

    async def close(self) -> None:
        """Stop following and free everything."""


class Reader(Protocol):
    """Reads topics without a group and without leaving a trace: for operators' commands."""

    def scan(self, span: Span) -> AsyncGenerator[Received, None]:
        """Every committed record from the span's start to the end as of now, per partition in order.

        "Now" is the first step of the iteration.

        Raises:
            ConfigurationError: There is no such topic or partition.
        """

    def scan_batches(self, span: Span) -> AsyncGenerator[Sequence[Received], None]:
        """What `scan` gives, in the same order, many records at once: for whoever reads a lot.

        No batch is empty.  What is asked of each record otherwise costs as much as reading it.
        """

    def tail(
        self, topics: Collection[str], start: Mapping[TopicPartition, int] | None = None
    ) -> AsyncGenerator[Received, None]:
        """Every record committed from now on, until the iterator is closed.

        "Now" is the first step of the iteration; who must miss nothing asks `ends` before and
        passes them as `start`.
        """

    async def ends(
        self, topics: Collection[str], *, settled: bool = False
    ) -> Mapping[TopicPartition, int]:
        """Where each partition ends now: the offset that the next record will have, or more.

        Args:
            settled: Count what stands behind transactions that are still open, as `Span.settled`.
        """

    async def starts(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """Where each partition begins now: what retention has removed stood before it."""


class Admin(Protocol):
    """Looks at and makes topics."""

    async def topics(self) -> Mapping[str, TopicConfig]:
        """Every topic there is, with the configuration keys that Hookline sets."""

    async def create(self, topics: Collection[TopicConfig], replication: int) -> None:
        """Create topics that are not there; one that exists already is left as it is."""

    async def delete(self, names: Collection[str]) -> None:
        """Delete topics (tests and the demo clean up behind themselves)."""

    async def committed(self, group: str) -> Mapping[TopicPartition, int]:
        """The next offset that the group will read, per partition it has committed anything for."""

    async def positions(self, group: str) -> Mapping[TopicPartition, Position]:
        """What the group has committed, metadata included: all partitions as of one moment."""

    async def lag(self, group: str) -> Mapping[TopicPartition, int]:
        """Records between the group's committed position and the end, per partition."""

    async def close(self) -> None:
        """Free everything."""


class Broker(Protocol):
    """Makes the adapters above; the one thing `__main__` hands to a service."""

    def consumer(self, *, group: str, topics: Collection[str]) -> Consumer:
        """A member-to-be of `group` on these topics."""

    def publisher(self) -> Publisher:
        """The process's idempotent producer."""

    def transactional_publisher(self, transactional_id: str) -> TransactionalPublisher:
        """A transactional producer; the id is this process's own, unique among live ones."""

    def tables(self) -> Tables:
        """One reader for all compacted topics of the process."""

    def reader(self) -> Reader:
        """A reader for operators' commands."""

    def admin(self) -> Admin:
        """For topics and lags."""
