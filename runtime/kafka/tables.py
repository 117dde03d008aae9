"""All compacted topics of a process behind one reader: whole first, then each change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TypeVar

from kafka import KafkaAdminClient
from kafka import TopicPartition as ClientPartition
from kafka.errors import KafkaError

from runtime.broker import Received, TableListener, TopicPartition
from runtime.kafka.admin import end_offsets
from runtime.kafka.client import Untyped, build, no_topic, patiently
from runtime.kafka.connection import client_arguments
from runtime.kafka.failures import broker_error
from runtime.kafka.follower import Follower, Positions
from runtime.kafka.worker import Worker, on_loop
from runtime.settings import Settings
from schemas.errors import HooklineError, IllegalStepError

T = TypeVar("T")


class KafkaTables:
    """`runtime.broker.Tables` over a following thread and an admin that knows the ends."""

    def __init__(self, settings: Settings) -> None:
        """Reads nothing yet."""
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._listeners: dict[str, list[TableListener]] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._waiting: list[tuple[dict[TopicPartition, int], asyncio.Future[None]]] = []
        self._worker = Worker("hookline-tables")
        self._admin: Untyped = None
        self._follower: Follower | None = None
        self._failure: HooklineError | None = None
        self._stopped: asyncio.Future[None] | None = None

    def follow(self, topic: str, listener: TableListener) -> None:
        """Register a topic before `start`."""
        if self._follower is not None:
            raise IllegalStepError(f"{topic} must be followed before the tables are started")
        self._listeners.setdefault(topic, []).append(listener)

    async def start(self) -> None:
        """Read every topic to its end as of now; listeners have seen it all on return."""
        loop = asyncio.get_running_loop()
        self._stopped = loop.create_future()
        if not self._listeners:
            self._stopped.set_result(None)
            return
        await self._ask(self._connect)
        await self._check(self._listeners)
        self._follower = Follower(self._settings, self._listeners, _Relay(loop, self))
        self._follower.start()
        await self._reach(await self._ask(lambda: self._ends(self._listeners)))

    async def catch_up(self, topic: str) -> None:
        """Wait until everything committed to `topic` before this call has been seen."""
        if topic not in self._listeners or self._follower is None:
            raise IllegalStepError(f"{topic} is not followed, or the tables were not started")
        await self._reach(await self._ask(lambda: self._ends([topic])))

    async def close(self) -> None:
        """Stop following and free everything."""
        if self._follower is not None and self._stopped is not None:
            self._follower.stop()
            await self._stopped
        if self._admin is not None:
            admin, self._admin = self._admin, None
            await self._worker.run(admin.close)
        self._worker.close()
        self.fail(IllegalStepError("the tables were closed"))

    # ---------------------------------------------------------- on the loop, called by the relay

    def see(self, records: list[Received], positions: Positions) -> None:
        """Tell the listeners, then those who wait for a position."""
        for record in records:
            if record.key is not None:
                for listener in self._listeners[record.topic]:
                    listener(record.key, record.value, record)
        self._positions.update(positions)
        waiting, self._waiting = self._waiting, []
        for ends, reached in waiting:
            if self._behind(ends):
                self._waiting.append((ends, reached))
            elif not reached.done():
                reached.set_result(None)

    def fail(self, error: Exception) -> None:
        """Whoever waits is told."""
        if not isinstance(error, HooklineError):
            error = broker_error(error, "reading the tables", self._servers)
        self._failure = error
        for _, reached in self._waiting:
            if not reached.done():
                reached.set_exception(error)
        self._waiting.clear()

    def stopped(self) -> None:
        """The thread has ended."""
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(None)

    # ---------------------------------------------------------------------------------- the rest

    async def _reach(self, ends: dict[TopicPartition, int]) -> None:
        """Wait until everything before these offsets has been told."""
        if self._failure is not None:
            raise self._failure
        if self._behind(ends):
            reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((ends, reached))
            await reached

    def _behind(self, ends: dict[TopicPartition, int]) -> bool:
        return any(self._positions.get(partition, 0) < end for partition, end in ends.items())

    async def _check(self, topics: Collection[str]) -> None:
        missing = await self._ask(lambda: self._missing(topics))
        if missing:
            raise no_topic(missing)

    async def _ask(self, call: Callable[[], T]) -> T:
        try:
            timeout_s = self._settings.kafka_request_timeout_ms / 1000
            return await self._worker.run(lambda: patiently(call, timeout_s))
        except KafkaError as error:
            text = f"reading the tables {', '.join(sorted(self._listeners))}"
            raise broker_error(error, text, self._servers) from error

    # Everything below runs on the worker's thread.

    def _connect(self) -> None:
        self._admin = build(KafkaAdminClient, client_arguments(self._settings))

    def _described(self, topics: Collection[str]) -> list[Untyped]:
        return list(self._admin.describe_topics(sorted(topics)))

    def _missing(self, topics: Collection[str]) -> list[str]:
        return [one["name"] for one in self._described(topics) if one["error_code"]]

    def _ends(self, topics: Collection[str]) -> dict[TopicPartition, int]:
        """The ends, open transactions included: what was committed behind one counts too."""
        partitions = [
            ClientPartition(one["name"], part["partition_index"])
            for one in self._described(topics)
            for part in one["partitions"]
        ]
        ends = end_offsets(self._admin, partitions)
        return {TopicPartition(*partition): end for partition, end in ends.items()}


class _Relay:
    """Brings the follower's reports to the loop; its methods are called on its thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tables: KafkaTables) -> None:
        self._loop = loop
        self._tables = tables

    def seen(self, records: list[Received], positions: Positions) -> None:
        on_loop(self._loop, self._tables.see, records, positions)

    def failed(self, error: Exception) -> None:
        on_loop(self._loop, self._tables.fail, error)

    def stopped(self) -> None:
        on_loop(self._loop, self._tables.stopped)
