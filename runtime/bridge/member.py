"""A group's member on the service's side: the port's Consumer over a polling thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from runtime.bridge.handover import Polled, Positions, Relay, Seek
from runtime.bridge.inbox import Inbox
from runtime.bridge.poller import GroupClient, Grouping, Membership, Poller
from runtime.bridge.worker import on_loop
from runtime.broker import Position, RebalanceListener, Received, TopicPartition
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, HooklineError, IllegalStepError

log = get_logger(__name__)

_Change = Callable[[], Awaitable[None]]
_Done = Callable[[], None]


class GroupMember:
    """`runtime.broker.Consumer`; what its poller reports is brought to the loop first."""

    def __init__(
        self, settings: Settings, group: str, topics: Collection[str], grouping: Grouping
    ) -> None:
        """Joins nothing yet."""
        self._settings = settings
        self._grouping = grouping
        self._uncommitted: tuple[type[Exception], ...] = (*grouping.dialect.raised, RuntimeError)
        self._group = group
        self._topics = topics
        self._budget_s = settings.rebalance_budget_ms / 1000
        self._inbox = Inbox()
        self._poller: Poller | None = None
        self._epoch = 0
        self._owned: frozenset[TopicPartition] = frozenset()
        self._marks: dict[TopicPartition, int] = {}
        self._last_mark = 0
        self._changes: asyncio.Queue[_Change | None] = asyncio.Queue()
        self._assigning = 0
        self._something = asyncio.Event()
        self._failure: BaseException | None = None
        self._listener: RebalanceListener | None = None
        self._dispatcher: asyncio.Task[None] | None = None
        self._started: asyncio.Future[None] | None = None
        self._stopped: asyncio.Future[None] | None = None

    # -------------------------------------------------------------------------------- the port

    async def start(self, listener: RebalanceListener) -> None:
        """Join the group; the first assignment arrives through the listener."""
        if self._poller is not None:
            raise IllegalStepError("a consumer is started once")
        loop = asyncio.get_running_loop()
        self._listener = listener
        self._started = loop.create_future()
        self._stopped = loop.create_future()
        self._dispatcher = asyncio.create_task(self._dispatch())
        relay = Relay(loop, self)
        self._poller = Poller(
            self._settings, self._group, self._topics, self._grouping, self._inbox, relay
        )
        self._poller.start()
        try:
            await self._started
        except BaseException:
            await self.close()
            raise

    async def receive(self) -> Sequence[Received]:
        """The next records of the partitions that are ours and not paused."""
        while not self._inbox.ready or self._assigning:
            if self._failure is not None:
                raise self._failure
            if self._stopped is None or self._stopped.done():
                raise IllegalStepError("a consumer receives between its start and its close")
            self._something.clear()
            await self._something.wait()
        records = self._inbox.take()
        self._wake_poller()
        return records

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Receive nothing of these until resumed; records already fetched are kept for later."""
        mine = self._owned & set(partitions)
        self._inbox.pause(mine)
        for partition in mine:
            # The bound holds for what is set aside too: beyond it, it is fetched again later.
            offset = self._inbox.first_parked(partition)
            if offset is not None and self._inbox.parked > self._settings.fetch_buffer_records:
                self._seek(partition, offset, lambda: None)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Undo `pause`; partitions that are not ours are ignored."""
        self._inbox.resume(self._owned & set(partitions))
        self._something.set()
        self._wake_poller()

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """Receive this partition from `offset` on; what was fetched before is dropped."""
        if partition not in self._owned:
            raise BrokerError(f"{partition} is not ours (any more): there is nothing to seek")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle() -> None:
            on_loop(loop, _settle, done, None)

        self._seek(partition, offset, settle)
        await done

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit exactly these positions."""
        if not positions:
            return
        client = self._client_for(positions)
        try:
            await client.commit(positions)
        except self._uncommitted as error:
            where = ", ".join(map(str, sorted(positions)))
            text = f"committing {where} for group {self._group}"
            servers = self._settings.kafka_bootstrap_servers
            raise self._grouping.dialect.broker_error(error, text, servers) from error

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are ours now."""
        return self._owned

    async def close(self) -> None:
        """Leave the group (the listener's `revoked` is awaited first) and free everything."""
        if self._poller is None or self._stopped is None or self._dispatcher is None:
            return
        self._poller.stop()
        await self._stopped
        self._changes.put_nowait(None)
        await self._dispatcher
        self._something.set()

    def membership(self, positions: Collection[TopicPartition]) -> Membership:
        """Who we are in the group, for a transaction that commits these partitions' positions."""
        return self._client_for(positions).membership()

    # ------------------------------------------------------- on the loop, called by the relay

    def take_in(self, epoch: int, polled: list[Polled]) -> None:
        """Keep what was polled, unless the assignment or the position has changed since."""
        for part in polled:
            self._inbox.arrive(len(part.records))
            if epoch == self._epoch and part.mark == self._marks.get(part.partition, 0):
                self._inbox.put(part.partition, part.records)
        self._something.set()

    def on_assigned(self, epoch: int, positions: Positions) -> None:
        """Partitions have come: nothing is received until the service knows."""
        self._epoch = epoch
        self._marks.clear()
        self._owned = frozenset(positions)
        self._assigning += 1
        self._changes.put_nowait(lambda: self._tell_assigned(positions))

    def on_revoking(self, epoch: int, partitions: Collection[TopicPartition], done: _Done) -> None:
        """Partitions are about to go: nothing more is received of them."""
        self._drop(epoch, partitions)
        deadline = time.monotonic() + self._budget_s
        self._changes.put_nowait(lambda: self._tell_revoked(epoch, partitions, deadline, done))

    def on_lost(self, epoch: int, partitions: Collection[TopicPartition]) -> None:
        """Partitions are gone."""
        self._drop(epoch, partitions)
        self._owned -= set(partitions)
        self._changes.put_nowait(lambda: self._tell_lost(partitions))

    def on_started(self, error: HooklineError | None) -> None:
        """The first connection stands, or there is none."""
        if self._started is None or self._started.done():
            return
        if error is None:
            self._started.set_result(None)
        else:
            self._started.set_exception(error)

    def on_failed(self, error: BaseException) -> None:
        """Whoever receives is told."""
        self._failure = error
        self._something.set()

    def on_stopped(self) -> None:
        """The thread has ended."""
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(None)
        self._something.set()

    # ------------------------------------------------------------------------------- the rest

    def _client_for(self, partitions: Collection[TopicPartition]) -> GroupClient:
        strange = set(partitions) - self._owned
        client = self._poller.client if self._poller is not None else None
        if strange or client is None:
            names = ", ".join(map(str, sorted(strange or partitions)))
            raise BrokerError(f"{names}: not ours (any more) in group {self._group}")
        return client

    def _seek(self, partition: TopicPartition, offset: int, done: _Done) -> None:
        if self._poller is None or self._stopped is None or self._stopped.done():
            done()
            return
        self._inbox.drop(partition)
        self._last_mark += 1
        self._marks[partition] = self._last_mark
        self._poller.seek(Seek(self._epoch, partition, offset, self._last_mark, done))

    def _drop(self, epoch: int, partitions: Collection[TopicPartition]) -> None:
        self._epoch = epoch
        self._marks.clear()
        self._inbox.forget(partitions)
        self._wake_poller()

    def _wake_poller(self) -> None:
        if self._poller is not None:
            self._poller.wake()

    async def _dispatch(self) -> None:
        """Tell the listener of one change after the other, in order."""
        while (change := await self._changes.get()) is not None:
            try:
                await change()
            except BrokerError as error:
                # A commit that comes too late for its rebalance, say; the next owner starts
                # from the last one.
                log.warning("broker.rebalance_unfinished", group=self._group, error=str(error))
            except Exception as error:  # noqa: BLE001 - raised by the next receive
                self.on_failed(error)

    async def _tell_assigned(self, positions: Positions) -> None:
        try:
            if self._listener is not None and self._owned >= positions.keys():
                await self._listener.assigned(positions)
        finally:
            self._assigning -= 1
            self._something.set()

    async def _tell_revoked(
        self,
        epoch: int,
        partitions: Collection[TopicPartition],
        deadline: float,
        done: _Done,
    ) -> None:
        left = deadline - time.monotonic()
        try:
            if self._listener is None:
                return
            if left <= 0:
                self._disown(epoch, partitions)
                await self._listener.lost(partitions)
                return
            try:
                async with asyncio.timeout(left):
                    await self._listener.revoked(partitions)
            except TimeoutError:
                log.warning("broker.revocation_overran", group=self._group, budget_s=self._budget_s)
        finally:
            self._disown(epoch, partitions)
            done()

    def _disown(self, epoch: int, partitions: Collection[TopicPartition]) -> None:
        """Let go, unless the client did not wait, and what is ours by now was assigned after."""
        if epoch == self._epoch:
            self._owned -= set(partitions)

    async def _tell_lost(self, partitions: Collection[TopicPartition]) -> None:
        if self._listener is not None:
            await self._listener.lost(partitions)


def _settle(answer: asyncio.Future[None], outcome: object) -> None:
    if answer.done():
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(None)
