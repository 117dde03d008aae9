"""Negative answers to an operator's question; they end a command with exit code 1."""

from __future__ import annotations

from schemas.errors import HooklineError


class NotFoundError(HooklineError):
    """What was asked for is not there; the message says where was looked."""


class RefusedError(HooklineError):
    """What was asked for exists but must not be done; the message says why."""
