"""Reads the demo's topics as they are written, and waits for what should appear on them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from console.session import Session
from runtime.broker import Reader, Received
from schemas.errors import HooklineError
from schemas.records import Action, Attempt, Event

T = TypeVar("T")

#: Generous: on a busy machine a retry schedule of seconds and a rebalance fit in several times.
PATIENCE_S = 30.0
LOOK_EVERY_S = 0.05


class NotSeenError(HooklineError):
    """Something that should have been observed was not, in time."""


class Witness:
    """Keeps every record of the topics it watches, decoded, as long as the demo runs."""

    def __init__(self, session: Session) -> None:
        """Watch nothing yet."""
        self._session = session
        self.events: list[tuple[Event, Received]] = []
        self.actions: list[tuple[Action, Received]] = []
        self.attempts: list[Attempt] = []
        self.letters: list[Received] = []
        self.retries: list[Received] = []

    @contextlib.asynccontextmanager
    async def watching(self, reader: Reader) -> AsyncIterator[None]:
        """Read in the background for as long as the block lasts."""
        topics = self._session.topics
        events = [topics.events(entity) for entity in self._session.catalog.entities]
        dead = [topics.dead(topic) for topic in (topics.actions, *events)]
        watched = [*events, topics.actions, topics.attempts, *topics.retries, *dead]
        task = asyncio.create_task(self._read(reader, watched))
        self._task = task
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _read(self, reader: Reader, watched: Sequence[str]) -> None:
        """Keep what comes."""
        # The topics are this demo's own, so their beginning is the demo's.
        start = dict.fromkeys(await reader.ends(watched), 0)
        async with contextlib.aclosing(reader.tail(watched, start)) as records:
            async for record in records:
                await self._keep(record)

    async def _keep(self, record: Received) -> None:
        """Decode a record by its topic."""
        topics = self._session.topics
        if record.topic == topics.actions:
            self.actions.append((await self._session.action(record.value), record))
        elif record.topic == topics.attempts:
            self.attempts.append(await self._session.attempt(record.value))
        elif record.topic in topics.retries:
            self.retries.append(record)
        elif record.topic.endswith("-dlt"):
            self.letters.append(record)
        else:
            entity = topics.entity_of(record.topic)
            self.events.append((await self._session.event(entity, record.value), record))

    async def see(self, what: str, look: Callable[[], T | None], within: float = PATIENCE_S) -> T:
        """Wait until a look finds something.

        Raises:
            NotSeenError: It did not in time.
        """

        async def looked() -> T | None:
            return look()

        return await self.see_async(what, looked, within)

    async def see_async(
        self, what: str, look: Callable[[], Awaitable[T | None]], within: float = PATIENCE_S
    ) -> T:
        """As `see`, with a look that has to ask somebody."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    if self._task.done():
                        self._task.result()
                    found = await look()
                    if found:
                        return found
                    await asyncio.sleep(LOOK_EVERY_S)
        message = f"{what} (waited {within:.0f} s)"
        raise NotSeenError(message)
