"""The ways in which the index tells workflows apart by one attribute of the event.

Pure.  A split leads from what the attribute says to the slots that may still match: `Keys` and
`AnyKeys` by hashing, `Spans` by numbers, `Texts` by parts of a text.  What hangs in a slot, the
index decides: a few entries, or a branch that tells them further apart.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable
from sys import byteorder
from typing import Any, Protocol

from workflow_service.hints import Among, Part, Within

#: One workflow in the index; only its identity matters here.
Entry = Any
#: Many workflows in one slot, told apart by further attributes.
Branch = Any
#: A tuple of entries, or a branch.
Slot = Any
#: Gives the slot with one entry more, or less; None is the empty slot.
Edit = Callable[[Slot | None], Slot | None]
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

    def edit(self, hint: Any, entry: Entry, edit: Edit, /) -> None:
        """Change every slot in which the hint puts a workflow, the same at putting and taking."""

    def find(self, value: Any, found: list[Entry], branches: list[Branch]) -> None:
        """Collect what an event with this value may match."""


def _edited(slots: dict[Any, Slot], key: Hashable, edit: Edit) -> None:
    """Change one slot of a table, which holds no empty ones."""
    slot = edit(slots.get(key))
    if slot is None:
        slots.pop(key, None)
    else:
        slots[key] = slot


def _collect(slot: Slot, found: list[Entry], branches: list[Branch]) -> None:
    if type(slot) is tuple:
        found += slot
    else:
        branches.append(slot)


class Keys(dict[Hashable, Slot]):
    """By the one key that the attribute has: a table of slots."""

    __slots__ = ()

    def share(self, hint: Among) -> float:
        """As if the keys that workflows name were equally frequent, and there were a few at least."""
        new = sum(key not in self for key in hint.keys)
        return min(1.0, len(hint.keys) / max(len(self) + new + 1, LIKELY_KEYS))

    def edit(self, hint: Among, _: Entry, edit: Edit) -> None:
        """In the slot of each key."""
        for key in hint.keys:
            _edited(self, key, edit)

    def find(self, value: Any, found: list[Entry], branches: list[Branch]) -> None:
        """The slot of the key."""
        slot = self.get(value)
        if slot is not None:
            _collect(slot, found, branches)


class AnyKeys(Keys):
    """By the several keys that the attribute has: fields that changed, elements of a list."""

    __slots__ = ()

    def share(self, hint: Among) -> float:
        """An event has some keys at once."""
        return min(1.0, KEYS_AT_ONCE * super().share(hint))

    def find(self, value: Any, found: list[Entry], branches: list[Branch]) -> None:
        """The slots of all the keys; a workflow that names two of them is found twice."""
        for key in value:
            if key in self:
                _collect(self[key], found, branches)


class Spans:
    """By where a number lies.

    A span with two ends lies in at most two cells of the level whose cells are no narrower than it.
    Spans with one end are kept in the order of that end, so those that hold are one slice.
    """

    __slots__ = ("cells", "falling", "rising")

    def __init__(self) -> None:
        """Empty."""
        self.cells: dict[int, dict[int, Slot]] = {}
        self.rising: tuple[list[int], list[Entry]] = ([], [])
        self.falling: tuple[list[int], list[Entry]] = ([], [])

    def __len__(self) -> int:
        """The number of cells and of ends."""
        return sum(map(len, self.cells.values())) + len(self.rising[0]) + len(self.falling[0])

    def share(self, hint: Within) -> float:
        """A guess: nobody has counted the events."""
        return 0.5 if hint.low is None or hint.high is None else 0.1

    def edit(self, hint: Within, entry: Entry, edit: Edit) -> None:
        """In its cells, or at its one end."""
        low, high = hint.low, hint.high
        if high is None:
            _edit_sorted(self.rising, low or 0, entry, edit)
        elif low is None:
            _edit_sorted(self.falling, high, entry, edit)
        else:
            level = -(-max(0, high - low).bit_length() // LEVEL) * LEVEL
            cells = self.cells.setdefault(level, {})
            for cell in {low >> level, high >> level}:
                _edited(cells, cell, edit)
            if not cells:
                del self.cells[level]

    def find(self, value: int, found: list[Entry], branches: list[Branch]) -> None:
        """One cell of each level, and a slice of each order."""
        for level, cells in self.cells.items():
            slot = cells.get(value >> level)
            if slot is not None:
                _collect(slot, found, branches)
        ends, entries = self.rising
        if ends:
            found += entries[: bisect_right(ends, value)]
        ends, entries = self.falling
        if ends:
            found += entries[bisect_left(ends, value) :]


def _edit_sorted(order: tuple[list[int], list[Entry]], end: int, entry: Entry, edit: Edit) -> None:
    """Put an entry among the others with its end, or take it from there."""
    ends, entries = order
    start, stop = bisect_left(ends, end), bisect_right(ends, end)
    there = next((at for at in range(start, stop) if entries[at] is entry), None)
    if there is not None:
        del ends[there], entries[there]
        edit((entry,))
    elif edit(None) is not None:
        ends.insert(stop, end)
        entries.insert(stop, entry)


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

    def edit(self, hint: Part, _: Entry, edit: Edit) -> None:
        """In the slot of the part."""
        part = hint.text
        known = part in self.parts
        _edited(self.parts, part, edit)
        if known and part not in self.parts:
            self._forget(part)
        elif not known and part in self.parts:
            self._learn(part)

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

    def find(self, value: str, found: list[Entry], branches: list[Branch]) -> None:
        """The slots of the parts that are in the text."""
        parts = self.parts
        likely = parts if len(parts) <= FEW_PARTS else self._likely(value)
        for part in likely:
            if part in value:
                _collect(parts[part], found, branches)

    def _likely(self, value: str) -> Iterable[str]:
        data = value.encode("utf-8", "surrogatepass")
        blocks = memoryview(data)[: len(data) & -BLOCK].cast("I")
        known = self.blocks
        # nearly every block of nearly every text is nobody's, and this is one loop in C
        if known.keys().isdisjoint(blocks):
            return self.short
        spoken = {part for block in blocks for part in known.get(block, ())}
        return {*self.short, *spoken}


def _blocks(part: str) -> list[int]:
    """Every sequence of four bytes in a part, as `memoryview.cast` reads them."""
    data = part.encode("utf-8", "surrogatepass")
    return [int.from_bytes(data[at : at + BLOCK], byteorder) for at in range(len(data) - BLOCK + 1)]
