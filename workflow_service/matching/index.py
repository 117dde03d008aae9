"""Finds the workflows of one entity that may fire for an event without looking at the others.

Pure.  A workflow stands where its most selective hint leads, say at its owner; what else it asks for
and others ask too, say a stage, is a bit of its `need`.  So an event looks up each attribute once,
and of the workflows it comes by only those are judged that miss none of its bits.  Each change
touches one workflow; nothing is ever rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from schemas.records import Event
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.matching.entries import (
    EMPTY,
    Entry,
    Groups,
    Slot,
    entries_of,
    with_entry,
    without_entry,
)
from workflow_service.matching.finder import Find, finder
from workflow_service.matching.hinting import Hinting, Way
from workflow_service.matching.hints import Among, Attribute, Hint, Within
from workflow_service.matching.judge import judge_of
from workflow_service.matching.signature import Signature, magnitudes, one_object
from workflow_service.matching.splits import LIKELY_KEYS, AnyKeys, Keys, Spans, Split, Texts

#: So many attributes are looked up in one function; a new one has that one written anew.
TOGETHER = 16
#: A workflow moves for a hint that is so many times as selective.
BETTER = 2
ALL_OPERATIONS = 3
SPLITS: Mapping[str, Callable[[], Split]] = {
    "one": Keys,
    "many": AnyKeys,
    "number": Spans,
    "text": Texts,
}


class Index:
    """The workflows of one entity."""

    def __init__(self, hinting: Hinting) -> None:
        """Empty.

        Args:
            hinting: Always says the same of a workflow; what it says is not kept.
        """
        self._hinting = hinting
        self._splits: dict[Attribute, Split] = {}
        self._signature = Signature()
        self._rest: Slot = EMPTY
        self._finds: tuple[Find, ...] | None = None

    def __bool__(self) -> bool:
        """Whether any workflow is left."""
        return bool(self._splits or self._rest)

    def put(self, compiled: CompiledWorkflow) -> tuple[Entry, ...]:
        """Take a workflow in; the entries, one for each of its ways."""
        ways = self._hinting.ways(compiled)
        entries = tuple(Entry(compiled, number) for number in range(len(ways)))
        for entry, way in zip(entries, ways, strict=True):
            self._place(entry, way, _best(way.hints, self._share))
            self._grow(entry, way)
        return entries

    def take(self, entry: Entry) -> None:
        """Take an entry out that is in it."""
        self._unplace(entry, self._way(entry))

    def find(self, event: Event) -> list[Entry]:
        """The entries whose hints the event meets, and some more; a few of them twice."""
        finds = self._finds
        if finds is None:
            finds = self._finds = tuple(self._written())
        slots: list[Any] = [self._rest]
        bits = 0
        for find in finds:
            bits |= find(event, slots)
        missing = bits ^ self._signature.taken
        found: list[Entry] = []
        near: list[Entry] = []
        for slot in slots:
            if type(slot) is Groups:
                for need, entries in slot.items():
                    if not need & missing:
                        found += entries
            else:
                near += slot
        found += [entry for entry in near if not entry.need & missing]
        return found

    def _written(self) -> Iterator[Find]:
        """Functions that look up all attributes, some in each."""
        attributes = iter({**self._signature.tables, **self._splits})
        while some := tuple(islice(attributes, TOGETHER)):
            yield finder(some, self._splits, self._signature)

    def _way(self, entry: Entry) -> Way:
        return self._hinting.ways(entry.compiled)[entry.way]

    def _share(self, hint: Hint) -> float:
        """Roughly which share of the events comes by where a hint would put a workflow."""
        split = self._splits.get(hint.attribute)
        return (SPLITS[hint.attribute.form]() if split is None else split).share(hint)

    def _place(self, entry: Entry, way: Way, hint: Hint | None) -> None:
        """Put an entry where a hint leads, and note what else it needs."""
        entry.attribute = None if hint is None else hint.attribute
        entry.need, covered = self._needed(entry, way)
        entry.judge = judge_of(entry.compiled, covered)
        if hint is None:
            self._rest = with_entry(self._rest, entry)
            return
        split = self._splits.get(hint.attribute)
        if split is None:
            split = self._splits[hint.attribute] = SPLITS[hint.attribute.form]()
            self._finds = None
        split.put(hint, entry)

    def _unplace(self, entry: Entry, way: Way) -> None:
        """Take an entry from where it stands, and give back what it needed."""
        attribute = entry.attribute
        if attribute is None:
            self._rest = without_entry(self._rest, entry)
        else:
            split = self._splits[attribute]
            split.take(_of(way, attribute), entry)
            if not split:
                del self._splits[attribute]
                self._finds = None
        tables = len(self._signature.tables)
        for hint in self._shared(entry, way):
            self._signature.release(hint, entry.need)
        if len(self._signature.tables) != tables:
            self._finds = None

    def _needed(self, entry: Entry, way: Way) -> tuple[int, frozenset[int]]:
        """The bits for what an entry's slot does not say, and which conditions slot and bits decide."""
        signature, tables = self._signature, len(self._signature.tables)
        bits = {}
        for hint in self._shared(entry, way):
            of_operations = hint.attribute is self._hinting.attributes.operation
            bits[hint.attribute] = signature.need(hint, always=of_operations)
        if len(signature.tables) != tables:
            self._finds = None
        exact = zip(way.hints, way.exact, strict=True)
        return one_object(sum(bits.values())), frozenset(
            id(what)
            for hint, what in exact
            if hint.attribute is entry.attribute or bits.get(hint.attribute)
        )

    def _shared(self, entry: Entry, way: Way) -> Iterator[Among]:
        """What may be bits of an entry's `need`: all but texts, and but what its slot is about."""
        operations = entry.compiled.operations
        if len(operations) < ALL_OPERATIONS:
            yield Among(self._hinting.attributes.operation, operations)
        for hint in way.hints:
            if hint.attribute is entry.attribute:
                continue
            if isinstance(hint, Among):
                yield hint
            elif isinstance(hint, Within):
                yield magnitudes(hint)

    def _grow(self, entry: Entry, way: Way) -> None:
        """Look into the slots that got one more entry, if these are many by now."""
        split = self._splits.get(entry.attribute) if entry.attribute else None
        if not isinstance(split, Keys):
            return
        hint = _of(way, entry.attribute)
        for key in hint.keys:
            slot = split.get(key)
            if isinstance(slot, Groups) and slot.size > slot.full:
                self._reconsider(tuple(entries_of(slot)))
                slot.full = 2 * slot.size

    def _reconsider(self, entries: Sequence[Entry]) -> None:
        """Move entries to where they are told apart much better, by what these many ask for."""
        ways = [self._way(entry) for entry in entries]
        keys: dict[Attribute, set[Hashable]] = {}
        for way in ways:
            for hint in way.hints:
                if isinstance(hint, Among):
                    keys.setdefault(hint.attribute, set()).update(hint.keys)

        def share(hint: Hint) -> float:
            known = self._share(hint)
            if not isinstance(hint, Among):
                return known
            here = len(hint.keys) / max(len(keys[hint.attribute]), LIKELY_KEYS)
            return min(known, here)

        for entry, way in zip(entries, ways, strict=True):
            best = _best(way.hints, share)
            if best is not None and BETTER * share(best) <= self._share(_of(way, entry.attribute)):
                self._unplace(entry, way)
                self._place(entry, way, best)


def _best(hints: Iterable[Hint], share: Callable[[Hint], float]) -> Hint | None:
    """The most selective hint."""
    return min(hints, key=share, default=None)


def _of(way: Way, attribute: Attribute | None) -> Any:
    """The hint of a way about an attribute."""
    return next(hint for hint in way.hints if hint.attribute is attribute)
