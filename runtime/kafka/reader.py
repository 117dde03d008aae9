"""Reads topics for operators: without a group, without a trace."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TypeVar

from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as ClientPartition
from kafka.errors import KafkaError

from runtime.broker import Received, Span, TopicPartition
from runtime.kafka.admin import end_offsets
from runtime.kafka.client import Untyped, build, close_consumer, partitions_of
from runtime.kafka.connection import client_arguments, consumer_arguments
from runtime.kafka.failures import broker_error
from runtime.kafka.poller import POLL_MS
from runtime.kafka.unpacking import unpack
from runtime.kafka.worker import Worker
from runtime.settings import Settings
from schemas.errors import ConfigurationError

#: Records of one poll of a scan: enough that what a poll costs itself does not count.
SCAN_RECORDS = 4_000

Partitions = dict[ClientPartition, int]
T = TypeVar("T")


class KafkaReader:
    """`runtime.broker.Reader`; each scan or tail has its own consumer and thread."""

    def __init__(self, settings: Settings) -> None:
        """Connects nothing yet."""
        self._settings = settings

    async def scan(self, span: Span) -> AsyncGenerator[Received, None]:
        """Every committed record from the span's start to the end as of now."""
        async with aclosing(self.scan_batches(span)) as batches:
            async for batch in batches:
                for record in batch:
                    yield record

    async def scan_batches(self, span: Span) -> AsyncGenerator[Sequence[Received], None]:
        """The same, as many at once as one poll brings."""
        reading = _Reading(self._settings, [span.topic])
        inside = _inside(span)
        try:
            left = await reading.ask(lambda: reading.begin_scan(span))
            while left:
                records, left = await reading.ask(reading.next_of_scan)
                if found := inside(records):
                    yield found
        finally:
            await reading.close()

    async def tail(
        self, topics: Collection[str], start: Mapping[TopicPartition, int] | None = None
    ) -> AsyncGenerator[Received, None]:
        """Every record committed from now on, until the iterator is closed."""
        reading = _Reading(self._settings, topics)
        try:
            await reading.ask(lambda: reading.begin_tail(start))
            while True:
                for record in await reading.ask(reading.poll):
                    yield record
        finally:
            await reading.close()

    async def ends(
        self, topics: Collection[str], *, settled: bool = False
    ) -> Mapping[TopicPartition, int]:
        """Where each partition ends now, for a `tail` that misses nothing from here on."""
        reading = _Reading(self._settings, topics)
        try:
            return await reading.ask(lambda: reading.ends_now(settled=settled))
        finally:
            await reading.close()

    async def starts(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """Where each partition begins now."""
        reading = _Reading(self._settings, topics)
        try:
            return await reading.ask(reading.starts_now)
        finally:
            await reading.close()


class _Reading:
    """One consumer on one thread; all methods but `ask` and `close` run on that thread."""

    def __init__(self, settings: Settings, topics: Collection[str]) -> None:
        self._settings = settings
        self._topics = sorted(topics)
        self._worker = Worker("hookline-reader")
        self._client: Untyped = None
        self._ends: Partitions = {}

    async def ask(self, call: Callable[[], T]) -> T:
        try:
            return await self._worker.run(call)
        except KafkaError as error:
            servers = self._settings.kafka_bootstrap_servers
            raise broker_error(error, f"reading {', '.join(self._topics)}", servers) from error

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await self._worker.run(lambda: close_consumer(client, timeout_ms=2_000))
        self._worker.close()

    def begin_scan(self, span: Span) -> int:
        """Stand at the span's start; how many partitions have anything to read."""
        partitions = self._connect()
        if span.partition is not None:
            wanted = ClientPartition(span.topic, span.partition)
            if wanted not in partitions:
                raise ConfigurationError(
                    f"{span.topic} has partitions 0 to {len(partitions) - 1}, not {span.partition}"
                )
            partitions = [wanted]
        ends = self._ends_of(partitions, settled=span.settled)
        starts = self._starts(span, partitions)
        self._ends = {one: ends[one] for one in partitions if starts[one] < ends[one]}
        self._client.assign(list(self._ends))
        for partition in self._ends:
            self._client.seek(partition, starts[partition])
        return len(self._ends)

    def next_of_scan(self) -> tuple[list[Received], int]:
        """Some records before the ends, and how many partitions are not read to theirs yet."""
        found = self._client.poll(timeout_ms=POLL_MS, max_records=SCAN_RECORDS)
        records = [one for at, part in found.items() for one in _before(part, self._ends[at])]
        active = self._client.assignment() - self._client.paused()
        # The position passes over transaction markers and aborted records, which no poll returns.
        finished = [one for one in active if self._at(one) >= self._ends[one]]
        self._client.pause(*finished)
        return records, len(active) - len(finished)

    def begin_tail(self, start: Mapping[TopicPartition, int] | None) -> None:
        """Stand at the ends as of now, or at the given offsets."""
        partitions = self._connect()
        ends = self._client.end_offsets(partitions)
        self._client.assign(partitions)
        for partition in partitions:
            at = (start or {}).get(TopicPartition(*partition), ends[partition])
            self._client.seek(partition, at)

    def ends_now(self, *, settled: bool) -> dict[TopicPartition, int]:
        """Where each partition ends, as one that reads committed records sees it, or will see it."""
        ends = self._ends_of(self._connect(), settled=settled)
        return {TopicPartition(*partition): end for partition, end in ends.items()}

    def starts_now(self) -> dict[TopicPartition, int]:
        """Where each partition begins."""
        starts: Partitions = self._client_starts()
        return {TopicPartition(*partition): start for partition, start in starts.items()}

    def poll(self) -> list[Received]:
        """What came within the poll's time."""
        return [one for part in self._client.poll(timeout_ms=POLL_MS).values() for one in part]

    def _ends_of(self, partitions: Collection[ClientPartition], *, settled: bool) -> Partitions:
        """The ends for committed records as of now, or those with open transactions included."""
        if not settled:
            committed: Partitions = self._client.end_offsets(partitions)
            return committed
        admin = build(KafkaAdminClient, client_arguments(self._settings))
        try:
            return end_offsets(admin, partitions)
        finally:
            admin.close()

    def _client_starts(self) -> Partitions:
        partitions = self._connect()
        starts: Partitions = self._client.beginning_offsets(partitions)
        return starts

    def _connect(self) -> list[ClientPartition]:
        arguments = consumer_arguments(self._settings) | {"group_id": None}
        self._client = unpack(build(KafkaConsumer, arguments))
        return partitions_of(self._client, self._topics)

    def _starts(self, span: Span, partitions: Collection[ClientPartition]) -> Partitions:
        starts: Partitions = self._client.beginning_offsets(list(partitions))
        if span.offset is not None:
            return {one: max(span.offset, first) for one, first in starts.items()}
        if span.since is not None:
            since = _ms(span.since)
            found = self._client.offsets_for_times(dict.fromkeys(partitions, since))
            ends = self._client.end_offsets(list(partitions))
            return {
                one: found[one].offset if found[one] is not None else ends[one]
                for one in partitions
            }
        return starts

    def _at(self, partition: ClientPartition) -> int:
        position = self._client.position(partition, timeout_ms=POLL_MS)
        return int(position) if position is not None else -1


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
