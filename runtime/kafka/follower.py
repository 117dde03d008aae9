"""The thread that reads whole topics without a group and follows what is added to them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Protocol

from kafka import KafkaConsumer

from runtime.broker import Received, TopicPartition
from runtime.kafka.client import Untyped, build, close_consumer, partitions_of
from runtime.kafka.connection import consumer_arguments
from runtime.kafka.failures import HOPELESS, reason
from runtime.kafka.poller import FIRST_PAUSE_S, LONGEST_PAUSE_S, MOST_FAILURES, POLL_MS
from runtime.kafka.unpacking import unpack
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import ConfigurationError

log = get_logger(__name__)

Positions = Mapping[TopicPartition, int]


class FollowerSink(Protocol):
    """Where the follower reports; every call comes from its thread and returns at once."""

    def seen(self, records: list[Received], positions: Positions) -> None:
        """Records in order per partition, and how far each partition has been read."""

    def failed(self, error: Exception) -> None:
        """It failed for good; the client's exception, or ours."""

    def stopped(self) -> None:
        """The thread ends."""


class Follower:
    """Owns one consumer; a failed one is replaced and goes on where the last had come."""

    def __init__(self, settings: Settings, topics: Collection[str], sink: FollowerSink) -> None:
        """Starts nothing yet."""
        self._settings = settings
        self._topics = sorted(topics)
        self._sink = sink
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="follow-tables", daemon=True)
        self._client: Untyped = None
        self._positions: dict[TopicPartition, int] = {}
        self._failures = 0

    def start(self) -> None:
        """Begin reading from the first offset."""
        self._thread.start()

    def stop(self) -> None:
        """End; `stopped` tells when."""
        self._stopping.set()

    def _live(self) -> None:
        try:
            while not self._stopping.is_set():
                self._go()
        finally:
            self._close()
            self._sink.stopped()

    def _go(self) -> None:
        try:
            self._connect()
            while not self._stopping.is_set():
                self._cycle()
        except (*HOPELESS, ConfigurationError) as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - a poll that failed once would fail for ever
            self._failures += self._client is not None
            log.warning("broker.tables_rebuilt", error=reason(error), failures=self._failures)
            if self._failures >= MOST_FAILURES:
                self._give_up(error)
                return
            self._close()
            self._stopping.wait(
                min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** max(0, self._failures - 1))
            )

    def _give_up(self, error: Exception) -> None:
        self._sink.failed(error)
        self._stopping.set()

    def _connect(self) -> None:
        arguments = consumer_arguments(self._settings) | {"group_id": None}
        client = unpack(build(KafkaConsumer, arguments))
        self._client = client
        partitions = partitions_of(client, self._topics)
        client.assign(partitions)
        for partition in partitions:
            at = self._positions.get(TopicPartition(*partition))
            if at is None:
                client.seek_to_beginning(partition)
            else:
                client.seek(partition, at)

    def _cycle(self) -> None:
        found = self._client.poll(timeout_ms=POLL_MS)
        moved = self._moved()
        if not found and not moved:
            return
        self._failures = 0
        self._positions |= moved
        self._sink.seen([one for part in found.values() for one in part], moved)

    def _moved(self) -> dict[TopicPartition, int]:
        """Positions that changed: also past markers and aborted records, which are not returned."""
        moved = {}
        for partition in self._client.assignment():
            at = self._client.position(partition, timeout_ms=POLL_MS)
            ours = TopicPartition(*partition)
            if at is not None and at != self._positions.get(ours):
                moved[ours] = at
        return moved

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            close_consumer(client, timeout_ms=2_000)
