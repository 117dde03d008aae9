"""How a process begins and ends: settings, logs, signals, patience with the broker, exit codes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from enum import IntEnum
from typing import TypeVar

import uvloop

from runtime import logs
from runtime.clock import Clock, SystemClock
from runtime.health import Health
from runtime.settings import Settings
from schemas.errors import (
    BrokerError,
    ConfigurationError,
    FencedError,
    HooklineError,
    IllegalStepError,
)

log = logs.get_logger(__name__)
T = TypeVar("T")

#: Pauses between attempts to reach a broker, seconds; the last one repeats.
PATIENCE = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
#: What a service may need beyond its own deadline before it is cancelled.
GRACE = timedelta(seconds=5)


class Exit(IntEnum):
    """What a process's exit code means."""

    CLEAN = 0
    CRASH = 1
    CONFIGURATION = 2
    BROKER = 3
    FENCED = 4


class Stop:
    """Asks a service to finish: set by SIGTERM or SIGINT, or by a test."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._event = asyncio.Event()

    @property
    def requested(self) -> bool:
        """True once somebody asked."""
        return self._event.is_set()

    def request(self) -> None:
        """Ask; asking again changes nothing."""
        self._event.set()

    async def wait(self) -> None:
        """Return when somebody has asked."""
        await self._event.wait()


class Stopped(Exception):  # noqa: N818 - not an error: the way out of a wait that is over
    """Raised by `patiently` when the process is asked to stop while it waits."""


Main = Callable[[Settings, Stop], Awaitable[None]]


def run(main: Main, service: str, environ: Mapping[str, str] | None = None) -> int:
    """Run a service until it ends or is asked to stop; returns the exit code (`Exit`).

    SIGTERM and SIGINT ask; a second one, or a stop that takes longer than
    `HOOKLINE_STOP_TIMEOUT_MS` and a little, cancels; a third ends the process on the spot.

    Args:
        service: The name in logs and messages.
        environ: Instead of the process's own environment.
    """
    try:
        settings = Settings.from_env(os.environ if environ is None else environ)
        logs.configure(settings.log_level, settings.log_format, service)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_supervised(main, settings))
    except BaseException as error:  # noqa: BLE001 - the outermost frame: every end gets its code
        return _ended(error, service)
    return Exit.CLEAN


async def _supervised(main: Main, settings: Settings) -> None:
    """Run main in a task that can be asked to stop, and is cancelled if that does not help.

    Raises:
        HooklineError: It had to be cancelled; says why.
    """
    stop = Stop()
    task = asyncio.ensure_future(main(settings, stop))
    cut = _Cut(task)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, number.name, stop, cut)
    guard = asyncio.create_task(_cut_if_late(cut, stop, settings))
    try:
        await task
    except Stopped:
        pass
    except asyncio.CancelledError:
        if not cut.reason:
            raise
        raise HooklineError(cut.reason) from None
    finally:
        guard.cancel()
        with suppress(asyncio.CancelledError):
            await guard


class _Cut:
    """Cancels main, and knows why."""

    def __init__(self, task: asyncio.Future[None]) -> None:
        self._task = task
        self.reason = ""

    def __call__(self, reason: str) -> None:
        self.reason = reason
        self._task.cancel()


def _on_signal(name: str, stop: Stop, cut: _Cut) -> None:
    """The first asks, the second cuts, the third is somebody's last word."""
    if cut.reason:
        os._exit(Exit.CRASH)
    if stop.requested:
        log.warning("process.cut", signal=name)
        cut(f"cut off by a second {name} before it had finished")
        return
    log.info("process.stopping", signal=name)
    stop.request()


async def _cut_if_late(cut: _Cut, stop: Stop, settings: Settings) -> None:
    await stop.wait()
    allowed = timedelta(milliseconds=settings.stop_timeout_ms) + GRACE
    await asyncio.sleep(allowed.total_seconds())
    log.error("process.stop_late", allowed_s=allowed.total_seconds())
    cut(
        f"did not finish within {allowed.total_seconds():g} s of being asked to stop "
        "(HOOKLINE_STOP_TIMEOUT_MS and a little)"
    )


async def patiently(
    attempt: Callable[[], Awaitable[T]],
    *,
    what: str,
    stop: Stop,
    health: Health | None = None,
    clock: Clock | None = None,
) -> T:
    """Repeat an attempt to reach the broker until it succeeds or the process is asked to stop.

    Each failure is logged; meanwhile the check `broker` is not fine, afterwards it is.

    Args:
        attempt: Builds and starts what is needed, and leaves nothing behind when it fails.
        what: Names it in the log: `consumer`.

    Raises:
        Stopped: The process is to stop; let it pass, `run` knows it.
        FencedError: Another process took over; waiting would not help.
    """
    sleep = (clock or SystemClock()).sleep
    for number, wait in enumerate(_waits(), start=1):
        try:
            result = await _unless(stop, attempt())
        except FencedError:
            raise
        except BrokerError as error:
            log.warning("broker.waiting", what=what, attempt=number, error=str(error), retry_s=wait)
            if health is not None:
                health.set("broker", ok=False, detail=f"{what}: {error}")
        else:
            if health is not None:
                health.set("broker", ok=True, detail=f"{what} started")
            return result
        await _unless(stop, sleep(timedelta(seconds=wait)))
    raise IllegalStepError("the waits ended")  # pragma: no cover


def _waits() -> Iterator[float]:
    yield from PATIENCE
    while True:
        yield PATIENCE[-1]


async def _unless(stop: Stop, work: Awaitable[T]) -> T:
    """Await the work, but no longer than until the process is asked to stop."""
    task = asyncio.ensure_future(work)
    asked = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Stopped
    finally:
        for each in (asked, task):
            each.cancel()
        await asyncio.gather(asked, task, return_exceptions=True)


def _ended(error: BaseException, service: str) -> int:
    """Say in one line why the process ends, and return its code; a stack trace only if we are wrong."""
    code, message = judge(error)
    if code is Exit.CRASH and not message:
        log.critical("process.crashed", exc_info=error)
        message = f"crashed: {type(error).__name__}: {error}"
    if message:
        sys.stderr.write(f"{service}: {message}\n")
    return code


def judge(error: BaseException) -> tuple[Exit, str]:
    """The exit code for an error, and its message; none if a stack trace is what helps."""
    found = _leaves(error)
    unexpected = [
        leaf
        for leaf in found
        if isinstance(leaf, IllegalStepError) or not isinstance(leaf, HooklineError | Stopped)
    ]
    if unexpected:
        interrupted = all(isinstance(leaf, KeyboardInterrupt) for leaf in unexpected)
        return (Exit.CRASH, "interrupted") if interrupted else (Exit.CRASH, "")
    ranks = (
        (FencedError, Exit.FENCED),
        (ConfigurationError, Exit.CONFIGURATION),
        (BrokerError, Exit.BROKER),
        (HooklineError, Exit.CRASH),
    )
    for kind, code in ranks:
        for leaf in found:
            if isinstance(leaf, kind):
                return code, str(leaf)
    return Exit.CLEAN, ""


def _leaves(error: BaseException) -> tuple[BaseException, ...]:
    """The errors in a group, or the one."""
    if isinstance(error, BaseExceptionGroup):
        return tuple(leaf for inner in error.exceptions for leaf in _leaves(inner))
    return (error,)
