"""Is it the record that is wrong, or are we?  A limit on unreadable events in a row.

Pure.  One bad record is a dead letter and the partition moves on.  When nothing at all can be read
any more, the likely cause is a bad deployment, and dead letters by the thousand would be its
damage: the service holds, says so, and tries again later.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Go:
    """Write the batch.

    Attributes:
        streak: Unreadable events in a row once it is written.
    """

    streak: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Write nothing, try again later."""

    reason: str


def judge(streak: int, readable: int, trailing: int, limit: int) -> Go | Hold:
    """Whether a batch may be written.

    Args:
        streak: Unreadable events in a row before the batch.
        readable: Events of the batch that could be read.
        trailing: Unreadable events after the last readable one; all of them if there is none.
        limit: 0 never holds.
    """
    if readable:
        return Go(trailing)
    total = streak + trailing
    if limit and total >= limit:
        return Hold(
            f"{total} events in a row, and not one between them, could be read: this looks like a "
            "mistake of the service's or its registry's, not of the events. Nothing is written until "
            "one can be read; HOOKLINE_DEAD_LETTER_LIMIT=0 makes dead letters of them all the same"
        )
    return Go(total)
