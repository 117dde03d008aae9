"""The `hookline` command: one module per subject, imported only when it is used."""

from __future__ import annotations

from console.cli.__main__ import main

__all__ = ["main"]
