"""Cleans up behind a process that could not: run as a script, with a pipe from it as input.

The process tells in lines what is to go when it goes: `kill PID` and `remove DIRECTORY`, taken
back by `forget PID`.  A process that ends in any way, kill -9 included, closes the pipe; then the
warden kills and removes, and ends.  Standard library only: it starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterable


def watch(lines: Iterable[str]) -> tuple[set[int], set[str]]:
    """Read until the pipe closes; what is to be killed and removed."""
    pids: set[int] = set()
    directories: set[str] = set()
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word == "kill":
            pids.add(int(rest))
        elif word == "forget":
            pids.discard(int(rest))
        elif word == "remove":
            directories.add(rest)
    return pids, directories


def clean_up(pids: Iterable[int], directories: Iterable[str]) -> None:
    """Kill each process with its group, then remove the directories."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    # It outlives what ends its parent by design; it ends with the pipe.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    clean_up(*watch(sys.stdin))
