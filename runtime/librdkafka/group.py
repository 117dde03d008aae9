"""The client's consumer in a group."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from runtime.bridge.handover import RebalanceSink
from runtime.bridge.watchdog import Watchdog
from runtime.broker import Position, Received, TopicPartition
from runtime.librdkafka.answers import tell
from runtime.librdkafka.connection import consumer_configuration, reach
from runtime.librdkafka.failures import PASSING, Trouble, code_of
from runtime.librdkafka.offsets import checked, client_offsets, client_partitions, ours
from runtime.librdkafka.records import by_partition
from runtime.settings import Settings

_Commit = tuple[list[ClientPartition], "asyncio.Future[None]"]

WATCH_S = 15.0
#: How long a commit may wait for the thread that polls.
STEP_S = 0.02
#: The same in a revocation, which waits for the service.
COMMIT_WAIT_S = 0.002
#: So long there may be no room before fetching is paused, which drops what the client has fetched.
PATIENCE_S = 0.2
#: A partition assigned a moment ago cannot be sought in yet.
SEEK_WAIT_S = 5.0
#: Said in passing: the client goes on by itself, or by the next poll.
HARMLESS = PASSING | {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
}


class LibrdkafkaGroup:
    """`runtime.bridge.poller.GroupClient` over one consumer, thrown away after any failure."""

    def __init__(
        self, settings: Settings, group: str, topics: Collection[str], sink: RebalanceSink
    ) -> None:
        """Connects; joins nothing yet."""
        session_ms = settings.kafka_session_timeout_ms
        self._trouble = Trouble()
        self.raw = Consumer(
            consumer_configuration(settings, self._trouble)
            | {
                "group.id": group,
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": max(300, session_ms // 4),
                "max.poll.interval.ms": settings.kafka_max_poll_interval_ms,
                # By range, topics with the same number of partitions are shared out alike: who
                # has partition 3 of one has partition 3 of all.
                "partition.assignment.strategy": "range",
            }
        )
        self._topics = sorted(topics)
        self._sink = sink
        self._timeout_s = settings.kafka_request_timeout_ms / 1000
        self._budget_s = settings.rebalance_budget_ms / 1000
        self._commits: deque[_Commit] = deque()
        self._closed = False
        self._muted = False
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._paused: frozenset[TopicPartition] = frozenset()
        self._at: dict[TopicPartition, int] = {}
        self._rebalances = 0
        self._full_since: float | None = None
        self._kept: list[Message] = []
        self._membership: Any = None
        self._watchdog = Watchdog(WATCH_S)
        reach(self.raw, self._trouble, settings)

    def missing(self, topics: Collection[str]) -> list[str]:
        """Which of these topics the broker does not know."""
        there = self.raw.list_topics(timeout=self._timeout_s).topics
        return [one for one in topics if one not in there or there[one].error is not None]

    def join(self) -> None:
        """Become a member with the polls that follow."""
        self.raw.subscribe(
            self._topics,
            on_assign=self._on_assigned,
            on_revoke=self._on_revoked,
            on_lost=self._on_lost,
        )
        self._watchdog.progress()

    def poll(self, limit: int, timeout_s: float) -> Mapping[TopicPartition, list[Received]]:
        """Up to so many records, as soon as there is one; empty after the timeout."""
        self._full_since = None
        kept, self._kept = self._kept, []
        # `consume` would wait for all of them.
        first = self._first(0 if kept else timeout_s)
        self._trouble.check()
        if first is None and not kept:
            self._watchdog.look(self._behind)
            return {}
        before = self._rebalances
        more = self.raw.consume(limit - 1, 0) if limit > 1 and first is not None else []
        if self._rebalances != before:
            # Of the assignment that has just ended: whoever has the partitions now reads them.
            return {}
        found = self._heed([*kept, *([first] if first is not None else []), *more])
        for at, records in found.items():
            self._at[at] = records[-1].offset + 1
        if found:
            self._watchdog.progress()
        return found

    def hold(self) -> None:
        """Stay in the group and receive nothing."""
        self._commit()
        now = time.monotonic()
        if self._full_since is None:
            self._full_since = now
        if now - self._full_since < PATIENCE_S:
            return
        self._pause(self._assigned)
        message = self.raw.poll(0)
        self._trouble.check()
        if message is not None:
            self._kept.append(message)

    def pause_only(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch everything that is ours but these."""
        self._pause(self._assigned.intersection(partitions))

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Poll this partition from the offset on."""
        self._kept = [one for one in self._kept if (one.topic(), one.partition()) != partition]
        deadline = time.monotonic() + SEEK_WAIT_S
        while True:
            try:
                self.raw.seek(ClientPartition(*partition, offset))
            except KafkaException as error:
                if code_of(error) != KafkaError._STATE or time.monotonic() > deadline:  # noqa: SLF001
                    raise
                time.sleep(0.01)
            else:
                self._at[partition] = offset
                return

    def assignment(self) -> Collection[TopicPartition]:
        """What is ours."""
        return self._assigned

    def abandon(self) -> None:
        """Close without telling the sink anything any more."""
        self._muted = True
        self._let_go()

    def close(self) -> None:
        """Leave the group (the sink is asked to give up the partitions first) and free all."""
        if self._assigned:
            self._give_up(self._assigned)
        self._muted = True
        self._let_go()

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit exactly these; on the loop."""
        if self._closed:
            raise RuntimeError("the consumer was closed")
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # From any other thread it would wait for an answer that the polling one swallows.
        self._commits.append((client_offsets(positions), answer))
        await answer

    def membership(self) -> Any:
        """For a transaction: as of the assignment.

        The client's own at any later time could be one that the broker does not look at.
        """
        return self._membership

    def _first(self, timeout_s: float) -> Message | None:
        """The first message, in steps between which commits are made."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._commit()
            left = max(0.0, min(STEP_S, deadline - time.monotonic()))
            message = self.raw.poll(left)
            if message is not None or time.monotonic() >= deadline:
                return message

    def _let_go(self) -> None:
        self._closed = True
        self.raw.close()
        while self._commits:
            _, answer = self._commits.popleft()
            tell(answer, RuntimeError("the consumer was closed"))

    def _commit(self) -> None:
        while self._commits:
            offsets, answer = self._commits.popleft()
            try:
                checked(self.raw.commit(offsets=offsets, asynchronous=False) or ())
            except (KafkaException, RuntimeError) as error:
                tell(answer, error)
            else:
                tell(answer, None)

    def _heed(self, messages: Iterable[Message]) -> dict[TopicPartition, list[Received]]:
        """The records among what was polled.

        Raises:
            KafkaException: There was something among it after which the client would go on with
                records left out; those before it come again.
        """
        records = []
        for message in messages:
            if (error := message.error()) is None:
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                self._at[TopicPartition(message.topic() or "", message.partition() or 0)] = (
                    message.offset() or 0
                )
            elif error.code() not in HARMLESS:
                raise KafkaException(error)
        return by_partition(records)

    def _behind(self) -> dict[TopicPartition, int]:
        behind = {}
        for partition in sorted(self._assigned - self._paused):
            try:
                asked = ClientPartition(*partition)
                marks = self.raw.get_watermark_offsets(asked, timeout=self._timeout_s)
            except KafkaException:
                return {}  # no broker, no progress: nothing that a new consumer could mend
            at = self._at.get(partition, 0)
            if at < marks[1]:
                behind[partition] = at
        return behind

    def _pause(self, wanted: frozenset[TopicPartition]) -> None:
        if wanted == self._paused:
            return
        if wanted - self._paused:
            self.raw.pause(client_partitions(wanted - self._paused))
        if self._paused - wanted:
            self.raw.resume(client_partitions(self._paused - wanted))
        self._paused = wanted

    # -------------------------------------------------------- called by the client, inside a poll

    def _on_assigned(self, raw: Consumer, partitions: list[ClientPartition]) -> None:
        """Read what the group has committed, then tell; the service is not waited for."""
        if self._muted:
            return
        # Waits until no transaction of the previous owner is open on these offsets.
        committed = checked(raw.committed(partitions, timeout=self._timeout_s))
        positions = {
            ours(one): Position(one.offset, one.metadata or "") if one.offset >= 0 else None
            for one in sorted(committed, key=lambda one: (one.topic, one.partition))
        }
        starts = {
            at: position.offset if position is not None else OFFSET_BEGINNING
            for at, position in positions.items()
        }
        raw.assign([ClientPartition(*at, offset) for at, offset in starts.items()])
        self._rebalances += 1
        self._membership = raw.consumer_group_metadata()
        self._assigned, self._paused = frozenset(positions), frozenset()
        self._at = {at: max(0, offset) for at, offset in starts.items()}
        self._kept = []
        if positions:
            self._sink.now_assigned(positions)

    def _on_revoked(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        """Tell, and wait until the service has finished, at most for the budget."""
        if not self._muted and partitions:
            self._give_up(frozenset(map(ours, partitions)))

    def _on_lost(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        """Tell; there is nothing to wait for."""
        if not self._muted and partitions:
            self._forget()
            self._sink.were_lost(frozenset(map(ours, partitions)))

    def _give_up(self, partitions: frozenset[TopicPartition]) -> None:
        finished = threading.Event()
        self._sink.being_revoked(partitions, finished.set)
        deadline = time.monotonic() + self._budget_s
        while not finished.wait(COMMIT_WAIT_S) and time.monotonic() < deadline:
            self._commit()
        self._forget()

    def _forget(self) -> None:
        self._rebalances += 1
        self._assigned, self._paused, self._kept = frozenset(), frozenset(), []
