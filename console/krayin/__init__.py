"""Krayin's own workflows and webhooks, read from its tables and converted to manifests."""

from __future__ import annotations

from console.krayin.convert import Conversion, convert
from console.krayin.rows import Rows, read_rows

__all__ = ["Conversion", "Rows", "convert", "read_rows"]
