"""The ways in which the index tells workflows apart by one attribute of the event.

Pure.  A split leads from what the attribute says to the slots that may still match: `Keys` and
`AnyKeys` by hashing, `Spans` by numbers, `Texts` by parts of a text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from struct import Struct
from sys import byteorder
from typing import Any, Protocol

from workflow_service.matching.entries import EMPTY, Entry, Slot, with_entry, without_entry
from workflow_service.matching.hints import Among, Part, Within

#: Takes a slot that was found.
Found = Callable[[Any], None]
#: Numbers in ascending order, and the entries that end there.
Ends = tuple[list[int], list[Entry]]
#: A step of a range's cells: each level's are four times as wide as those of the level below.
LEVEL = 2
#: Bytes of a block of text, and of the shortest part that always covers a whole block.
BLOCK = 4
LONG = 2 * BLOCK - 1
#: Keys that an attribute is thought to have before workflows name more.
LIKELY_KEYS = 8
KEYS_AT_ONCE = 3
#: Looking for so many parts one by one costs no more than the blocks of a text.
FEW_PARTS = 8


class Split(Protocol):
    """Workflows told apart by one attribute."""

    def __len__(self) -> int:
        """0 if none is left."""

    def share(self, hint: Any) -> float:
        """Roughly which share of the events comes by where the hint puts a workflow."""

    def put(self, hint: Any, entry: Entry, /) -> None:
        """Put an entry into every slot that the hint leads to."""

    def take(self, hint: Any, entry: Entry, /) -> None:
        """Take it out of them."""


def _put(slots: dict[Any, Slot], key: Hashable, entry: Entry) -> None:
    slots[key] = with_entry(slots.get(key, EMPTY), entry)


def _take(slots: dict[Any, Slot], key: Hashable, entry: Entry) -> None:
    """Take an entry out of one slot of a table, which holds no empty ones."""
    slot = without_entry(slots[key], entry)
    if slot:
        slots[key] = slot
    else:
        del slots[key]


class Keys(dict[Hashable, Slot]):
    """By the one key that the attribute has: a table of slots."""

    __slots__ = ()

    def share(self, hint: Among) -> float:
        """As if the keys that workflows name were equally frequent, and there were a few at least."""
        new = sum(key not in self for key in hint.keys)
        return min(1.0, len(hint.keys) / max(len(self) + new + 1, LIKELY_KEYS))

    def put(self, hint: Among, entry: Entry) -> None:
        """In the slot of each key."""
        for key in hint.keys:
            _put(self, key, entry)

    def take(self, hint: Among, entry: Entry) -> None:
        """From the slot of each key."""
        for key in hint.keys:
            _take(self, key, entry)


class AnyKeys(Keys):
    """By the several keys that the attribute has: fields that changed, elements of a list."""

    __slots__ = ()

    def share(self, hint: Among) -> float:
        """An event has some keys at once."""
        return min(1.0, KEYS_AT_ONCE * super().share(hint))


class Spans:
    """By where a number lies.

    A span with two ends lies in at most two cells of the level whose cells are no narrower than it.
    Spans with one end are kept in the order of that end, so those that hold are one slice.
    """

    __slots__ = ("cells", "falling", "rising")

    def __init__(self) -> None:
        """Empty."""
        self.cells: dict[int, dict[int, Slot]] = {}
        self.rising: Ends = ([], [])
        self.falling: Ends = ([], [])

    def __len__(self) -> int:
        """The number of cells and of ends."""
        return sum(map(len, self.cells.values())) + len(self.rising[0]) + len(self.falling[0])

    def share(self, hint: Within) -> float:
        """A guess: nobody has counted the events."""
        return 0.5 if hint.low is None or hint.high is None else 0.1

    def put(self, hint: Within, entry: Entry) -> None:
        """In its cells, or at its one end."""
        if hint.high is None:
            _insert(self.rising, hint.low or 0, entry)
        elif hint.low is None:
            _insert(self.falling, hint.high, entry)
        else:
            level, cells = _cells(hint.low, hint.high)
            for cell in cells:
                _put(self.cells.setdefault(level, {}), cell, entry)

    def take(self, hint: Within, entry: Entry) -> None:
        """From its cells, or from its one end."""
        if hint.high is None:
            _delete(self.rising, hint.low or 0, entry)
        elif hint.low is None:
            _delete(self.falling, hint.high, entry)
        else:
            level, cells = _cells(hint.low, hint.high)
            for cell in cells:
                _take(self.cells[level], cell, entry)
            if not self.cells[level]:
                del self.cells[level]

    def find(self, value: int, found: Found) -> None:
        """One cell of each level, and a slice of each order."""
        for level, cells in self.cells.items():
            slot = cells.get(value >> level)
            if slot is not None:
                found(slot)
        ends, entries = self.rising
        if ends and ends[0] <= value:
            found(entries[: bisect_right(ends, value)])
        ends, entries = self.falling
        if ends and ends[-1] >= value:
            found(entries[bisect_left(ends, value) :])


def _cells(low: int, high: int) -> tuple[int, set[int]]:
    """The level of a span, and its cells in it."""
    level = -(-max(0, high - low).bit_length() // LEVEL) * LEVEL
    return level, {low >> level, high >> level}


def _insert(order: Ends, end: int, entry: Entry) -> None:
    ends, entries = order
    at = bisect_right(ends, end)
    ends.insert(at, end)
    entries.insert(at, entry)


def _delete(order: Ends, end: int, entry: Entry) -> None:
    ends, entries = order
    at = entries.index(entry, bisect_left(ends, end), bisect_right(ends, end))
    del ends[at], entries[at]


class Texts:
    """By a part that the text contains.

    The text is cut into blocks of four bytes.  Wherever a part of seven or more stands in it, one of
    any four sequences of four bytes that follow each other in the part is a block; those shared by the
    fewest parts are taken.  A part that a block speaks for is then looked for; shorter ones always
    are, and all are where there are few.
    """

    __slots__ = ("blocks", "parts", "short")

    def __init__(self) -> None:
        """Empty."""
        self.parts: dict[str, Slot] = {}
        self.blocks: dict[int, tuple[str, ...]] = {}
        self.short: tuple[str, ...] = ()

    def __len__(self) -> int:
        """The number of parts."""
        return len(self.parts)

    def share(self, hint: Part) -> float:
        """A guess: longer parts are rarer."""
        return 0.02 if len(hint.text) >= LONG else 0.1

    def put(self, hint: Part, entry: Entry) -> None:
        """In the slot of the part."""
        if hint.text not in self.parts:
            self._learn(hint.text)
        _put(self.parts, hint.text, entry)

    def take(self, hint: Part, entry: Entry) -> None:
        """From the slot of the part."""
        _take(self.parts, hint.text, entry)
        if hint.text not in self.parts:
            self._forget(hint.text)

    def _learn(self, part: str) -> None:
        blocks = _blocks(part)
        if len(blocks) < BLOCK:
            self.short = (*self.short, part)
            return
        spoken = [len(self.blocks.get(block, ())) for block in blocks]
        start = min(range(len(blocks) - BLOCK + 1), key=lambda at: sum(spoken[at : at + BLOCK]))
        for block in set(blocks[start : start + BLOCK]):
            self.blocks[block] = (*self.blocks.get(block, ()), part)

    def _forget(self, part: str) -> None:
        self.short = tuple(each for each in self.short if each != part)
        for block in set(_blocks(part)):
            parts = self.blocks.get(block, ())
            left = tuple(each for each in parts if each != part)
            if left:
                self.blocks[block] = left
            elif parts:
                del self.blocks[block]

    def find(self, value: str, found: Found) -> None:
        """The slots of the parts that are in the text."""
        parts = self.parts
        likely = parts if len(parts) <= FEW_PARTS else self._likely(value)
        for part in likely:
            if part in value:
                found(parts[part])

    def _likely(self, value: str) -> Iterable[str]:
        data = value.encode("utf-8", "surrogatepass")
        blocks = _ints(len(data) // BLOCK).unpack_from(data)
        known = self.blocks
        likely = [part for block in blocks if block in known for part in known[block]]
        return {*self.short, *likely} if likely else self.short


@lru_cache(maxsize=4_096)
def _ints(count: int) -> Struct:
    """Unpacks so many blocks."""
    return Struct(f"={count}I")


def _blocks(part: str) -> list[int]:
    """Every sequence of four bytes in a part, as `_ints` reads them."""
    data = part.encode("utf-8", "surrogatepass")
    return [int.from_bytes(data[at : at + BLOCK], byteorder) for at in range(len(data) - BLOCK + 1)]
