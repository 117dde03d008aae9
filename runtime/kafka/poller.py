"""The thread that owns a group's consumer: polls without pause, rebuilds it after any failure."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection

from kafka import KafkaConsumer
from kafka import TopicPartition as ClientPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError

from runtime.broker import Received, TopicPartition
from runtime.kafka.client import (
    Untyped,
    build,
    close_consumer,
    no_topic,
    unstick,
)
from runtime.kafka.connection import consumer_arguments
from runtime.kafka.failures import HOPELESS, broker_error, reason
from runtime.kafka.handover import Polled, Relay, Seek
from runtime.kafka.inbox import Inbox
from runtime.kafka.rebalance import Positions, RebalanceBridge
from runtime.kafka.unpacking import unpack
from runtime.kafka.watchdog import Watchdog
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, HooklineError

log = get_logger(__name__)

POLL_MS = 100
MAX_POLL_RECORDS = 500
#: Failures of `poll` in a row, without a record between them, after which the consumer gives up:
#: with the pauses below about 20 s, far longer than a flipped bit on the wire.
MOST_FAILURES = 8
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
WATCH_S = 15.0
#: Topics made a moment ago may not be known to every broker yet.
TOPICS_WAIT_S = 5.0


class Poller:
    """Owns the consumer from its making to its end."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        topics: Collection[str],
        inbox: Inbox,
        relay: Relay,
    ) -> None:
        """Starts nothing yet."""
        self._settings = settings
        self._group = group
        self._topics = sorted(topics)
        self._inbox = inbox
        self._relay = relay
        self._thread = threading.Thread(target=self._live, name=f"poll-{group}", daemon=True)
        self._wake = threading.Event()
        self._stopping = False
        self._seeks: deque[Seek] = deque()
        self._marks: dict[TopicPartition, int] = {}
        self._epoch = 0
        self._failures = 0
        self._bridge: RebalanceBridge | None = None
        self._watchdog = Watchdog(WATCH_S)
        #: The client, while there is one; its thread-safe parts are used from the loop.
        self.client: Untyped = None

    # -------------------------------------------------------------------------- for the loop

    def start(self) -> None:
        """Begin; the relay tells how it went."""
        self._thread.start()

    def stop(self) -> None:
        """End; the relay tells when."""
        self._stopping = True
        self._wake.set()

    def wake(self) -> None:
        """There is something new to look at: room, a pause, a seek."""
        self._wake.set()

    def seek(self, seek: Seek) -> None:
        """Queue a seek."""
        self._seeks.append(seek)
        self._wake.set()

    # ------------------------- for the bridge: on the client's thread, while `poll` waits for it

    def now_assigned(self, positions: Positions) -> None:
        """Partitions have come."""
        self._epoch += 1
        self._marks.clear()
        self._relay.assigned(self._epoch, positions)

    def being_revoked(
        self, partitions: Collection[TopicPartition], done: Callable[[], None]
    ) -> None:
        """Partitions are about to go; `poll`, or `close`, waits until `done`."""
        self._epoch += 1
        self._marks.clear()
        self._relay.revoking(self._epoch, partitions, done)

    def were_lost(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions are gone; also called by our own thread, before it rebuilds."""
        self._epoch += 1
        self._marks.clear()
        self._relay.lost(self._epoch, partitions)

    # ---------------------------------------------------------------------------- the thread

    def _live(self) -> None:
        try:
            if self._begin():
                while not self._stopping:
                    self._go()
        finally:
            self._end()
            self._relay.stopped()

    def _begin(self) -> bool:
        """The first connection: its failure is the caller's."""
        try:
            self._connect()
        except KafkaError as error:
            self._relay.started(self._error(error, "connecting"))
        except HooklineError as error:
            self._relay.started(error)
        else:
            self._relay.started(None)
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
        except Exception as error:  # noqa: BLE001 - whatever it was, only a new consumer helps
            # A corrupt batch, for one, is raised again by each further poll, without an end.
            connected = self.client is not None
            self._failures += connected
            event = "broker.consumer_rebuilt" if connected else "broker.unreachable"
            log.warning(event, group=self._group, error=reason(error), failures=self._failures)
            if self._failures >= MOST_FAILURES:
                self._give_up(error)
            else:
                self._throw_away()
                self._rest()

    def _give_up(self, error: Exception) -> None:
        self._throw_away()
        self._relay.failed(self._error(error, "reading"))
        self._stopping = True

    def _connect(self) -> None:
        session_ms = self._settings.kafka_session_timeout_ms
        arguments = consumer_arguments(self._settings) | {
            "group_id": self._group,
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": max(300, session_ms // 4),
            "max_poll_interval_ms": self._settings.kafka_max_poll_interval_ms,
            # By range, topics with the same number of partitions are shared out alike: who
            # has partition 3 of one has partition 3 of all.
            "partition_assignment_strategy": [RangePartitionAssignor],
        }
        client = unpack(build(KafkaConsumer, arguments))
        self._bridge = RebalanceBridge(
            client,
            self,
            self._settings.rebalance_budget_ms / 1000,
            self._settings.kafka_request_timeout_ms,
        )
        self.client = client
        client.subscribe(self._topics, listener=self._bridge)
        self._find_topics()
        self._watchdog.progress()

    def _find_topics(self) -> None:
        """Know the topics before joining: a leader that does not shares out nothing, and stays so."""
        deadline = time.monotonic() + TOPICS_WAIT_S
        while missing := [one for one in self._topics if not self.client.partitions_for_topic(one)]:
            if self._stopping or time.monotonic() > deadline:
                raise no_topic(missing)
            self._wake.wait(0.1)

    def _cycle(self) -> None:
        """One poll, with what the loop wants done before it."""
        self._wake.clear()
        self._do_seeks()
        room = self._settings.fetch_buffer_records - self._inbox.waiting(self._relay.handed)
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
            self._watchdog.progress()
            self._relay.polled(self._epoch, [self._polled(*part) for part in found.items()])
        else:
            self._watchdog.look(self.client)

    def _polled(self, partition: Untyped, records: list[Received]) -> Polled:
        ours = TopicPartition(*partition)
        return Polled(ours, self._marks.get(ours, 0), records)

    def _do_seeks(self) -> None:
        while self._seeks:
            seek = self._seeks.popleft()
            partition = ClientPartition(*seek.partition)
            if seek.epoch == self._epoch and partition in self.client.assignment():
                self.client.seek(partition, seek.offset)
                self._marks[seek.partition] = seek.mark
            seek.done()

    def _pause(self, *, full: bool) -> None:
        unstick(self.client)
        assigned = self.client.assignment()
        # Not by `&`, which may pick our own equal tuples, that the client does not take.
        wanted = assigned if full else {one for one in assigned if one in self._inbox.paused}
        paused = self.client.paused()
        try:
            self.client.pause(*(wanted - paused))
            self.client.resume(*(paused - wanted))
        except KeyError:
            # A rebalance came in between; the next cycle sees the new assignment.
            log.debug("broker.pause_missed", group=self._group)

    def _throw_away(self) -> None:
        """Close the consumer without a word to the service but that its partitions are lost."""
        client, self.client = self.client, None
        self._drop_seeks()
        if client is None:
            return
        if self._bridge is not None:
            self._bridge.mute()
        lost = frozenset(TopicPartition(*one) for one in client.assignment())
        if lost:
            self.were_lost(lost)
        close_consumer(client, timeout_ms=2_000)

    def _rest(self) -> None:
        pause_s = 1.0  # there is no broker to connect to
        if self._failures:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._failures - 1))
        deadline = time.monotonic() + pause_s
        while not self._stopping and (left := deadline - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def _end(self) -> None:
        """Leave the group; the service is asked to give up its partitions first."""
        self._drop_seeks()
        if self.client is not None:
            close_consumer(self.client, timeout_ms=5_000)
            self.client = None

    def _drop_seeks(self) -> None:
        while self._seeks:
            self._seeks.popleft().done()

    def _error(self, error: Exception, doing: str) -> BrokerError:
        text = f"{doing} {', '.join(self._topics)} as group {self._group}"
        return broker_error(error, text, self._settings.kafka_bootstrap_servers)
