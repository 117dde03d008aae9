"""Which delivery of a key may be attempted: the one that came first, and no other.

Pure.  The order of a key is the order of its records in the actions topic (their origin offsets).
An unfinished record is either *here* (in this process: queued or under way) or *away* (in a retry
tier).  Whatever is here stands before whatever is away; so what arrives behind something that is
away has to go away too, and what goes away takes along all that is here behind it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True)
class Ready:
    """Nothing stands before it."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Others that are here stand before it; `finish` or `leave` of these says when it is next."""


@dataclass(frozen=True, slots=True)
class Held:
    """One that is away stands before it, so it must wait in a tier as well.

    Attributes:
        origin: The one it waits for.
        due_ms: When that one is due.
    """

    origin: int
    due_ms: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """It is here already: a second copy of the same record."""


READY, BEHIND, REPEATED = Ready(), Behind(), Repeated()


class Order:
    """The unfinished records of one partition, by key."""

    def __init__(self) -> None:
        """Nothing is unfinished."""
        self._lines: dict[bytes, _Line] = {}
        self._away = 0

    @property
    def away(self) -> int:
        """How many records wait in tiers."""
        return self._away

    def restore(self, key: bytes, origin: int, due_ms: int) -> None:
        """Learn of a record that waits in a tier, before anything of the partition is attempted."""
        line = self._lines.setdefault(key, _Line())
        self._away += line.put_away(origin, due_ms)

    def arrive(self, key: bytes, origin: int) -> Ready | Behind | Held | Repeated:
        """A record came to be attempted, from the actions topic or, due, from a tier."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line()
            line.here.append(origin)
            return READY
        first = line.first_away()
        if first is not None and first < origin:
            return Held(first, line.away[first])
        if origin in line.here:
            return REPEATED
        if origin in line.away:
            del line.away[origin]
            self._away -= 1
        insort(line.here, origin)
        return READY if line.here[0] == origin else BEHIND

    def leave(self, key: bytes, origin: int, due_ms: int) -> tuple[int, ...]:
        """A record goes to a tier; returns those here behind it, which must follow at once.

        Each of these is to be taken away with `leave` in turn (it returns nothing more then).
        """
        line = self._lines[key]
        place = line.here.index(origin) if origin in line.here else len(line.here)
        behind = tuple(line.here[place + 1 :])
        del line.here[place:]
        self._away += line.put_away(origin, due_ms)
        return behind

    def finish(self, key: bytes, origin: int) -> int | None:
        """A record is delivered or dead; returns the next of its key that is here, if it is next."""
        line = self._lines[key]
        here = line.here
        if here and here[0] == origin:
            del here[0]
        elif origin in here:
            here.remove(origin)
            return None
        if here:
            return here[0]
        if not line.away:
            del self._lines[key]
        return None

    def first_away(self, key: bytes) -> Held | None:
        """The first record of a key that is away, if any is."""
        line = self._lines.get(key)
        first = None if line is None else line.first_away()
        return None if line is None or first is None else Held(first, line.away[first])

    def away_of(self, key: bytes) -> Iterator[int]:
        """The origins of a key that are away, for whoever looks."""
        line = self._lines.get(key)
        return iter(() if line is None else sorted(line.away))


class _Line:
    """The unfinished records of one key."""

    __slots__ = ("_heap", "away", "here")

    def __init__(self) -> None:
        self.here: list[int] = []
        self.away: dict[int, int] = {}
        self._heap: list[int] = []

    def put_away(self, origin: int, due_ms: int) -> int:
        """Note where it waits; 1 if it was not away before."""
        new = origin not in self.away
        if new:
            heappush(self._heap, origin)
        self.away[origin] = due_ms
        return int(new)

    def first_away(self) -> int | None:
        """The lowest origin that is away."""
        while self._heap and self._heap[0] not in self.away:
            heappop(self._heap)
        return self._heap[0] if self._heap else None
