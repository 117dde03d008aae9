"""The in-memory broker's consumer groups: members, rebalances, positions."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Mapping, Sequence

from runtime.broker import Position, RebalanceListener, Received, TopicPartition
from schemas.errors import BrokerError, ConfigurationError, IllegalStepError
from tests.fake_log import Storage, share_by_range

#: As the adapter polls.
MOST_RECORDS = 500
METADATA_BYTES = 4096


class Group:
    """Members of one name; a change of them revokes everything, then shares it out anew."""

    def __init__(self, name: str, storage: Storage) -> None:
        self.name = name
        self.storage = storage
        self.committed: dict[TopicPartition, Position] = {}
        self.members: dict[str, Member] = {}
        self._ids = itertools.count()
        self._lock = asyncio.Lock()

    def next_id(self) -> str:
        return f"{self.name}-{next(self._ids):04}"

    async def change(self, *, joins: Member | None = None, leaves: Member | None = None) -> None:
        """One rebalance."""
        async with self._lock:
            await asyncio.gather(*(one.revoke() for one in self.members.values()))
            if joins is not None and not joins.closed:
                self.members[joins.id] = joins
            if leaves is not None:
                self.members.pop(leaves.id, None)
            topics = {one.id: one.topics for one in self.members.values()}
            shares = share_by_range(topics, self.storage.partitions)
            await asyncio.gather(
                *(self.members[member].assign(share) for member, share in shares.items() if share)
            )

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        for partition, position in positions.items():
            if len(position.metadata.encode()) > METADATA_BYTES:
                raise BrokerError(f"{partition}: the metadata exceeds {METADATA_BYTES} bytes")
        self.committed.update(positions)


class Member:
    """`runtime.broker.Consumer` in memory."""

    def __init__(self, group: Group, topics: Collection[str]) -> None:
        self.group = group
        self.id = group.next_id()
        self.topics = frozenset(topics)
        self.closed = False
        self._listener: RebalanceListener | None = None
        self._owned: frozenset[TopicPartition] = frozenset()
        #: Where each partition is read next; one that is not here is not received.
        self._next: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._something = asyncio.Event()
        self._failure: BaseException | None = None
        self._joining: asyncio.Task[None] | None = None

    async def start(self, listener: RebalanceListener) -> None:
        missing = sorted(self.topics - self.group.storage.configs.keys())
        if missing:
            raise ConfigurationError(f"there is no topic {', '.join(missing)}")
        self._listener = listener
        self.group.storage.watchers.append(self._something.set)
        self._joining = asyncio.create_task(self.group.change(joins=self))

    async def receive(self) -> Sequence[Received]:
        while not (records := self._fetch()):
            if self._failure is not None:
                raise self._failure
            if self._listener is None or self.closed:
                raise IllegalStepError("a consumer receives between its start and its close")
            self._something.clear()
            await self._something.wait()
        await asyncio.sleep(0)
        return records

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        self._paused |= self._owned & set(partitions)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        self._paused -= set(partitions)
        self._something.set()

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition not in self._owned:
            raise BrokerError(f"{partition} is not ours (any more): there is nothing to seek")
        self._next[partition] = offset
        self._something.set()

    async def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        self.check(positions)
        self.group.commit(positions)

    def assignment(self) -> frozenset[TopicPartition]:
        return self._owned

    async def close(self) -> None:
        if self._joining is None or self.closed:
            return
        self.closed = True
        self._something.set()
        await self._joining
        await self.group.change(leaves=self)
        self.group.storage.watchers.remove(self._something.set)

    def check(self, partitions: Collection[TopicPartition]) -> None:
        """Committing is for the owner."""
        strange = set(partitions) - self._owned
        if strange:
            names = ", ".join(map(str, sorted(strange)))
            raise BrokerError(f"{names}: not ours (any more) in group {self.group.name}")

    async def vanish(self) -> None:
        """Die as by kill -9: nobody is told, the others take over."""
        self._listener, self.closed = None, True
        self._owned, self._next = frozenset(), {}
        await self.group.change(leaves=self)

    async def lose(self) -> None:
        """Be thrown out of the group and join it again, as after a long pause of the process."""
        lost, self._owned, self._next = self._owned, frozenset(), {}
        self._paused.clear()
        if self._listener is not None and lost:
            await self._listener.lost(lost)
        await self.group.change()

    async def revoke(self) -> None:
        """Give up everything, having told the service."""
        partitions, self._next = self._owned, {}
        self._paused.clear()
        if self._listener is not None and partitions:
            try:
                await self._listener.revoked(partitions)
            except BrokerError:
                pass  # a commit that came too late
            except Exception as error:  # noqa: BLE001 - raised by the next receive
                self._failure = error
        self._owned = frozenset()

    async def assign(self, partitions: set[TopicPartition]) -> None:
        """Take partitions over; nothing of them is received before the service knows."""
        self._owned = frozenset(partitions)
        committed = {one: self.group.committed.get(one) for one in sorted(partitions)}
        starts = {one: at.offset if at else 0 for one, at in committed.items()}
        if self._listener is not None:
            try:
                await self._listener.assigned(committed)
            except Exception as error:  # noqa: BLE001 - raised by the next receive
                self._failure = error
        # A seek in `assigned` has already said where one of them begins.
        self._next = starts | self._next
        self._something.set()

    def _fetch(self) -> list[Received]:
        if self.closed:
            return []
        records: list[Received] = []
        for partition, start in self._next.items():
            log = self.group.storage.logs.get(partition)
            if log is None or partition in self._paused or len(records) >= MOST_RECORDS:
                continue
            end = min(log.end, start + MOST_RECORDS)
            self._next[partition] = max(start, end)
            records += log.visible(start, end)
        return records
