"""The publisher for programs without asyncio: the same, blocking, from any thread.

```python
from producers import SyncEventPublisher

with SyncEventPublisher.connect() as publisher:
    published = publisher.created("person", after={"id": "7", "name": "Ada Lovelace"})
    print(published.event_id, published.topic, published.partition, published.offset)
```
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from producers.publisher import DEFAULT_SOURCE_URI, About, EventPublisher, Published
from runtime.broker import Acknowledged, Broker
from runtime.settings import Settings
from schemas.errors import BrokerError
from schemas.records import Event

T = TypeVar("T")
Fields = Mapping[str, Any]
Call = Callable[[EventPublisher], Coroutine[Any, Any, T]]


class SyncEventPublisher:
    """An `EventPublisher` on a thread of its own; each call returns once Kafka has acknowledged.

    Several threads may publish at once, and should: a single one waits out each acknowledgement.
    Do not call it from a coroutine: it would block the loop; there, use `EventPublisher`.
    """

    def __init__(self, connection: AbstractAsyncContextManager[EventPublisher]) -> None:
        """Prepare; the thread starts with the block."""
        self._connection = connection
        self._thread = threading.Thread(target=self._run, name="hookline-events", daemon=True)
        self._connected: Future[tuple[EventPublisher, asyncio.AbstractEventLoop]] = Future()
        self._closed: Future[None] = Future()
        self._lock = threading.Lock()
        self._under_way: set[Future[Any]] = set()
        self._closing: asyncio.Event | None = None

    @classmethod
    def connect(
        cls,
        settings: Settings | None = None,
        *,
        source_uri: str = DEFAULT_SOURCE_URI,
        broker: Broker | None = None,
    ) -> Self:
        """A publisher for a `with` block; the arguments are those of `EventPublisher.connect`."""
        return cls(EventPublisher.connect(settings, source_uri=source_uri, broker=broker))

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            ConfigurationError: A setting or topic must be mended first.
            BrokerError: Kafka cannot be reached.
        """
        self._thread.start()
        self._connected.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the calls of all threads that are under way, then free everything."""
        _, loop = self._connected.result()
        with self._lock:
            closing, self._closing = self._closing, None
        if closing is not None:
            loop.call_soon_threadsafe(closing.set)
        self._thread.join()
        self._closed.result()

    def created(
        self, entity: str, *, after: Fields, version: int = 1, **about: Unpack[About]
    ) -> Published:
        """Publish that a record was created; raises as `EventPublisher.created`."""
        return self._call(lambda it: it.created(entity, after=after, version=version, **about))

    def updated(
        self, entity: str, *, before: Fields, after: Fields, version: int, **about: Unpack[About]
    ) -> Published | None:
        """Publish that a record was updated; None, and no event, where nothing changed."""
        return self._call(
            lambda it: it.updated(entity, before=before, after=after, version=version, **about)
        )

    def deleted(
        self, entity: str, *, before: Fields, version: int, **about: Unpack[About]
    ) -> Published:
        """Publish that a record was deleted."""
        return self._call(lambda it: it.deleted(entity, before=before, version=version, **about))

    def publish(self, event: Event) -> Acknowledged:
        """Publish an event that exists already, as it is."""
        return self._call(lambda it: it.publish(event))

    def publish_all(self, events: Sequence[Event]) -> list[Acknowledged]:
        """Publish many events, pipelined; those of one record in the order given."""
        return self._call(lambda it: it.publish_all(events))

    def _call(self, call: Call[T]) -> T:
        """Run one call on the publisher's loop and wait for it."""
        with self._lock:
            if self._closing is None:
                raise BrokerError("the publisher is closed: publish inside its `with` block")
            publisher, loop = self._connected.result()
            future = asyncio.run_coroutine_threadsafe(call(publisher), loop)
            self._under_way.add(future)
        try:
            return future.result()
        finally:
            self._under_way.discard(future)

    def _run(self) -> None:
        """The thread: a loop for as long as the block lasts."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
            place = self._closed if self._connected.done() else self._connected
            place.set_exception(error)
        else:
            self._closed.set_result(None)

    async def _serve(self) -> None:
        closing = asyncio.Event()
        async with self._connection as publisher:
            self._closing = closing
            self._connected.set_result((publisher, asyncio.get_running_loop()))
            await closing.wait()
            waiting = [asyncio.wrap_future(future) for future in tuple(self._under_way)]
            await asyncio.gather(*waiting, return_exceptions=True)
