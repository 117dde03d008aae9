"""Notices a consumer that has lag and makes no progress, which polling alone does not tell."""

from __future__ import annotations

import time
from collections.abc import Mapping

from kafka.errors import KafkaError

from runtime.kafka.client import Untyped


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
        self._behind: Mapping[Untyped, int] = {}

    def progress(self) -> None:
        """Something came."""
        self._looked_at = time.monotonic()
        self._behind = {}

    def look(self, client: Untyped) -> None:
        """Compare positions with ends, if it is time to.

        Raises:
            StuckError: A partition stands where it stood at the last look, before its end.
        """
        if time.monotonic() - self._looked_at < self._watch_s:
            return
        self._looked_at = time.monotonic()
        active = sorted(client.assignment() - client.paused())
        if not active:
            return
        try:
            ends = client.end_offsets(active, timeout_ms=5_000)
            at = {one: client.position(one, timeout_ms=1_000) for one in active}
        except KafkaError:
            return  # no broker, no progress: nothing that a new consumer could mend
        behind = {
            one: offset for one, offset in at.items() if offset is not None and offset < ends[one]
        }
        stuck = {one: offset for one, offset in behind.items() if self._behind.get(one) == offset}
        if stuck:
            raise StuckError(f"no progress for {self._watch_s:g} s at {stuck}")
        self._behind = behind
