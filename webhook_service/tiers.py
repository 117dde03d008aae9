"""Retry tiers: topics whose records all wait for the same time, so their head is always the next due.

Pure.  A due time is reached by stepping down: the longest tier that ends before it, then the next.
Only the last step, on the shortest tier, may end after it; never before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stay:
    """One step on the way to a due time.

    Attributes:
        tier: Index of the tier, shortest first.
        leave_ms: When the record leaves it, Unix milliseconds.
    """

    tier: int
    leave_ms: int


def stay_of(due_ms: int, now_ms: int, tiers_ms: Sequence[int]) -> Stay:
    """Where a record waits next.

    Args:
        due_ms: When it is due, Unix milliseconds.
        now_ms: When it is written to the tier.
        tiers_ms: The tiers' delays, rising, at least one.
    """
    left = due_ms - now_ms
    for tier in range(len(tiers_ms) - 1, 0, -1):
        if tiers_ms[tier] <= left:
            return Stay(tier, now_ms + tiers_ms[tier])
    return Stay(0, now_ms + tiers_ms[0])
