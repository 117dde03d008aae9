"""How long attempts of a lane take, and whether it is this process that is slow.

Pure: time is an argument.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

#: What takes longer is slow: a lane's queue may hold what it sends within this time.
PATIENCE_MS: Final = 1_000.0
#: Weight of the latest attempt in the moving average of how long one takes.
_WEIGHT: Final = 0.2
#: By so much the shortest attempt is held to have become longer with each one since.
_FORGETS: Final = 1.02
#: The clock counts whole milliseconds; what took none took some.
_LEAST_MS: Final = 0.1
#: This process is held to be the slow one when its own sleeps end this late on average.
_LATE_MS: Final = 8.0
_LATE_WEIGHT: Final = 0.3


class Pace:
    """Whether this process keeps up with itself; shared by all lanes.

    While it does not, attempts take long whatever the endpoints do.  Parking would then only add
    to the work, so lanes are filled until all queues together are full and less is received.
    """

    __slots__ = ("_late_ms",)

    def __init__(self) -> None:
        """It does."""
        self._late_ms = 0.0

    @property
    def is_slow(self) -> bool:
        """True while the process is the bottleneck."""
        return self._late_ms > _LATE_MS

    def slept(self, late_ms: float) -> None:
        """A sleep of ours ended so late."""
        self._late_ms += (late_ms - self._late_ms) * _LATE_WEIGHT


class Tempo:
    """How long one lane's attempts take, those under way included."""

    __slots__ = ("_least_ms", "_mean_ms", "_overdue", "_started")

    def __init__(self) -> None:
        """Nothing was attempted."""
        self._least_ms = 0.0
        self._mean_ms = 0.0
        self._started: dict[Hashable, float] = {}
        self._overdue: set[Hashable] = set()

    @property
    def is_known(self) -> bool:
        """Whether any attempt has ended."""
        return self._mean_ms > 0

    def started(self, attempt: Hashable, now_ms: float, *, slow: bool) -> None:
        """A request is under way.

        Args:
            slow: It was expected to take long from the start.
        """
        self._started[attempt] = now_ms
        if slow:
            self._overdue.add(attempt)

    def ended(self, attempt: Hashable, now_ms: float) -> tuple[float, bool]:
        """It ended, in whatever way; returns when it began, and whether it counted as slow."""
        began = self._started.pop(attempt)
        slow = attempt in self._overdue
        self._overdue.discard(attempt)
        took = max(now_ms - began, _LEAST_MS)
        known = self.is_known
        self._mean_ms += (took - self._mean_ms) * (_WEIGHT if known else 1)
        self._least_ms = min(took, self._least_ms * _FORGETS) if known else took
        return began, slow

    def overdue(self, now_ms: float) -> int:
        """How many of those under way count as slow from now on, and did not before."""
        fresh = 0
        for attempt, began in self._started.items():
            if now_ms - began <= PATIENCE_MS:
                break
            if attempt not in self._overdue:
                self._overdue.add(attempt)
                fresh += 1
        return fresh

    def expected_ms(self, now_ms: float) -> float:
        """How long an attempt takes: at best lately; or, in trouble, on average or till now.

        On average only when that is long: this process itself may be slow for a moment, which
        says nothing about the endpoint.
        """
        oldest = now_ms - next(iter(self._started.values()), now_ms)
        long = max(self._mean_ms, oldest)
        return max(self._least_ms, long if long > PATIENCE_MS else 0.0)
