"""The processes of a local system: started, watched, stopped; each with its log in a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.leash import command
from schemas.errors import HooklineError

#: A service stops by itself within its own stop timeout; after this it is killed.
STOP_WITHIN_S = 15.0
LAST_LINES = 15


class ChildDiedError(HooklineError):
    """A process of the local system ended by itself; the message holds its last log lines."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start.

    Attributes:
        name: For people, and of its log file: `webhooks-1`.
        environ: In addition to the parent's environment without its `HOOKLINE_*` variables.
        url: Where it serves `/health/ready`, and services also `/metrics`.
    """

    name: str
    module: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    url: str

    @property
    def ready_url(self) -> str:
        """Answers 200 once the process is ready."""
        return f"{self.url}/health/ready"


@dataclass(slots=True)
class Child:
    """A started program."""

    program: Program
    log: Path
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            ChildDiedError: With the exit code and the last lines of its log.
        """
        code = self.process.returncode
        if code is None:
            return
        ending = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        message = (
            f"{self.program.name} (pid {self.pid}) ended {ending}; its last lines:\n{self.tail()}"
        )
        raise ChildDiedError(message)

    def tail(self, lines: int = LAST_LINES) -> str:
        """The last lines of its log."""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(f"    {line}" for line in text) or "    (it said nothing)"


async def start(program: Program, base: Mapping[str, str], directory: Path, logs: Path) -> Child:
    """Start a program in a directory; its output goes to `<logs>/<name>.log`."""
    log = logs / f"{program.name}.log"
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *command(os.getpid(), program.module, program.arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=asyncio.subprocess.STDOUT,
            env={**base, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **program.environ},
            cwd=directory,
            # A terminal sends Ctrl-C to its whole foreground group; the order of stopping is ours.
            start_new_session=True,
        )
    return Child(program, log, process)


async def stop(children: Sequence[Child]) -> tuple[str, ...]:
    """Stop all, in the order given, at once; returns the names of those that had to be killed."""
    for child in children:
        if child.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
    ended = await asyncio.gather(*(_ended(child) for child in children))
    return tuple(
        child.program.name for child, clean in zip(children, ended, strict=True) if not clean
    )


async def _ended(child: Child) -> bool:
    """Wait for the end; kill what does not stop in time."""
    try:
        await asyncio.wait_for(child.process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        child.process.kill()
        await child.process.wait()
        return False
    return True
