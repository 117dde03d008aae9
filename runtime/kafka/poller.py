"""The thread that owns a group's consumer: polls without pause, rebuilds it after any failure."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kafka import KafkaConsumer
from kafka import TopicPartition as ClientPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError

from runtime.broker import Received, TopicPartition
from runtime.kafka.connection import build, consumer_arguments
from runtime.kafka.failures import HOPELESS, broker_error, reason
from runtime.kafka.rebalance import Positions, RebalanceBridge
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, ConfigurationError, HooklineError

log = get_logger(__name__)

POLL_MS = 100
MAX_POLL_RECORDS = 500
#: Failures of `poll` in a row, without a record between them, after which the consumer gives up:
#: with the pauses below about 20 s, far longer than a flipped bit on the wire.
MOST_FAILURES = 8
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
#: Between two looks for lag without progress; the second look that sees the same rebuilds.
WATCH_S = 15.0
#: Topics made a moment ago may not be known to every broker yet.
TOPICS_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll gave of one partition.

    Attributes:
        mark: The last seek that was done before it was polled; 0 for none.
    """

    partition: TopicPartition
    mark: int
    records: list[Received]


@dataclass(frozen=True, slots=True)
class Seek:
    """Asked for by the loop; done by the thread unless the assignment has changed since."""

    epoch: int
    partition: TopicPartition
    offset: int
    mark: int
    done: Callable[[], None]


class PollerSink(Protocol):
    """Where the poller reports; every call comes from another thread and returns at once."""

    def polled(self, epoch: int, polled: list[Polled]) -> None:
        """Records of the assignment with this number."""

    def assigned(self, epoch: int, positions: Positions) -> None:
        """A new assignment, with its number."""

    def revoking(
        self, epoch: int, partitions: Collection[TopicPartition], done: Callable[[], None]
    ) -> None:
        """An assignment is about to end."""

    def lost(self, epoch: int, partitions: Collection[TopicPartition]) -> None:
        """An assignment has ended."""

    def started(self, error: HooklineError | None) -> None:
        """The first connection stands, or there is none."""

    def failed(self, error: HooklineError) -> None:
        """The consumer failed for good."""

    def stopped(self) -> None:
        """The thread ends."""

    def room(self) -> int:
        """How many records may still be polled."""

    def paused(self) -> frozenset[TopicPartition]:
        """The partitions that shall not be polled."""


class _Stuck(Exception):  # noqa: N818 - not an error of anybody's, a reason to rebuild
    """There is lag and nothing comes."""


class Poller:
    """Owns the consumer from its making to its end; all its methods but `_*` are for the loop."""

    def __init__(
        self, settings: Settings, group: str, topics: Collection[str], sink: PollerSink
    ) -> None:
        """Starts nothing yet."""
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._group = group
        self._topics = sorted(topics)
        self._sink = sink
        self._thread = threading.Thread(target=self._live, name=f"poll-{group}", daemon=True)
        self._wake = threading.Event()
        self._stopping = False
        self._seeks: deque[Seek] = deque()
        self._marks: dict[TopicPartition, int] = {}
        self._epoch = 0
        self._failures = 0
        self._bridge: RebalanceBridge | None = None
        self._watched_at = 0.0
        self._lagging: Mapping[Any, int] = {}
        self.watch_s = WATCH_S
        #: The client, as long as there is one; its thread-safe parts are used from the loop.
        self.client: Any = None

    def start(self) -> None:
        """Begin; `started` tells how it went."""
        self._thread.start()

    def stop(self) -> None:
        """End; `stopped` tells when."""
        self._stopping = True
        self._wake.set()

    def wake(self) -> None:
        """There is something new to look at: room, a pause, a seek."""
        self._wake.set()

    def seek(self, seek: Seek) -> None:
        """Queue a seek."""
        self._seeks.append(seek)
        self._wake.set()

    # ------------------------------------------------------------------ the sink of the bridge

    def now_assigned(self, positions: Positions) -> None:
        """On the client's thread, while `poll` waits for it."""
        self._epoch += 1
        self._sink.assigned(self._epoch, positions)

    def being_revoked(
        self, partitions: Collection[TopicPartition], done: Callable[[], None]
    ) -> None:
        """On the client's thread, while `poll` (or `close`) waits for it."""
        self._epoch += 1
        self._marks.clear()
        self._sink.revoking(self._epoch, partitions, done)

    def were_lost(self, partitions: Collection[TopicPartition]) -> None:
        """On the client's thread, while `poll` waits for it; or on ours before a rebuild."""
        self._epoch += 1
        self._marks.clear()
        self._sink.lost(self._epoch, partitions)

    # ------------------------------------------------------------------------------ the thread

    def _live(self) -> None:
        try:
            if self._begin():
                while not self._stopping:
                    self._go()
        finally:
            self._end()
            self._sink.stopped()

    def _begin(self) -> bool:
        """The first connection: its failure is the caller's."""
        try:
            self._connect()
            self._find_topics()
        except KafkaError as error:
            self._sink.started(self._error(error, "connecting"))
        except HooklineError as error:
            self._sink.started(error)
        else:
            self._sink.started(None)
            return True
        return False

    def _go(self) -> None:
        """Poll until something fails, then make a new consumer."""
        try:
            if self.client is None:
                self._connect()
            while not self._stopping:
                self._cycle()
        except HOPELESS as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - a poll that failed once would fail for ever
            # "On any exception from poll: close and rebuild": a corrupt batch, for one, is
            # raised again by each further poll without an end.
            connected = self.client is not None
            self._failures += connected
            log.warning(
                "broker.consumer_rebuilt" if connected else "broker.unreachable",
                group=self._group,
                error=reason(error),
                failures=self._failures,
            )
            if self._failures >= MOST_FAILURES:
                self._give_up(error)
            else:
                self._throw_away()
                self._rest()

    def _give_up(self, error: Exception) -> None:
        self._throw_away()
        self._sink.failed(self._error(error, "reading"))
        self._stopping = True

    def _connect(self) -> None:
        arguments = consumer_arguments(self._settings) | {
            "group_id": self._group,
            "session_timeout_ms": self._settings.kafka_session_timeout_ms,
            "heartbeat_interval_ms": max(300, self._settings.kafka_session_timeout_ms // 4),
            "max_poll_interval_ms": self._settings.kafka_max_poll_interval_ms,
            # By range, topics with the same number of partitions are shared out alike: who
            # has partition 3 of one has partition 3 of all.
            "partition_assignment_strategy": [RangePartitionAssignor],
        }
        client = build(KafkaConsumer, arguments)
        self._bridge = RebalanceBridge(
            client,
            self,
            self._settings.rebalance_budget_ms / 1000,
            self._settings.kafka_request_timeout_ms,
        )
        client.subscribe(self._topics, listener=self._bridge)
        self._watched_at = time.monotonic()
        self._lagging = {}
        self.client = client

    def _find_topics(self) -> None:
        deadline = time.monotonic() + TOPICS_WAIT_S
        while missing := [one for one in self._topics if not self.client.partitions_for_topic(one)]:
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"Kafka at {','.join(self._servers)} has no topic {', '.join(missing)};"
                    " `hookline topics create` makes what is missing"
                )
            self._wake.wait(0.1)

    def _cycle(self) -> None:
        """One poll, with what the loop wants done before it."""
        self._wake.clear()
        self._do_seeks()
        room = self._sink.room()
        self._pause(full=room <= 0)
        if room <= 0:
            # Polling goes on, for that is what keeps us in the group; there is nothing to wait
            # for at the client, only for the loop.
            self.client.poll(timeout_ms=0, max_records=1)
            self._wake.wait(POLL_MS / 1000)
            return
        found = self.client.poll(timeout_ms=POLL_MS, max_records=min(room, MAX_POLL_RECORDS))
        if found:
            self._failures = 0
            self._watched_at = time.monotonic()
            self._lagging = {}
            self._sink.polled(self._epoch, [self._polled(*part) for part in found.items()])
        elif time.monotonic() - self._watched_at > self.watch_s:
            self._watch()

    def _polled(self, partition: Any, records: list[Any]) -> Polled:  # noqa: ANN401
        ours = TopicPartition(*partition)
        topic, number = ours
        return Polled(
            ours,
            self._marks.get(ours, 0),
            [
                Received(topic, number, one.offset, one.timestamp, one.key, one.value, headers(one))
                for one in records
            ],
        )

    def _do_seeks(self) -> None:
        while self._seeks:
            seek = self._seeks.popleft()
            partition = ClientPartition(*seek.partition)
            if seek.epoch == self._epoch and partition in self.client.assignment():
                self.client.seek(partition, seek.offset)
                self._marks[seek.partition] = seek.mark
            seek.done()

    def _pause(self, *, full: bool) -> None:
        assigned = self.client.assignment()
        wanted = assigned if full else assigned & self._sink.paused()
        paused = self.client.paused()
        if wanted == paused:
            return
        try:
            self.client.pause(*(wanted - paused))
            self.client.resume(*(paused - wanted))
        except KeyError:
            # A rebalance came in between; the next cycle sees the new assignment.
            log.debug("broker.pause_missed", group=self._group)

    def _watch(self) -> None:
        """Look for lag without progress; the second time the same is seen it counts."""
        self._watched_at = time.monotonic()
        active = sorted(self.client.assignment() - self.client.paused())
        if not active:
            return
        try:
            ends = self.client.end_offsets(active, timeout_ms=5_000)
            at = {one: self.client.position(one, timeout_ms=1_000) for one in active}
        except KafkaError:
            return  # no broker, no progress: nothing that a new consumer could mend
        lagging = {
            one: offset for one, offset in at.items() if offset is not None and offset < ends[one]
        }
        if lagging and lagging == self._lagging:
            raise _Stuck(f"no progress for {2 * self.watch_s:g} s at {lagging}")
        self._lagging = lagging

    def _throw_away(self) -> None:
        """Close the consumer without a word to the service but that its partitions are lost."""
        client, self.client = self.client, None
        while self._seeks:
            self._seeks.popleft().done()
        if client is None:
            return
        if self._bridge is not None:
            self._bridge.mute()
        lost = frozenset(TopicPartition(*one) for one in client.assignment())
        if lost:
            self.were_lost(lost)
        close_consumer(client, timeout_ms=2_000)

    def _rest(self) -> None:
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** max(0, self._failures - 1))
        if self._failures == 0:
            pause_s = 1.0  # there is no broker to connect to
        deadline = time.monotonic() + pause_s
        while not self._stopping and (left := deadline - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def _end(self) -> None:
        """Leave the group; the service is asked to give up its partitions first."""
        while self._seeks:
            self._seeks.popleft().done()
        if self.client is not None:
            close_consumer(self.client, timeout_ms=5_000)
            self.client = None

    def _error(self, error: Exception, doing: str) -> BrokerError:
        text = f"{doing} {', '.join(self._topics)} as group {self._group}"
        return broker_error(error, text, self._servers)


def headers(record: Any) -> tuple[tuple[str, bytes], ...]:  # noqa: ANN401 - untyped client
    """A record's headers; a null value, which Kafka allows, is read as empty."""
    return tuple((name, value if value is not None else b"") for name, value in record.headers)


def close_consumer(client: Any, timeout_ms: int) -> None:  # noqa: ANN401 - untyped client
    """Close whatever state it is in; its threads end in any case."""
    try:
        client.close(autocommit=False, timeout_ms=timeout_ms)
    except (KafkaError, RuntimeError, OSError) as error:
        log.info("broker.close_failed", error=reason(error))
        client._client.close()  # noqa: SLF001 - `close` did not get that far
