"""Runs a helper program to its end, or to ours."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from schemas.errors import BrokerError

#: Seconds between two looks at a process.
PAUSE = 0.05
LAST_LINES = 15


class AbortedError(BrokerError):
    """The start of a broker was given up because nobody wants it any more."""


def last_lines(text: str, count: int = LAST_LINES) -> str:
    """The end of a log, indented, for an error's message."""
    lines = text.rstrip().splitlines()[-count:]
    return "\n".join(f"    {line}" for line in lines) or "    (it said nothing)"


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    timeout_s: float,
    aborted: Callable[[], bool],
) -> str | None:
    """Run a program; None if it succeeded, else its last lines.

    Raises:
        AbortedError: `aborted` became true; the program was killed.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(  # noqa: S603 - commands of this package only
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        ended = False
        try:
            ended = wait(lambda: process.poll() is not None, timeout_s=timeout_s, aborted=aborted)
        finally:
            if not ended:
                process.kill()
                process.wait()
        output.seek(0)
        if process.returncode == 0:
            return None
        late = "" if ended else f"    (killed: it took longer than {timeout_s:g} s)\n"
        return late + last_lines(output.read())


def wait(condition: Callable[[], bool], *, timeout_s: float, aborted: Callable[[], bool]) -> bool:
    """True when the condition came true, False when the time was up.

    Raises:
        AbortedError: `aborted` became true.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if aborted():
            raise AbortedError("the start of a local broker was given up")
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True
