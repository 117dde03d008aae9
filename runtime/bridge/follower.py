"""The thread that reads whole topics without a group and follows what is added to them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Protocol

from runtime.bridge.poller import FIRST_PAUSE_S, LONGEST_PAUSE_S, MOST_FAILURES, POLL_S
from runtime.bridge.scanning import SCAN_RECORDS, LogClient, Reading
from runtime.broker import Received, TopicPartition
from runtime.logs import get_logger
from schemas.errors import ConfigurationError

log = get_logger(__name__)

Reached = Mapping[TopicPartition, int]


class FollowerSink(Protocol):
    """Where the follower reports; every call comes from its thread and returns at once."""

    def seen(self, records: list[Received], reached: Reached) -> None:
        """Records in order per partition, and how far each partition has been read."""

    def failed(self, error: Exception) -> None:
        """It failed for good; the client's exception, or ours."""

    def stopped(self) -> None:
        """The thread ends."""


class Follower:
    """Owns one consumer; a failed one is replaced and goes on where the last had come."""

    def __init__(self, reading: Reading, topics: Collection[str], sink: FollowerSink) -> None:
        """Starts nothing yet."""
        self._reading = reading
        self._topics = sorted(topics)
        self._sink = sink
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="follow-tables", daemon=True)
        self._client: LogClient | None = None
        self._reached: dict[TopicPartition, int] = {}
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
            client = self._connect()
            while not self._stopping.is_set():
                self._cycle(client)
        except Exception as error:  # noqa: BLE001 - a poll that failed once would fail for ever
            dialect = self._reading.dialect
            if isinstance(error, ConfigurationError) or dialect.is_hopeless(error):
                self._give_up(error)
                return
            self._failures += self._client is not None
            why = dialect.reason(error)
            log.warning("broker.tables_rebuilt", error=why, failures=self._failures)
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

    def _connect(self) -> LogClient:
        self._client = client = self._reading.connect()
        partitions = client.partitions(self._topics)
        begins = client.begins([one for one in partitions if one not in self._reached])
        client.assign({one: self._reached.get(one, begins.get(one, 0)) for one in partitions})
        return client

    def _cycle(self, client: LogClient) -> None:
        found, moved = client.poll(SCAN_RECORDS, POLL_S)
        if not found and not moved:
            return
        self._failures = 0
        self._reached |= moved
        self._sink.seen([one for part in found.values() for one in part], moved)

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
