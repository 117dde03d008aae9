"""Real classes that stand in for the world in tests: a broker in memory, a clock one moves."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from runtime.broker import (
    Acknowledged,
    Consumer,
    Outgoing,
    Position,
    Received,
    Span,
    TableListener,
    TopicConfig,
    TopicPartition,
)
from runtime.clock import Clock
from schemas.errors import BrokerError, ConfigurationError, FencedError, IllegalStepError
from tests.fake_groups import Group, Member
from tests.fake_log import Storage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class VirtualClock:
    """`runtime.clock.Clock` that stands still until it is advanced."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, wait: timedelta) -> None:
        if wait <= timedelta(0):
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + wait, next(self._order), woken))
        await woken

    @property
    def sleepers(self) -> int:
        """How many wait for the clock."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def advance(self, wait: timedelta) -> None:
        """Move on, waking everyone whose time comes, in order, each at its own time."""
        end = self._now + wait
        await _let_others_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not woken.done():
                woken.set_result(None)
            await _let_others_run()
        self._now = end
        await _let_others_run()


class InMemoryBroker:
    """`runtime.broker.Broker` in memory, for tests of logic.

    One loop, no threads.  Groups have any number of members and rebalance by range; transactions
    are atomic and leave markers, as Kafka's do; nothing is compacted.

    Attributes:
        down: While True whatever needs the broker raises BrokerError.
    """

    def __init__(
        self, topics: Iterable[TopicConfig | str] = (), *, clock: Clock | None = None
    ) -> None:
        self._clock = clock or VirtualClock()
        self.storage = Storage(lambda: int(self._clock.now().timestamp() * 1000))
        self.groups: dict[str, Group] = {}
        self.epochs: dict[str, int] = {}
        self.down = False
        for topic in topics:
            self.make(topic)

    def make(self, topic: TopicConfig | str, partitions: int = 1) -> None:
        """Create a topic, at once."""
        config = TopicConfig(topic, partitions, {}) if isinstance(topic, str) else topic
        self.storage.create(config)

    def written(self, topic: str) -> list[Received]:
        """Every committed record of a topic, partition by partition."""
        logs = (self.storage.logs[one] for one in self.storage.partitions(topic))
        return [record for log in logs for record in log.visible(0)]

    def committed(self, group: str) -> Mapping[TopicPartition, Position]:
        """What a group has committed."""
        return self.group(group).committed

    def group(self, name: str) -> Group:
        return self.groups.setdefault(name, Group(name, self.storage))

    def check(self) -> None:
        """Raise while the broker is down."""
        if self.down:
            raise BrokerError("the broker is down")

    def consumer(self, *, group: str, topics: Collection[str]) -> Member:
        return Member(self.group(group), topics)

    def publisher(self) -> MemoryPublisher:
        return MemoryPublisher(self)

    def transactional_publisher(self, transactional_id: str) -> MemoryTransactionalPublisher:
        return MemoryTransactionalPublisher(self, transactional_id)

    def tables(self) -> MemoryTables:
        return MemoryTables(self)

    def reader(self) -> MemoryReader:
        return MemoryReader(self)

    def admin(self) -> MemoryAdmin:
        return MemoryAdmin(self)


class MemoryPublisher:
    """`runtime.broker.Publisher` in memory; it is never full."""

    def __init__(self, broker: InMemoryBroker) -> None:
        self._broker = broker
        self._open = False

    async def start(self) -> None:
        self._broker.check()
        self._open = True

    async def publish(self, record: Outgoing) -> Acknowledged:
        return (await self.publish_all((record,)))[0]

    async def publish_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        if not self._open:
            raise IllegalStepError("a publisher publishes between its start and its close")
        await asyncio.sleep(0)
        self._broker.check()
        try:
            return [_acknowledged(self._broker.storage.append(record)) for record in records]
        finally:
            self._broker.storage.tell()

    async def close(self) -> None:
        self._open = False


class MemoryTransactionalPublisher:
    """`runtime.broker.TransactionalPublisher` in memory."""

    def __init__(self, broker: InMemoryBroker, transactional_id: str) -> None:
        self._broker = broker
        self._id = transactional_id
        self._epoch: int | None = None

    async def start(self) -> None:
        self._broker.check()
        self._epoch = self._broker.epochs.get(self._id, 0) + 1
        self._broker.epochs[self._id] = self._epoch

    async def transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[TopicPartition, Position] | None = None,
        consumer: Consumer | None = None,
    ) -> list[Acknowledged]:
        if self._epoch is None:
            raise IllegalStepError("a transaction needs a publisher that was started")
        await asyncio.sleep(0)
        self._broker.check()
        if self._broker.epochs[self._id] != self._epoch:
            raise FencedError(f"another process has taken over {self._id}")
        written: list[Received] = []
        storage = self._broker.storage
        try:
            for record in records:
                written.append(storage.append(record))  # noqa: PERF401 - what was written counts
            if consumer is not None and positions:
                if not isinstance(consumer, Member):
                    raise IllegalStepError("a transaction takes a consumer of the same broker")
                consumer.check(positions)
                consumer.group.commit(positions)
        except BrokerError:
            storage.hide(written)
            raise
        finally:
            storage.mark({TopicPartition(one.topic, one.partition) for one in written})
            storage.tell()
        return [_acknowledged(one) for one in written]

    async def close(self) -> None:
        self._epoch = None


class MemoryTables:
    """`runtime.broker.Tables` in memory; changes reach the listeners in the loop's next turn."""

    def __init__(self, broker: InMemoryBroker) -> None:
        self._broker = broker
        self._listeners: dict[str, list[TableListener]] = {}
        self._next: dict[TopicPartition, int] = {}
        self._wake: Callable[[], None] | None = None

    def follow(self, topic: str, listener: TableListener) -> None:
        if self._wake is not None:
            raise IllegalStepError(f"{topic} must be followed before the tables are started")
        self._listeners.setdefault(topic, []).append(listener)

    async def start(self) -> None:
        self._broker.check()
        missing = sorted(self._listeners.keys() - self._broker.storage.configs.keys())
        if missing:
            raise ConfigurationError(f"there is no topic {', '.join(missing)}")
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon(self._read)

        self._wake = wake
        self._broker.storage.watchers.append(wake)
        self._read()

    async def catch_up(self, topic: str) -> None:
        if topic not in self._listeners or self._wake is None:
            raise IllegalStepError(f"{topic} is not followed, or the tables were not started")
        await asyncio.sleep(0)
        self._broker.check()
        self._read()

    async def close(self) -> None:
        if self._wake is not None:
            self._broker.storage.watchers.remove(self._wake)

    def _read(self) -> None:
        for topic, listeners in self._listeners.items():
            for partition in self._broker.storage.partitions(topic):
                log = self._broker.storage.logs[partition]
                start, self._next[partition] = self._next.get(partition, 0), log.end
                for record in log.visible(start):
                    if record.key is not None:
                        for listener in listeners:
                            listener(record.key, record.value, record)


class MemoryReader:
    """`runtime.broker.Reader` in memory."""

    def __init__(self, broker: InMemoryBroker) -> None:
        self._broker = broker

    async def scan(self, span: Span) -> AsyncGenerator[Received, None]:
        partitions = self._find(span.topic)
        if span.partition is not None:
            if span.partition >= len(partitions):
                raise ConfigurationError(f"{span.topic} has no partition {span.partition}")
            partitions = [TopicPartition(span.topic, span.partition)]
        found = [
            record
            for partition in partitions
            for record in self._broker.storage.logs[partition].visible(span.offset or 0)
        ]
        for record in found:
            if _inside(span, record.timestamp_ms):
                await asyncio.sleep(0)
                yield record

    async def scan_batches(self, span: Span) -> AsyncGenerator[Sequence[Received], None]:
        found = [record async for record in self.scan(span)]
        for start in range(0, len(found), 2):
            yield found[start : start + 2]

    async def tail(
        self, topics: Collection[str], start: Mapping[TopicPartition, int] | None = None
    ) -> AsyncGenerator[Received, None]:
        at = dict(await self.ends(topics)) | dict(start or {})
        something = asyncio.Event()
        self._broker.storage.watchers.append(something.set)
        try:
            while True:
                something.clear()
                for partition, first in at.items():
                    log = self._broker.storage.logs[partition]
                    at[partition] = log.end
                    for record in log.visible(first):
                        yield record
                if all(self._broker.storage.logs[one].end == end for one, end in at.items()):
                    await something.wait()
        finally:
            self._broker.storage.watchers.remove(something.set)

    async def ends(
        self, topics: Collection[str], *, settled: bool = False
    ) -> Mapping[TopicPartition, int]:
        partitions = [one for topic in topics for one in self._find(topic)]
        return {one: self._broker.storage.logs[one].end for one in partitions}

    async def starts(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        partitions = [one for topic in topics for one in self._find(topic)]
        return {one: self._broker.storage.logs[one].start for one in partitions}

    def _find(self, topic: str) -> list[TopicPartition]:
        self._broker.check()
        if topic not in self._broker.storage.configs:
            raise ConfigurationError(f"there is no topic {topic}")
        return self._broker.storage.partitions(topic)


class MemoryAdmin:
    """`runtime.broker.Admin` in memory."""

    def __init__(self, broker: InMemoryBroker) -> None:
        self._broker = broker

    async def topics(self) -> Mapping[str, TopicConfig]:
        self._broker.check()
        return dict(self._broker.storage.configs)

    async def create(self, topics: Collection[TopicConfig], replication: int) -> None:
        self._broker.check()
        for topic in topics:
            self._broker.storage.create(topic)

    async def delete(self, names: Collection[str]) -> None:
        self._broker.check()
        for name in names:
            self._broker.storage.delete(name)

    async def committed(self, group: str) -> Mapping[TopicPartition, int]:
        self._broker.check()
        positions = self._broker.committed(group)
        return {partition: position.offset for partition, position in positions.items()}

    async def positions(self, group: str) -> Mapping[TopicPartition, Position]:
        self._broker.check()
        return dict(self._broker.committed(group))

    async def lag(self, group: str) -> Mapping[TopicPartition, int]:
        self._broker.check()
        logs = self._broker.storage.logs
        return {
            partition: logs[partition].end - position.offset
            for partition, position in self._broker.committed(group).items()
            if partition in logs
        }

    async def close(self) -> None:
        pass


def _acknowledged(written: Received) -> Acknowledged:
    return Acknowledged(written.topic, written.partition, written.offset)


def _inside(span: Span, timestamp_ms: int) -> bool:
    since = span.since is None or timestamp_ms >= span.since.timestamp() * 1000
    return since and (span.until is None or timestamp_ms < span.until.timestamp() * 1000)


async def _let_others_run() -> None:
    """Give every ready task some turns."""
    for _ in range(20):
        await asyncio.sleep(0)
