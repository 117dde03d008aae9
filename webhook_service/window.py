"""How many requests a lane may have under way: additive increase, multiplicative decrease.

Pure: time is an argument.  What the operator configured is the most, 1 the least.  An endpoint that
is asked too much says so (429, 503) or does not answer in time; then it gets less at once, and more
again, one at a time, as it answers.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

#: What is left of the window after a 429 or 503.
BACK_OFF: Final = 0.5


class Strain(Enum):
    """What an attempt says about the load on its endpoint."""

    NONE = "none"
    BUSY = "busy"
    TIMEOUT = "timeout"


class Window:
    """One lane's."""

    __slots__ = ("_backed_off_ms", "_size")

    def __init__(self) -> None:
        """Open: what is configured counts until the endpoint says otherwise."""
        self._size = float("inf")
        self._backed_off_ms = float("-inf")

    def size(self, most: int) -> int:
        """How many may be under way, of at most `most`."""
        return max(1, min(most, int(min(self._size, most))))

    def is_narrow(self, most: int) -> bool:
        """Whether it is less than what is configured."""
        return self._size < most

    def answered(self, most: int, strain: Strain, began_ms: float, now_ms: float) -> None:
        """An attempt ended.

        Args:
            began_ms: When it began.  What began before the window was narrowed last says only once
                more what narrowed it.
        """
        size = min(self._size, float(most))
        if strain is Strain.NONE:
            # One more for each whole window that was answered well.
            self._size = size + 1.0 / size
            if self._size >= most:
                self._size = float("inf")
        elif began_ms >= self._backed_off_ms:
            self._size = 1.0 if strain is Strain.TIMEOUT else max(1.0, size * BACK_OFF)
            self._backed_off_ms = now_ms
