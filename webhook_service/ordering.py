"""Which delivery of a key may be attempted: the one that came first, and no other.

Pure.  The order of a key is the order of its records in the actions topic (their origin offsets).
An unfinished record is either *here* (in this process: queued or under way) or *away* (in a retry
tier).  Whatever is here stands before whatever is away; so what arrives behind something that is
away has to go away too, and what goes away takes along all that is here behind it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from dataclasses import dataclass


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


def line_of(key: bytes, origin: int, *, ordered: bool) -> bytes:
    """The line that a record stands in: that of its key, or one of its own."""
    return key if ordered else b"%d#%b" % (origin, key)


class Order:
    """The unfinished records of one partition, in lines: one for each key.

    What is away costs the line's key and 8 bytes a record.
    """

    def __init__(self) -> None:
        """Nothing is unfinished."""
        #: Those here, rising; there is no empty line.
        self._here: dict[bytes, list[int]] = {}
        #: When the first is due (as far as that is known), then the origins, rising.
        self._away: dict[bytes, array[int]] = {}

    def restore(self, line: bytes, origin: int, due_ms: int) -> None:
        """Learn of a record that waits in a tier, before anything of the partition is attempted."""
        self._put_away(line, origin, due_ms)

    def forget(self, line: bytes, origin: int) -> None:
        """A record that was away stands in another line from now on."""
        away = self._away.get(line)
        if away is None:
            return
        place = bisect_left(away, origin, 1)
        if place < len(away) and away[place] == origin:
            del away[place]
            if len(away) == 1:
                del self._away[line]

    def arrive(self, line: bytes, origin: int) -> Ready | Behind | Held | Repeated:
        """A record came to be attempted, from the actions topic or, due, from a tier."""
        away = self._away.get(line)
        if away is not None and away[1] < origin:
            return Held(away[1], away[0])
        here = self._here.get(line)
        if here is not None and origin in here:
            return REPEATED
        if away is not None:
            self.forget(line, origin)
        if here is None:
            self._here[line] = [origin]
            return READY
        insort(here, origin)
        return READY if here[0] == origin else BEHIND

    def leave(self, line: bytes, origin: int, due_ms: int) -> tuple[int, ...]:
        """A record goes to a tier; returns those here behind it, which must follow at once.

        Each of these is to be taken away with `leave` in turn (it returns nothing more then).
        """
        here = self._here.get(line, [])
        place = here.index(origin) if origin in here else len(here)
        behind = tuple(here[place + 1 :])
        del here[place:]
        if not here:
            self._here.pop(line, None)
        self._put_away(line, origin, due_ms)
        return behind

    def finish(self, line: bytes, origin: int) -> int | None:
        """A record is done with here; returns the next of its line that is here, if it is next."""
        here = self._here[line]
        first = here[0] == origin
        here.remove(origin)
        if not here:
            del self._here[line]
            return None
        return here[0] if first else None

    def first_away(self, line: bytes) -> Held | None:
        """The first record of a line that is away, if any is."""
        away = self._away.get(line)
        return None if away is None else Held(away[1], away[0])

    def away_of(self, line: bytes) -> tuple[int, ...]:
        """The origins of a line that are away, for whoever looks."""
        return tuple(self._away.get(line, ())[1:])

    def _put_away(self, line: bytes, origin: int, due_ms: int) -> None:
        away = self._away.get(line)
        if away is None:
            self._away[line] = array("q", (due_ms, origin))
            return
        place = bisect_left(away, origin, 1)
        if place == len(away) or away[place] != origin:
            away.insert(place, origin)
        if place == 1:
            away[0] = due_ms
