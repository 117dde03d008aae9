"""The client's consumer in a group."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from kafka import KafkaConsumer
from kafka import TopicPartition as ClientPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError

from runtime.bridge.handover import RebalanceSink
from runtime.bridge.watchdog import Watchdog
from runtime.bridge.worker import on_loop
from runtime.broker import Position, Received, TopicPartition
from runtime.kafka.client import Untyped, build, close_consumer, unstick
from runtime.kafka.connection import consumer_arguments
from runtime.kafka.offsets import client_offsets
from runtime.kafka.rebalance import RebalanceBridge
from runtime.kafka.unpacking import unpack
from runtime.logs import get_logger
from runtime.settings import Settings

log = get_logger(__name__)

WATCH_S = 15.0


class KafkaGroup:
    """`runtime.bridge.poller.GroupClient` over one consumer, thrown away after any failure."""

    def __init__(
        self, settings: Settings, group: str, topics: Collection[str], sink: RebalanceSink
    ) -> None:
        """Connects; joins nothing yet."""
        session_ms = settings.kafka_session_timeout_ms
        arguments = consumer_arguments(settings) | {
            "group_id": group,
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": max(300, session_ms // 4),
            "max_poll_interval_ms": settings.kafka_max_poll_interval_ms,
            # By range, topics with the same number of partitions are shared out alike: who
            # has partition 3 of one has partition 3 of all.
            "partition_assignment_strategy": [RangePartitionAssignor],
        }
        self._group = group
        self._timeout_ms = settings.kafka_request_timeout_ms
        self._watchdog = Watchdog(WATCH_S)
        self.raw: Untyped = unpack(build(KafkaConsumer, arguments))
        self._bridge = RebalanceBridge(
            self.raw, sink, settings.rebalance_budget_ms / 1000, self._timeout_ms
        )
        self.raw.subscribe(sorted(topics), listener=self._bridge)

    def missing(self, topics: Collection[str]) -> list[str]:
        """Which of these topics the broker does not know."""
        return [one for one in topics if not self.raw.partitions_for_topic(one)]

    def join(self) -> None:
        """Become a member with the polls that follow."""
        self._watchdog.progress()

    def poll(self, limit: int, timeout_s: float) -> Mapping[TopicPartition, list[Received]]:
        """Up to so many records, as soon as there is one; empty after the timeout."""
        found = self.raw.poll(timeout_ms=round(timeout_s * 1000), max_records=limit)
        if not found:
            self._watchdog.look(self._behind)
            return {}
        self._watchdog.progress()
        return {TopicPartition(*at): records for at, records in found.items()}

    def hold(self) -> None:
        """Stay in the group and receive nothing: what was fetched is kept."""
        self._pause(self.raw.assignment())
        self.raw.poll(timeout_ms=0, max_records=1)

    def pause_only(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch everything that is ours but these."""
        # Not by `&`, which may pick our own equal tuples, that the client does not take.
        self._pause({one for one in self.raw.assignment() if one in partitions})

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Poll this partition from the offset on."""
        self.raw.seek(ClientPartition(*partition), offset)

    def assignment(self) -> Collection[TopicPartition]:
        """What is ours."""
        return frozenset(TopicPartition(*one) for one in self.raw.assignment())

    def abandon(self) -> None:
        """Close without telling the sink anything any more."""
        self._bridge.mute()
        close_consumer(self.raw, timeout_ms=2_000)

    def close(self) -> None:
        """Leave the group (the sink is asked to give up the partitions first) and free all."""
        close_consumer(self.raw, timeout_ms=5_000)

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit exactly these; on the loop."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()

        def settle(outcome: object) -> None:
            on_loop(loop, _settle, answer, outcome)

        # The public `commit_async` reports success when it has only found the coordinator;
        # this is what `commit` runs, on the client's thread, without stopping the poll.
        sent = self.raw._manager.call_soon(  # noqa: SLF001
            self.raw._coordinator._commit_offsets_sync_async,  # noqa: SLF001
            client_offsets(positions),
            self._timeout_ms,
        )
        sent.add_callback(settle)
        sent.add_errback(settle)
        await answer

    def membership(self) -> Untyped:
        """For a transaction; on the loop, does not block."""
        return self.raw.group_metadata()

    def _behind(self) -> dict[TopicPartition, int]:
        active = sorted(self.raw.assignment() - self.raw.paused())
        if not active:
            return {}
        try:
            ends = self.raw.end_offsets(active, timeout_ms=5_000)
            at = {one: self.raw.position(one, timeout_ms=1_000) for one in active}
        except KafkaError:
            return {}  # no broker, no progress: nothing that a new consumer could mend
        return {
            TopicPartition(*one): offset
            for one, offset in at.items()
            if offset is not None and offset < ends[one]
        }

    def _pause(self, wanted: Collection[ClientPartition]) -> None:
        unstick(self.raw)
        paused = self.raw.paused()
        try:
            self.raw.pause(*(set(wanted) - paused))
            self.raw.resume(*(paused - set(wanted)))
        except KeyError:
            # A rebalance came in between; the next cycle sees the new assignment.
            log.debug("broker.pause_missed", group=self._group)


def _settle(answer: asyncio.Future[None], outcome: object) -> None:
    if answer.done():
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(None)
