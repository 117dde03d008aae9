"""How many bytes of requests may be under way: what bounds the gateway's memory.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

#: What a request takes however small its body is: its parsed form, a task, buffers.
LEAST_BYTES = 8 * 1024


class Admission:
    """A budget of bytes."""

    def __init__(self, limit: int) -> None:
        """Start with the whole budget free."""
        self._limit = limit
        self._taken = 0

    @contextmanager
    def admit(self, size: int) -> Iterator[bool]:
        """Take a request's share for as long as the block lasts; False if there is no room.

        A request that is alone always has room, or a small budget would refuse it for ever.
        """
        share = max(size, LEAST_BYTES)
        if self._taken and self._taken + share > self._limit:
            yield False
            return
        self._taken += share
        try:
            yield True
        finally:
            self._taken -= share
