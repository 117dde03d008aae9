"""What commands work with: settings, broker and clock, made when first needed."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from runtime.broker import Broker
    from runtime.clock import Clock
    from runtime.settings import Settings

T = TypeVar("T")


def _kafka(settings: Settings) -> Broker:
    """The real broker; imported late, because `--help` must not wait for a Kafka client."""
    from runtime.kafka import KafkaBroker  # noqa: PLC0415

    return KafkaBroker(settings)


def _clock() -> Clock:
    """The machine's clock."""
    from runtime.clock import SystemClock  # noqa: PLC0415

    return SystemClock()


@dataclass
class Desk:
    """The composition root of the command line.

    Attributes:
        environ: The process's environment.
        broker_of: Makes the broker; tests hand in one in memory.
    """

    environ: Mapping[str, str]
    broker_of: Callable[[Settings], Broker] = _kafka
    clock: Clock = field(default_factory=_clock)

    @cached_property
    def settings(self) -> Settings:
        """The settings, read once.

        Raises:
            ConfigurationError: A variable is unknown or out of bounds.
        """
        from runtime.settings import Settings  # noqa: PLC0415

        return Settings.from_env(self.environ)

    @cached_property
    def broker(self) -> Broker:
        """The broker the settings name; nothing connects yet."""
        return self.broker_of(self.settings)

    @property
    def operator(self) -> str:
        """Who runs the command, for resolutions and definitions: the login name."""
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return "unknown"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a command's work on a loop of its own."""
        return asyncio.run(work)
