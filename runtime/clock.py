"""Where time comes from: the one module that reads the clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the services need of time, and no more; the tests' clock moves when told to."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""

    async def sleep(self, wait: timedelta) -> None:
        """Return when `wait` has passed; at once if it is not positive."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return datetime.now(UTC)

    async def sleep(self, wait: timedelta) -> None:
        """Return when `wait` has passed; at once if it is not positive."""
        await asyncio.sleep(max(0.0, wait.total_seconds()))
