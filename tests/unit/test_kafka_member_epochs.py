"""What a member of a group believes to be its own while an assignment follows an overrun revocation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest

from runtime.bridge import member as module
from runtime.bridge.handover import Polled, Relay, Seek
from runtime.bridge.member import GroupMember
from runtime.bridge.poller import Grouping
from runtime.broker import Position, Received, TopicPartition
from runtime.kafka.failures import DIALECT
from runtime.settings import Settings
from tests.waiting import until

P = TopicPartition("t", 0)


def _connects_nothing(*_: object) -> NoReturn:
    raise AssertionError("the poller of these tests does not connect")


class StillPoller:
    """A poller that does nothing by itself: the test reports in its place."""

    def __init__(self, *parts: object) -> None:
        assert isinstance(parts[-1], Relay)
        self._relay = parts[-1]
        self.client = None
        self.seeks: list[Seek] = []

    def start(self) -> None:
        self._relay.started(None)

    def stop(self) -> None:
        self._relay.stopped()

    def wake(self) -> None:
        pass

    def seek(self, seek: Seek) -> None:
        self.seeks.append(seek)


class Lingers:
    """A listener whose revocation takes until it is released."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.release = asyncio.Event()

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        self.told.append("assigned")

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.told.append("revoked")
        await self.release.wait()

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        self.told.append("lost")


@asynccontextmanager
async def started(monkeypatch: pytest.MonkeyPatch, listener: Lingers) -> AsyncIterator[GroupMember]:
    monkeypatch.setattr(module, "Poller", StillPoller)
    member = GroupMember(Settings(), "g", ["t"], Grouping(_connects_nothing, DIALECT))
    await member.start(listener)
    try:
        yield member
    finally:
        listener.release.set()
        await member.close()


def polled(mark: int, offset: int = 0) -> list[Polled]:
    return [Polled(P, mark, [Received("t", 0, offset, 0, None, b"v")])]


async def test_an_assignment_that_overtakes_the_end_of_a_revocation_is_told_and_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listener = Lingers()
    async with started(monkeypatch, listener) as member:
        member.on_assigned(1, {P: None})
        member.on_revoking(2, [P], lambda: None)
        await until(lambda: listener.told == ["assigned", "revoked"])
        # The client waits for its budget only, however late the loop heard of the revocation.
        member.on_assigned(3, {P: None})
        listener.release.set()
        await until(lambda: listener.told == ["assigned", "revoked", "assigned"])

        assert member.assignment() == {P}
        member.take_in(3, polled(0))
        assert len(await member.receive()) == 1


async def test_a_seek_between_revocation_and_assignment_does_not_silence_the_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listener = Lingers()
    async with started(monkeypatch, listener) as member:
        member.on_assigned(1, {P: None})
        member.on_revoking(2, [P], lambda: None)
        await until(lambda: listener.told == ["assigned", "revoked"])
        seeking = asyncio.create_task(member.seek(P, 7))
        await asyncio.sleep(0)
        member.on_assigned(3, {P: None})
        listener.release.set()
        await until(lambda: listener.told[-1] == "assigned")

        member.take_in(3, polled(0))
        assert len(await member.receive()) == 1
        seeking.cancel()
        await asyncio.wait({seeking})
