"""Notices a consumer that has lag and makes no progress, which polling alone does not tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from runtime.broker import TopicPartition


class StuckError(Exception):
    """There is lag and nothing comes: a reason to rebuild, nobody's fault."""


class Watchdog:
    """Looks when nothing came for a while; the second look that sees the same raises."""

    def __init__(self, watch_s: float) -> None:
        """Begins now.

        Args:
            watch_s: Between two looks.
        """
        self._watch_s = watch_s
        self._looked_at = time.monotonic()
        self._behind: Mapping[TopicPartition, int] = {}

    def progress(self) -> None:
        """Something came."""
        self._looked_at = time.monotonic()
        self._behind = {}

    def look(self, behind: Callable[[], Mapping[TopicPartition, int]]) -> None:
        """Compare, if it is time to.

        Args:
            behind: Where each partition stands that has not been read to its end.

        Raises:
            StuckError: A partition stands where it stood at the last look, before its end.
        """
        if time.monotonic() - self._looked_at < self._watch_s:
            return
        self._looked_at = time.monotonic()
        now = behind()
        stuck = {one: offset for one, offset in now.items() if self._behind.get(one) == offset}
        if stuck:
            raise StuckError(f"no progress for {self._watch_s:g} s at {stuck}")
        self._behind = now
