"""Where the command line meets the process: arguments, environment, exit code."""

from __future__ import annotations

import os
import sys

from console.cli.root import run


def main() -> int:
    """Run `hookline` with this process's arguments and environment."""
    return run(sys.argv[1:], os.environ)


if __name__ == "__main__":
    raise SystemExit(main())
