"""One partition number of the actions topic and of every retry tier: owned, and lost, together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runtime.broker import Position, Received, TopicPartition
from webhook_service.delivery import State
from webhook_service.offsets import Progress
from webhook_service.ordering import Order, line_of
from webhook_service.waiting import History, Wait


class Delivery:
    """One action on its way, while it is in this process.

    Attributes:
        record: Where it stands now: in the actions topic or in a tier.
        origin: Its offset in the actions topic, the same wherever it stands.
        ordered: Whether it stands in one line with the others of its key.
        line: Where it stands in the share's order.
    """

    __slots__ = ("history", "line", "ordered", "origin", "record", "share", "state")

    def __init__(self, share: Share, record: Received, origin: int, history: History) -> None:
        """It is queued."""
        self.share = share
        self.record = record
        self.origin = origin
        self.history = history
        self.state = State.QUEUED
        self.ordered = True
        self.line = b""

    def stand_in_line(self, *, ordered: bool) -> None:
        """Take its place by its webhook's ordering as it is now, and leave the one it had before."""
        self.ordered = ordered
        self.line = line_of(self.key, self.origin, ordered=ordered)
        if not ordered:
            self.share.order.forget(self.key, self.origin)

    @property
    def key(self) -> bytes:
        """The unit of order."""
        return self.record.key or b""

    @property
    def weight(self) -> int:
        """How much memory it holds: 1 for up to 4 KiB."""
        return 1 + (len(self.record.value or b"") >> 12)


@dataclass(frozen=True, slots=True)
class InTier:
    """A record of a tier that was received and whose time has not come."""

    record: Received
    wait: Wait


class Share:
    """What this member knows of the partitions of one number.

    Attributes:
        ready: The waiting records are known; attempts may begin.
        stopping: Nothing of it is started any more.
        alive: False once it went to another member; its results are dropped.
        in_flight: Attempts under way.
        here: Deliveries in this process, by origin.
        held: Per tier topic, the head of its records.
        begins: Where the actions begin, as far as it was asked: retention removed what stood before.
        waiting: How many of its records are in tiers.
        asks: A waiting record's origin was not reached; somebody should look where the actions begin.
    """

    def __init__(self, number: int, actions: str, positions: Mapping[str, Position | None]) -> None:
        """Start from what the group has committed.

        Args:
            actions: Name of the actions topic.
            positions: By topic: the actions topic and every tier.
        """
        self.number = number
        self.ready = False
        self.stopping = False
        self.alive = True
        self.in_flight = 0
        self.begins = 0
        self.waiting = 0
        self.asks = False
        self.order = Order()
        self.here: dict[int, Delivery] = {}
        self.early: list[Received] = []
        self.progress = {topic: _progress(position) for topic, position in positions.items()}
        self.held: dict[str, deque[InTier]] = {
            topic: deque() for topic in positions if topic != actions
        }
        self._actions = self.progress[actions]
        self._idle = asyncio.Event()
        self._idle.set()
        self._gone = asyncio.Event()

    def stop(self) -> None:
        """Start nothing of it any more; whoever prepares its start need not go on."""
        self.stopping = True
        self._gone.set()

    async def gone(self) -> None:
        """Return when it is stopped."""
        await self._gone.wait()

    def begin(self) -> None:
        """An attempt begins."""
        self.in_flight += 1
        self._idle.clear()

    def end(self) -> None:
        """An attempt has ended."""
        self.in_flight -= 1
        if not self.in_flight:
            self._idle.set()

    async def idle(self) -> None:
        """Return when no attempt is under way."""
        await self._idle.wait()

    def has_seen(self, origin: int) -> bool:
        """Whether every action before this one was received: only then can it be first of its key.

        What retention removed will never be; `begins` says so once it was asked for.
        """
        return origin < max(self._actions.end or 0, self.begins)


def shares_of(
    positions: Mapping[TopicPartition, Position | None], actions: str, tiers: Iterable[str]
) -> list[Share]:
    """The shares in an assignment; a number of which a topic is missing is left out."""
    topics = [actions, *tiers]
    numbers = sorted({number for topic, number in positions if topic == actions})
    return [
        Share(
            number, actions, {topic: positions[TopicPartition(topic, number)] for topic in topics}
        )
        for number in numbers
        if all(TopicPartition(topic, number) in positions for topic in topics)
    ]


def _progress(position: Position | None) -> Progress:
    return Progress(None) if position is None else Progress(position.offset, position.metadata)
