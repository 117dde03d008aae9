"""runtime.process: patience with the broker, and what each end of a process means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from runtime.health import Health
from runtime.process import PATIENCE, Exit, Stop, Stopped, judge, patiently
from schemas.errors import (
    BrokerError,
    ConfigurationError,
    FencedError,
    IllegalStepError,
    SchemaError,
)


class CountedClock:
    """A clock whose sleeps are over at once and are kept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    async def sleep(self, wait: timedelta) -> None:
        self.slept.append(wait.total_seconds())


def failing(times: int, error: Exception) -> tuple[list[int], Callable[[], Awaitable[str]]]:
    """An attempt that fails so many times, and its count."""
    made: list[int] = []

    async def attempt() -> str:
        made.append(1)
        if len(made) <= times:
            raise error
        return "connected"

    return made, attempt


async def test_a_broker_that_comes_late_is_waited_for():
    made, attempt = failing(8, BrokerError("nobody answers at localhost:9092"))
    clock, health = CountedClock(), Health(["broker"])

    result = await patiently(attempt, what="consumer", stop=Stop(), health=health, clock=clock)

    assert result == "connected"
    assert len(made) == 9
    assert clock.slept == [*PATIENCE, PATIENCE[-1], PATIENCE[-1]]
    assert health.ready


async def test_meanwhile_the_process_is_not_ready_and_says_why():
    _, attempt = failing(1, BrokerError("nobody answers at localhost:9092"))
    health = Health(["broker"])
    seen = []

    class Watching(CountedClock):
        async def sleep(self, wait: timedelta) -> None:
            seen.append(health.report()["checks"])

    await patiently(attempt, what="consumer", stop=Stop(), health=health, clock=Watching())

    assert seen == [
        {"broker": {"ok": False, "detail": "consumer: nobody answers at localhost:9092"}}
    ]


async def test_a_stop_ends_the_wait_between_attempts():
    _, attempt = failing(99, BrokerError("away"))
    stop = Stop()

    class StopsWhileAsleep(CountedClock):
        async def sleep(self, wait: timedelta) -> None:
            stop.request()
            await asyncio.Event().wait()

    with pytest.raises(Stopped):
        await patiently(attempt, what="consumer", stop=stop, clock=StopsWhileAsleep())


async def test_a_stop_ends_an_attempt_that_hangs():
    stop = Stop()
    ended = []

    async def attempt() -> None:
        stop.request()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(Stopped):
        await patiently(attempt, what="consumer", stop=stop)
    assert ended


async def test_a_fenced_process_does_not_wait():
    made, attempt = failing(99, FencedError("another member took over"))

    with pytest.raises(FencedError):
        await patiently(attempt, what="publisher", stop=Stop(), clock=CountedClock())
    assert len(made) == 1


async def test_what_is_not_the_brokers_fault_is_not_retried():
    made, attempt = failing(99, ConfigurationError("no such file"))

    with pytest.raises(ConfigurationError):
        await patiently(attempt, what="publisher", stop=Stop(), clock=CountedClock())
    assert len(made) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(Stopped(), (Exit.CLEAN, ""), id="a stop is clean"),
        pytest.param(ConfigurationError("bad"), (Exit.CONFIGURATION, "bad"), id="configuration"),
        pytest.param(BrokerError("away"), (Exit.BROKER, "away"), id="broker"),
        pytest.param(FencedError("gone"), (Exit.FENCED, "gone"), id="fenced, though a BrokerError"),
        pytest.param(SchemaError("odd"), (Exit.CRASH, "odd"), id="a record, told in one line"),
        pytest.param(IllegalStepError("us"), (Exit.CRASH, ""), id="our mistake shows its trace"),
        pytest.param(ValueError("us"), (Exit.CRASH, ""), id="anything else shows its trace"),
        pytest.param(KeyboardInterrupt(), (Exit.CRASH, "interrupted"), id="a second Ctrl-C"),
        pytest.param(
            ExceptionGroup("tasks", [BrokerError("away"), FencedError("gone")]),
            (Exit.FENCED, "gone"),
            id="of several the one that decides",
        ),
        pytest.param(
            BaseExceptionGroup("tasks", [BrokerError("away"), ExceptionGroup("", [KeyError("x")])]),
            (Exit.CRASH, ""),
            id="a mistake among others shows its trace",
        ),
    ],
)
def test_every_end_has_its_exit_code(error: BaseException, expected: tuple[Exit, str]):
    assert judge(error) == expected
