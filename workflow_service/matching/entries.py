"""Workflows in the index, and the slots that they stand in.

Pure.  A slot is a tuple of entries while it has few; one with many groups them by what they need, so
that a thousand workflows that need the same cost one test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from schemas.records import Event
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.matching.hints import Attribute

#: A slot with more is grouped, after its entries were asked whether they belong somewhere else.
FEW = 16


@dataclass(slots=True, eq=False)
class Entry:
    """A workflow in the index, by one of the ways in which it can come to fire.

    Attributes:
        way: Its place among the ways that `Hinting` gives.
        attribute: It stands in slots of this attribute; None: in the slot of those without one.
        need: The bits of the event's signature without which it cannot fire.
        judge: Whether it fires, given that its slot was found and its bits are there; None: it does.
    """

    compiled: CompiledWorkflow
    way: int
    attribute: Attribute | None = None
    need: int = 0
    judge: Callable[[Event], bool] | None = None


class Groups(dict[int, tuple[Entry, ...]]):
    """A slot with many entries, by what they need.

    Attributes:
        full: At this size its entries are asked anew whether they belong somewhere else.
    """

    __slots__ = ("full", "size")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """With some entries."""
        self.size = 0
        self.full = FEW
        for entry in entries:
            self.put(entry)

    def put(self, entry: Entry) -> None:
        """One more."""
        self[entry.need] = (*self.get(entry.need, ()), entry)
        self.size += 1

    def take(self, entry: Entry) -> None:
        """One less, if it is there."""
        there = self.get(entry.need, ())
        left = tuple(each for each in there if each is not entry)
        self.size -= len(there) - len(left)
        if left:
            self[entry.need] = left
        else:
            self.pop(entry.need, None)


Slot = tuple[Entry, ...] | Groups
EMPTY: Slot = ()


def with_entry(slot: Slot, entry: Entry) -> Slot:
    """The slot with one entry more."""
    if isinstance(slot, Groups):
        slot.put(entry)
        return slot
    return (*slot, entry) if len(slot) < FEW else Groups((*slot, entry))


def without_entry(slot: Slot, entry: Entry) -> Slot:
    """The slot with one entry less."""
    if isinstance(slot, Groups):
        slot.take(entry)
        return slot if slot.size > FEW // 2 else tuple(entries_of(slot))
    return tuple(each for each in slot if each is not entry)


def entries_of(slot: Any) -> Iterator[Entry]:
    """All that stand in a slot."""
    return chain.from_iterable(slot.values()) if isinstance(slot, Groups) else iter(slot)
