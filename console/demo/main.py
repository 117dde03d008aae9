"""`hookline demo` as a whole: the run, what is said at its end, the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.demo.run import demo
from console.demo.screen import Screen
from console.stoppable import Stopped, run
from runtime.clock import Clock

#: As a shell reports a process that Ctrl-C ended.
INTERRUPTED = 130


def main(environ: Mapping[str, str], clock: Clock, *, repair: bool, logs: Path | None) -> int:
    """Run the demo; 0 only if everything expected was observed.

    Raises:
        HooklineError: It could not be run; nothing is left behind.
    """
    screen = Screen()
    began = clock.now()
    try:
        tally = run(
            demo(environ, screen, clock, repair=repair, logs=logs),
            lambda: screen.progress("stopping, as asked"),
        )
    except Stopped:
        screen.progress("stopped; nothing is left behind")
        return INTERRUPTED
    seconds = (clock.now() - began).total_seconds()
    return screen.verdict(tally.missing, seconds)
