"""Reads topics without a group: what a client must be able to do, and scans and tails over it."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from runtime.bridge.failures import Dialect
from runtime.bridge.poller import POLL_S
from runtime.bridge.worker import Worker
from runtime.broker import Received, Span, TopicPartition
from runtime.settings import Settings
from schemas.errors import ConfigurationError

#: Records of one poll of a scan: enough that what a poll costs itself does not count.
SCAN_RECORDS = 4_000

Offsets = Mapping[TopicPartition, int]
T = TypeVar("T")


class LogClient(Protocol):
    """A client's consumer without a group; all calls block and are made on one thread."""

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """Every partition of the topics, in order.

        Raises:
            ConfigurationError: A topic does not exist.
        """

    def begins(self, partitions: Collection[TopicPartition]) -> Offsets:
        """The first offset of each."""

    def ends(self, partitions: Collection[TopicPartition], *, settled: bool) -> Offsets:
        """Where each ends for committed records, or (settled) with open transactions included."""

    def at_time(
        self, partitions: Collection[TopicPartition], since_ms: int
    ) -> Mapping[TopicPartition, int | None]:
        """The first record of each that is not older; None: there is none."""

    def assign(self, starts: Offsets) -> None:
        """Poll these partitions, and no others, each from its offset."""

    def poll(
        self, limit: int, timeout_s: float
    ) -> tuple[Mapping[TopicPartition, list[Received]], Offsets]:
        """Some records, and how far each partition has been read where that has changed.

        What is read passes over transaction markers and aborted records, which are not returned.
        """

    def finish(self, partitions: Collection[TopicPartition]) -> None:
        """Poll these no more."""

    def close(self) -> None:
        """Free everything."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How one client reads without a group.

    Attributes:
        connect: Makes a consumer; raises if there is no broker.  Blocks.
        dialect: How the client says what went wrong.
    """

    connect: Callable[[], LogClient]
    dialect: Dialect


class LogReader:
    """`runtime.broker.Reader`; each scan or tail has its own consumer and thread."""

    def __init__(self, settings: Settings, reading: Reading) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._reading = reading

    async def scan(self, span: Span) -> AsyncGenerator[Received, None]:
        """Every committed record from the span's start to the end as of now."""
        async with aclosing(self.scan_batches(span)) as batches:
            async for batch in batches:
                for record in batch:
                    yield record

    async def scan_batches(self, span: Span) -> AsyncGenerator[Sequence[Received], None]:
        """The same, as many at once as one poll brings."""
        scan = _Scan(self._settings, self._reading, [span.topic])
        inside = _inside(span)
        try:
            left = await scan.ask(lambda: scan.begin(span))
            while left:
                records, left = await scan.ask(scan.go_on)
                if found := inside(records):
                    yield found
        finally:
            await scan.close()

    async def tail(
        self, topics: Collection[str], start: Mapping[TopicPartition, int] | None = None
    ) -> AsyncGenerator[Received, None]:
        """Every record committed from now on, until the iterator is closed."""
        scan = _Scan(self._settings, self._reading, topics)
        try:
            await scan.ask(lambda: scan.begin_tail(start))
            while True:
                for record in await scan.ask(scan.poll):
                    yield record
        finally:
            await scan.close()

    async def ends(
        self, topics: Collection[str], *, settled: bool = False
    ) -> Mapping[TopicPartition, int]:
        """Where each partition ends now, for a `tail` that misses nothing from here on."""
        scan = _Scan(self._settings, self._reading, topics)
        try:
            return await scan.ask(lambda: scan.ends_now(settled=settled))
        finally:
            await scan.close()

    async def starts(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """Where each partition begins now."""
        scan = _Scan(self._settings, self._reading, topics)
        try:
            return await scan.ask(scan.starts_now)
        finally:
            await scan.close()


class _Scan:
    """One consumer on one thread; all methods but `ask` and `close` run on that thread."""

    def __init__(self, settings: Settings, reading: Reading, topics: Collection[str]) -> None:
        self._settings = settings
        self._reading = reading
        self._topics = sorted(topics)
        self._worker = Worker("hookline-reader")
        self._client: LogClient | None = None
        self._ends: dict[TopicPartition, int] = {}
        self._left: set[TopicPartition] = set()

    async def ask(self, call: Callable[[], T]) -> T:
        dialect = self._reading.dialect
        try:
            return await self._worker.run(call)
        except dialect.raised as error:
            servers = self._settings.kafka_bootstrap_servers
            raise dialect.broker_error(
                error, f"reading {', '.join(self._topics)}", servers
            ) from error

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await self._worker.run(client.close)
        self._worker.close()

    def begin(self, span: Span) -> int:
        """Stand at the span's start; how many partitions have anything to read."""
        client = self._connected()
        partitions = client.partitions(self._topics)
        if span.partition is not None:
            wanted = TopicPartition(span.topic, span.partition)
            if wanted not in partitions:
                raise ConfigurationError(
                    f"{span.topic} has partitions 0 to {len(partitions) - 1}, not {span.partition}"
                )
            partitions = [wanted]
        ends = client.ends(partitions, settled=span.settled)
        starts = _starts(client, span, partitions)
        self._ends = {one: ends[one] for one in partitions if starts[one] < ends[one]}
        self._left = set(self._ends)
        client.assign({one: starts[one] for one in self._ends})
        return len(self._left)

    def go_on(self) -> tuple[list[Received], int]:
        """Some records before the ends, and how many partitions are not read to theirs yet."""
        client = self._connected()
        found, moved = client.poll(SCAN_RECORDS, POLL_S)
        records = [one for at, part in found.items() for one in _before(part, self._ends[at])]
        finished = {one for one, at in moved.items() if one in self._left and at >= self._ends[one]}
        if finished:
            client.finish(finished)
            self._left -= finished
        return records, len(self._left)

    def begin_tail(self, start: Mapping[TopicPartition, int] | None) -> None:
        """Stand at the ends as of now, or at the given offsets."""
        client = self._connected()
        ends = client.ends(client.partitions(self._topics), settled=False)
        client.assign({one: (start or {}).get(one, end) for one, end in ends.items()})

    def ends_now(self, *, settled: bool) -> Offsets:
        """Where each partition ends, as one that reads committed records sees it, or will see it."""
        client = self._connected()
        return client.ends(client.partitions(self._topics), settled=settled)

    def starts_now(self) -> Offsets:
        """Where each partition begins."""
        client = self._connected()
        return client.begins(client.partitions(self._topics))

    def poll(self) -> list[Received]:
        """What came within the poll's time."""
        found, _ = self._connected().poll(SCAN_RECORDS, POLL_S)
        return [one for part in found.values() for one in part]

    def _connected(self) -> LogClient:
        if self._client is None:
            self._client = self._reading.connect()
        return self._client


def _starts(client: LogClient, span: Span, partitions: Collection[TopicPartition]) -> Offsets:
    if span.offset is not None:
        begins = client.begins(partitions)
        return {one: max(span.offset, first) for one, first in begins.items()}
    if span.since is None:
        return client.begins(partitions)
    found = client.at_time(partitions, _ms(span.since))
    ends = client.ends(partitions, settled=False)
    return {one: ends[one] if (at := found[one]) is None else at for one in partitions}


def _before(records: list[Received], end: int) -> list[Received]:
    """Those in front of an offset: nearly always all."""
    if records[-1].offset < end:
        return records
    return [one for one in records if one.offset < end]


def _ms(instant: datetime) -> int:
    """Unix milliseconds, rounded down as brokers do."""
    return int(instant.timestamp() * 1000)


def _inside(span: Span) -> Callable[[list[Received]], list[Received]]:
    """What keeps to the span's times; they do not rise strictly with offsets: each is looked at."""
    if span.since is None and span.until is None:
        return lambda records: records
    since = _ms(span.since) if span.since is not None else -sys.maxsize
    until = _ms(span.until) if span.until is not None else sys.maxsize
    return lambda records: [one for one in records if since <= one.timestamp_ms < until]
