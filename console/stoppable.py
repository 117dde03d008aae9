"""Runs a local system to its end, and cleans up whichever way it ends: Ctrl-C, SIGTERM, failure."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked
    """Somebody asked to stop (Ctrl-C or SIGTERM), and everything was cleaned up."""


def run(work: Coroutine[Any, Any, T], asked: Callable[[], None]) -> T:
    """Run the work; a signal cancels it once, and a second one does not disturb the cleaning up.

    Args:
        asked: Called when a signal comes, to say that the stop is under way.

    Raises:
        Stopped: It was cancelled by a signal.
    """

    async def guarded() -> T:
        task = asyncio.ensure_future(work)
        stopping = False

        def stop() -> None:
            nonlocal stopping
            if not stopping:
                stopping = True
                asked()
                task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        try:
            return await task
        except asyncio.CancelledError:
            if not stopping:
                raise
            raise Stopped from None

    return asyncio.run(guarded())
