"""`python -m console.leash PARENT MODULE …`: runs a module that ends when its parent does.

A demo that is killed cannot clean up behind itself; so each of its processes asks the kernel to be
told (SIGTERM) when the parent is gone.  Linux only; elsewhere the module just runs.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
from collections.abc import Sequence

#: From <sys/prctl.h>.
PR_SET_PDEATHSIG = 1


def command(parent: int, module: str, arguments: Sequence[str] = ()) -> tuple[str, ...]:
    """The command line that runs a module on the leash of process `parent`."""
    return (sys.executable, "-m", "console.leash", str(parent), module, *arguments)


def tie(parent: int) -> bool:
    """Ask for SIGTERM at the parent's death; False if it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent


def main(arguments: Sequence[str]) -> int:
    """Tie, then become the module."""
    parent, module, *rest = arguments
    if not tie(int(parent)):
        return 1
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
