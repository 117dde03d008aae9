"""All compacted topics of a process behind one reader: whole first, then each change."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from runtime.bridge.administering import AdminDesk
from runtime.bridge.follower import Follower, Reached
from runtime.bridge.scanning import Reading
from runtime.bridge.worker import on_loop
from runtime.broker import Received, TableListener, TopicPartition
from runtime.settings import Settings
from schemas.errors import HooklineError, IllegalStepError


class FollowedTables:
    """`runtime.broker.Tables` over a following thread and an admin that knows the ends."""

    def __init__(self, settings: Settings, reading: Reading, admin: AdminDesk) -> None:
        """Reads nothing yet; the admin is closed with the tables."""
        self._servers = settings.kafka_bootstrap_servers
        self._reading = reading
        self._admin = admin
        self._listeners: dict[str, list[TableListener]] = {}
        self._reached: dict[TopicPartition, int] = {}
        self._waiting: list[tuple[dict[TopicPartition, int], asyncio.Future[None]]] = []
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
        ends = await self._ends(self._listeners)
        self._follower = Follower(self._reading, self._listeners, _Relay(loop, self))
        self._follower.start()
        await self._reach(ends)

    async def catch_up(self, topic: str) -> None:
        """Wait until everything committed to `topic` before this call has been seen."""
        if topic not in self._listeners or self._follower is None:
            raise IllegalStepError(f"{topic} is not followed, or the tables were not started")
        await self._reach(await self._ends([topic]))

    async def close(self) -> None:
        """Stop following and free everything."""
        if self._follower is not None and self._stopped is not None:
            self._follower.stop()
            await self._stopped
        await self._admin.close()
        self.fail(IllegalStepError("the tables were closed"))

    # ---------------------------------------------------------- on the loop, called by the relay

    def see(self, records: list[Received], reached: Reached) -> None:
        """Tell the listeners, then those who wait for an offset."""
        for record in records:
            if record.key is not None:
                for listener in self._listeners[record.topic]:
                    listener(record.key, record.value, record)
        self._reached.update(reached)
        waiting, self._waiting = self._waiting, []
        for ends, done in waiting:
            if self._behind(ends):
                self._waiting.append((ends, done))
            elif not done.done():
                done.set_result(None)

    def fail(self, error: Exception) -> None:
        """Whoever waits is told."""
        if not isinstance(error, HooklineError):
            error = self._reading.dialect.broker_error(error, "reading the tables", self._servers)
        self._failure = error
        for _, done in self._waiting:
            if not done.done():
                done.set_exception(error)
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
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((ends, done))
            await done

    def _behind(self, ends: dict[TopicPartition, int]) -> bool:
        return any(self._reached.get(partition, 0) < end for partition, end in ends.items())

    async def _ends(self, topics: Collection[str]) -> dict[TopicPartition, int]:
        """The ends, open transactions included: what was committed behind one counts too."""
        doing = f"reading the tables {', '.join(sorted(self._listeners))}"
        return await self._admin.ask(
            doing, lambda client: client.ends(client.partitions(topics), settled=True)
        )


class _Relay:
    """Brings the follower's reports to the loop; its methods are called on its thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tables: FollowedTables) -> None:
        self._loop = loop
        self._tables = tables

    def seen(self, records: list[Received], reached: Reached) -> None:
        on_loop(self._loop, self._tables.see, records, reached)

    def failed(self, error: Exception) -> None:
        on_loop(self._loop, self._tables.fail, error)

    def stopped(self) -> None:
        on_loop(self._loop, self._tables.stopped)
