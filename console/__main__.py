"""`python -m console`: the same as the `hookline` command."""

from __future__ import annotations

from console.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
