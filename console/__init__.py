"""The operator's view: the `hookline` command, and what it asks of topics and services."""

from __future__ import annotations
