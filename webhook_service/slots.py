"""Who may have a request under way when there are not enough for all: healthy lanes always find room.

Pure.  There are two pools of equal size: one for lanes whose endpoint answers soon, one for the slow.
An attempt that begins in the first and does not end soon is moved to the second, so those that hang
hold nobody's place for longer than it takes to notice.  In each pool a lane may have more than one
only as long as it does not have more than twice what is free: nobody can take the last ones.
"""

from __future__ import annotations

from typing import Final

#: A lane may have so many times what is free.
GREED: Final = 2
#: However many hang, this share of the pool stays for those that do not.
_LEAST: Final = 0.25


class Slots:
    """Both pools.

    Attributes:
        quick, slow: How many requests of each kind are under way.
    """

    __slots__ = ("_most", "quick", "slow")

    def __init__(self, most: int) -> None:
        """Nothing is under way.

        Args:
            most: Size of each pool.
        """
        self._most = most
        self.quick = 0
        self.slow = 0

    @property
    def taken(self) -> int:
        """Requests under way."""
        return self.quick + self.slow

    def free(self, *, slow: bool) -> int:
        """How many more may begin in a pool; slow ones beyond their pool's size take of the other."""
        if slow:
            return max(0, self._most - self.slow)
        size = self._most - max(0, self.slow - self._most)
        return max(0, max(int(self._most * _LEAST), size, 1) - self.quick)

    def admits(self, active: int, *, slow: bool) -> bool:
        """Whether a lane may begin one more.

        Args:
            active: What it has under way.
        """
        free = self.free(slow=slow)
        return free > 0 and active < max(1, free * GREED)

    def take(self, *, slow: bool) -> None:
        """One begins."""
        if slow:
            self.slow += 1
        else:
            self.quick += 1

    def give(self, *, slow: bool) -> None:
        """One ended."""
        if slow:
            self.slow -= 1
        else:
            self.quick -= 1

    def move(self) -> None:
        """One that began as quick has turned out to be slow."""
        self.quick -= 1
        self.slow += 1
