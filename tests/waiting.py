"""Waiting on conditions, instead of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

#: Seconds between two looks.
PAUSE = 0.02


async def until(
    condition: Callable[[], object | Awaitable[object]],
    *,
    within: float = 60.0,
    message: str | Callable[[], str] = "the condition did not come true",
) -> None:
    """Return when the condition is true.

    Args:
        condition: Plain or async; looked at often, so it should be cheap.
        within: A generous bound in seconds; never a measurement.
        message: What to say when it did not; a function is asked at that moment.

    Raises:
        AssertionError: It did not come true within the bound.
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return
        if time.monotonic() > deadline:
            text = message if isinstance(message, str) else message()
            raise AssertionError(f"{text} (waited {within:g} s)")
        await asyncio.sleep(PAUSE)


def wait_until(
    condition: Callable[[], object],
    *,
    within: float = 60.0,
    message: str | Callable[[], str] = "the condition did not come true",
) -> None:
    """The same for tests without a loop."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            text = message if isinstance(message, str) else message()
            raise AssertionError(f"{text} (waited {within:g} s)")
        time.sleep(PAUSE)
