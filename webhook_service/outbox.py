"""Lets requests go out together: waking a receiver costs several times writing to one awake."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Writes(Protocol):
    """What the outbox needs of a connection, and no more."""

    def write(self, request: bytes) -> None:
        """Let a request go out."""


class Outbox:
    """Requests that go out in the loop's next turn."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Empty."""
        self._loop = loop
        self._waiting: list[tuple[Writes, bytes]] = []

    def put(self, connection: Writes, request: bytes) -> None:
        """Let a request go out with the others."""
        if not self._waiting:
            self._loop.call_soon(self._emptied)
        self._waiting.append((connection, request))

    def _emptied(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection, request in waiting:
            connection.write(request)
