"""One daemon thread that runs a client's blocking calls, one after another, for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from schemas.errors import IllegalStepError

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Worker:
    """Awaitable blocking calls; being a daemon, a call that hangs cannot keep the process alive."""

    def __init__(self, name: str) -> None:
        """The thread starts with the first call."""
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def run(self, call: Callable[[], T]) -> T:
        """Run `call` after everything that was asked for before; its result or exception."""
        if self._closed:
            raise IllegalStepError(f"{self._name} is closed already")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((call, future))
        return await future

    def close(self) -> None:
        """Let the thread end when it has done what it was given."""
        self._closed = True
        self._jobs.put(None)

    def _work(self) -> None:
        """The thread's life."""
        while (job := self._jobs.get()) is not None:
            call, future = job
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - it is raised where the call is awaited
                _tell(future, _fail, error)
            else:
                _tell(future, _succeed, result)


def on_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> None:
    """Call on the loop from any thread; a loop that was closed meanwhile needs nothing any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def _tell(future: asyncio.Future[Any], settle: Callable[..., None], outcome: object) -> None:
    on_loop(future.get_loop(), settle, future, outcome)


def _succeed(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
