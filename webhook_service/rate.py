"""How many attempts a webhook may get in a time: a rate, and the tokens of one member's part of it.

Pure: time is an argument.  A member's part is as large as its part of the partitions, and what it
gains begins empty; so all members together send, in any time `t`, at most `limit * t` and one burst.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

_RATE: Final = re.compile(r"(\d{1,7})/(s|min|h)")
_PER: Final = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
#: A burst is what the limit allows in this time; but every member may save one attempt.
BURST_MS: Final = 1_000.0
#: Times and sums are not exact; a token that lacks so little is there.
_TINY: Final = 1e-6


class Rate(BaseModel):
    """So many attempts in a time.

    Attributes:
        per: `s`, `min` or `h`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=1)
    per: str = Field(pattern="^(s|min|h)$")

    @property
    def per_ms(self) -> float:
        """Attempts in a millisecond."""
        return self.count / (_PER[self.per] / timedelta(milliseconds=1))


def parse_rate(text: str) -> Rate:
    """`50/s`, `600/min` or `1000/h`.

    Raises:
        ValueError: It is none of these.
    """
    found = _RATE.fullmatch(text)
    if found is None or not int(found[1]):
        raise ValueError(f"{text!r} is not a rate such as 50/s, 600/min or 1000/h")
    return Rate(count=int(found[1]), per=found[2])


def rate_text(rate: Rate) -> str:
    """The text that `parse_rate` reads as this rate."""
    return f"{rate.count}/{rate.per}"


class Bucket:
    """The tokens of one member for one webhook: an attempt takes one."""

    __slots__ = ("_at_ms", "_most", "_per_ms", "_tokens")

    def __init__(self, now_ms: float) -> None:
        """No token, and none comes before `share` is called."""
        self._at_ms = now_ms
        self._per_ms = 0.0
        self._most = 0.0
        self._tokens = 0.0

    def share(self, rate: Rate, part: float, now_ms: float) -> None:
        """This member's part of the limit from now on.

        Args:
            part: Its partitions among all partitions, 0 to 1.
        """
        self._fill(now_ms)
        self._per_ms = rate.per_ms * part
        self._most = max(self._per_ms * BURST_MS, 1.0) if part > 0 else 0.0
        self._tokens = min(self._tokens, self._most)

    def wait_ms(self, now_ms: float) -> float:
        """Until the next token: 0 if there is one, infinite if none will come."""
        self._fill(now_ms)
        lacking = 1.0 - self._tokens
        if lacking <= _TINY:
            return 0.0
        return lacking / self._per_ms if self._per_ms > 0 else float("inf")

    def take(self, now_ms: float) -> bool:
        """Take a token; False if there is none."""
        if self.wait_ms(now_ms) > 0:
            return False
        self._tokens = max(0.0, self._tokens - 1.0)
        return True

    @property
    def per_s(self) -> float:
        """This member's part of the limit, in attempts a second."""
        return self._per_ms * 1_000

    def soon(self, within_ms: float) -> int:
        """How many may be sent within a time, of what comes in it."""
        return int(self._per_ms * within_ms)

    def _fill(self, now_ms: float) -> None:
        # A clock that was set back gives nothing, and takes nothing.
        passed = max(0.0, now_ms - self._at_ms)
        self._at_ms = now_ms
        self._tokens = min(self._most, self._tokens + passed * self._per_ms)
