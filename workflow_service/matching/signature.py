"""What many workflows ask for alike, one bit each: `stage is won`, `changed by the API`.

Pure.  An event has its signature computed once, with one look-up for each of its attributes; then
whether it has all that a workflow needs is one operation on two numbers.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache

from workflow_service.matching.hints import Among, Attribute, Within

#: Bits that an attribute may have: one that has more different wishes hardly ever shares one.
MOST_OF_ONE = 32
#: Bits in all.  So long a number is still compared in a tenth of a microsecond.
MOST = 240


#: Numbers of more bits are of one magnitude.
LARGEST = 64
#: `magnitude`, written out for a number in `v`.
MAGNITUDE = f"v = min(v.bit_length(), {LARGEST}) if v >= 0 else -min(v.bit_length(), {LARGEST})"


def magnitude(value: int) -> int:
    """How many bits a number has, negative if it is: no smaller for a larger number."""
    bits = min(value.bit_length(), LARGEST)
    return bits if value >= 0 else -bits


def magnitudes(hint: Within) -> Among:
    """Those that a number may have that lies where a hint says."""
    least = -LARGEST if hint.low is None else magnitude(hint.low)
    most = LARGEST if hint.high is None else magnitude(hint.high)
    return Among(hint.attribute, frozenset(range(least, most + 1)))


@lru_cache(maxsize=4_096)
def one_object(need: int) -> int:
    """The same object for the same needs, so that those of a slot's entries are near in memory."""
    return need


@dataclass(slots=True)
class _Shared:
    """A bit, and how many need it."""

    bit: int
    users: int


class Signature:
    """Which bits there are.

    Attributes:
        tables: For each attribute with bits, the bits that a key has.
        taken: All bits there are.
    """

    def __init__(self) -> None:
        """None is needed yet."""
        self.tables: dict[Attribute, dict[Hashable, int]] = {}
        self._shared: dict[Attribute, dict[frozenset[Hashable], _Shared]] = {}
        self.taken = 0

    def need(self, hint: Among, *, always: bool = False) -> int:
        """The bit of a hint, which one more entry needs from now on; 0 if there is none to give."""
        of_one = self._shared.get(hint.attribute, {})
        shared = of_one.get(hint.keys)
        if shared is not None:
            shared.users += 1
            return shared.bit
        full = len(of_one) >= MOST_OF_ONE or self.taken.bit_count() >= MOST
        return 0 if full and not always else self._give(hint)

    def _give(self, hint: Among) -> int:
        bit = ~self.taken & (self.taken + 1)  # the lowest that is free
        self.taken |= bit
        self._shared.setdefault(hint.attribute, {})[hint.keys] = _Shared(bit, 1)
        table = self.tables.setdefault(hint.attribute, {})
        for key in hint.keys:
            table[key] = table.get(key, 0) | bit
        return bit

    def release(self, hint: Among, need: int) -> None:
        """One entry less needs the bit of a hint, if its `need` has it."""
        of_one = self._shared.get(hint.attribute, {})
        shared = of_one.get(hint.keys)
        if shared is None or not shared.bit & need:
            return
        shared.users -= 1
        if shared.users:
            return
        self.taken &= ~shared.bit
        del of_one[hint.keys]
        table = self.tables[hint.attribute]
        for key in hint.keys:
            table[key] &= ~shared.bit
            if not table[key]:
                del table[key]
        if not of_one:
            del self._shared[hint.attribute], self.tables[hint.attribute]
