"""The thread that owns a group's consumer: polls without pause, rebuilds it after any failure."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from runtime.bridge.failures import Dialect, no_topic
from runtime.bridge.handover import Polled, Positions, RebalanceSink, Relay, Seek
from runtime.bridge.inbox import Inbox
from runtime.broker import Position, Received, TopicPartition
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, HooklineError

log = get_logger(__name__)

POLL_S = 0.1
MAX_POLL_RECORDS = 500
#: Failures of `poll` in a row, without a record between them, after which the consumer gives up:
#: with the pauses below about 20 s, far longer than a flipped bit on the wire.
MOST_FAILURES = 8
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
#: Topics made a moment ago may not be known to every broker yet.
TOPICS_WAIT_S = 5.0

#: Who a member is in its group's present generation; only its own client can read it.
Membership: TypeAlias = Any


class GroupClient(Protocol):
    """A client's consumer in a group; all calls but two are made on the polling thread.

    A rebalance is told to the sink from inside `poll`, `hold` or `close`; a revocation is waited
    for there, for the budget at most.
    """

    def missing(self, topics: Collection[str]) -> list[str]:
        """Which of these topics the broker does not know."""

    def join(self) -> None:
        """Become a member with the polls that follow."""

    def poll(self, limit: int, timeout_s: float) -> Mapping[TopicPartition, list[Received]]:
        """Up to so many records, as soon as there is one; empty after the timeout."""

    def hold(self) -> None:
        """Stay in the group and receive nothing; called every `POLL_S` while there is no room."""

    def pause_only(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch everything that is ours but these."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Poll this partition from the offset on."""

    def assignment(self) -> Collection[TopicPartition]:
        """What is ours."""

    def abandon(self) -> None:
        """Close without telling the sink anything any more."""

    def close(self) -> None:
        """Leave the group (the sink is asked to give up the partitions first) and free all."""

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit exactly these; on the loop."""

    def membership(self) -> Membership:
        """For a transaction; on the loop, does not block."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """How one client joins groups.

    Attributes:
        connect: Makes a consumer for a group and topics; raises if there is no broker.
        dialect: How the client says what went wrong.
    """

    connect: Callable[[str, Collection[str], RebalanceSink], GroupClient]
    dialect: Dialect


class Poller:
    """Owns the consumer from its making to its end."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        topics: Collection[str],
        grouping: Grouping,
        inbox: Inbox,
        relay: Relay,
    ) -> None:
        """Starts nothing yet."""
        self._settings = settings
        self._group = group
        self._topics = sorted(topics)
        self._grouping = grouping
        self._inbox = inbox
        self._relay = relay
        self._thread = threading.Thread(target=self._live, name=f"poll-{group}", daemon=True)
        self._wake = threading.Event()
        self._stopping = False
        self._seeks: deque[Seek] = deque()
        self._marks: dict[TopicPartition, int] = {}
        self._epoch = 0
        self._failures = 0
        #: The client, while there is one; its thread-safe parts are used from the loop.
        self.client: GroupClient | None = None

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

    # ------------------------------------------ for the client, while `poll` waits for the sink

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
        except self._grouping.dialect.raised as error:
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
            client = self.client if self.client is not None else self._connect()
            while not self._stopping:
                self._cycle(client)
        except Exception as error:  # noqa: BLE001 - whatever it was, only a new consumer helps
            if self._grouping.dialect.is_hopeless(error):
                self._give_up(error)
                return
            # A corrupt batch, for one, is raised again by each further poll, without an end.
            connected = self.client is not None
            self._failures += connected
            event = "broker.consumer_rebuilt" if connected else "broker.unreachable"
            why = self._grouping.dialect.reason(error)
            log.warning(event, group=self._group, error=why, failures=self._failures)
            if self._failures >= MOST_FAILURES:
                self._give_up(error)
            else:
                self._throw_away()
                self._rest()

    def _give_up(self, error: Exception) -> None:
        self._throw_away()
        self._relay.failed(self._error(error, "reading"))
        self._stopping = True

    def _connect(self) -> GroupClient:
        self.client = client = self._grouping.connect(self._group, self._topics, self)
        self._find_topics(client)
        client.join()
        return client

    def _find_topics(self, client: GroupClient) -> None:
        """Know the topics before joining: a leader that does not shares out nothing, and stays so."""
        deadline = time.monotonic() + TOPICS_WAIT_S
        while missing := client.missing(self._topics):
            if self._stopping or time.monotonic() > deadline:
                raise no_topic(missing)
            self._wake.wait(0.1)

    def _cycle(self, client: GroupClient) -> None:
        """One poll, with what the loop wants done before it."""
        self._wake.clear()
        self._do_seeks(client)
        room = self._settings.fetch_buffer_records - self._inbox.waiting(self._relay.handed)
        if room <= 0:
            # Polling goes on, for that is what keeps us in the group; there is nothing to wait
            # for at the client, only for the loop.
            client.hold()
            self._wake.wait(POLL_S)
            return
        client.pause_only(self._inbox.paused)
        found = client.poll(min(room, MAX_POLL_RECORDS), POLL_S)
        if found:
            self._failures = 0
            marks = self._marks
            self._relay.polled(
                self._epoch,
                [Polled(at, marks.get(at, 0), records) for at, records in found.items()],
            )

    def _do_seeks(self, client: GroupClient) -> None:
        while self._seeks:
            seek = self._seeks.popleft()
            if seek.epoch == self._epoch and seek.partition in client.assignment():
                client.seek(seek.partition, seek.offset)
                self._marks[seek.partition] = seek.mark
            seek.done()

    def _throw_away(self) -> None:
        """Close the consumer without a word to the service but that its partitions are lost."""
        client, self.client = self.client, None
        self._drop_seeks()
        if client is None:
            return
        lost = frozenset(client.assignment())
        if lost:
            self.were_lost(lost)
        client.abandon()

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
            self.client.close()
            self.client = None

    def _drop_seeks(self) -> None:
        while self._seeks:
            self._seeks.popleft().done()

    def _error(self, error: Exception, doing: str) -> BrokerError:
        text = f"{doing} {', '.join(self._topics)} as group {self._group}"
        servers = self._settings.kafka_bootstrap_servers
        return self._grouping.dialect.broker_error(error, text, servers)
