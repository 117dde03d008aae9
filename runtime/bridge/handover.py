"""What passes between the polling thread and the service's loop, and who carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from runtime.bridge.worker import on_loop
from runtime.broker import Position, Received, TopicPartition
from schemas.errors import HooklineError

#: What a group has committed for partitions that have come.
Positions = Mapping[TopicPartition, Position | None]


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
    """Asked for by the loop; done by the thread unless the assignment has changed since.

    Attributes:
        epoch: The assignment it is meant for.
        done: Called from the thread in any case.
    """

    epoch: int
    partition: TopicPartition
    offset: int
    mark: int
    done: Callable[[], None]


class RebalanceSink(Protocol):
    """What a client's consumer tells; every call returns at once."""

    def now_assigned(self, positions: Positions) -> None:
        """Partitions have come, with what the group last committed."""

    def being_revoked(
        self, partitions: Collection[TopicPartition], done: Callable[[], None]
    ) -> None:
        """Partitions are about to go; `done` may be called from any thread."""

    def were_lost(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions are gone."""


class Hands(Protocol):
    """Receives on the loop what the thread reports."""

    def take_in(self, epoch: int, polled: list[Polled]) -> None:
        """Records of the assignment with this number."""

    def on_assigned(self, epoch: int, positions: Positions) -> None:
        """A new assignment, with its number."""

    def on_revoking(
        self, epoch: int, partitions: Collection[TopicPartition], done: Callable[[], None]
    ) -> None:
        """An assignment is about to end; `done` may be called from any thread."""

    def on_lost(self, epoch: int, partitions: Collection[TopicPartition]) -> None:
        """An assignment has ended."""

    def on_started(self, error: HooklineError | None) -> None:
        """The first connection stands, or there is none."""

    def on_failed(self, error: HooklineError) -> None:
        """The consumer failed for good."""

    def on_stopped(self) -> None:
        """The thread has ended."""


class Relay:
    """Called by the thread, returns at once; whole polls go over in one step."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hands: Hands) -> None:
        """Carries to one loop."""
        self._loop = loop
        self._hands = hands
        #: Records handed over so far; written by the thread only.
        self.handed = 0

    def polled(self, epoch: int, polled: list[Polled]) -> None:
        """Records of the assignment with this number."""
        self.handed += sum(len(part.records) for part in polled)
        on_loop(self._loop, self._hands.take_in, epoch, polled)

    def assigned(self, epoch: int, positions: Positions) -> None:
        """A new assignment."""
        on_loop(self._loop, self._hands.on_assigned, epoch, positions)

    def revoking(
        self, epoch: int, partitions: Collection[TopicPartition], done: Callable[[], None]
    ) -> None:
        """An assignment is about to end."""
        on_loop(self._loop, self._hands.on_revoking, epoch, partitions, done)

    def lost(self, epoch: int, partitions: Collection[TopicPartition]) -> None:
        """An assignment has ended."""
        on_loop(self._loop, self._hands.on_lost, epoch, partitions)

    def started(self, error: HooklineError | None) -> None:
        """The first connection stands, or there is none."""
        on_loop(self._loop, self._hands.on_started, error)

    def failed(self, error: HooklineError) -> None:
        """The consumer failed for good."""
        on_loop(self._loop, self._hands.on_failed, error)

    def stopped(self) -> None:
        """The thread ends."""
        on_loop(self._loop, self._hands.on_stopped)
