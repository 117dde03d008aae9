"""Finds the workflows that may fire for an event without looking at the others.

Pure.  A tree for each entity and operation.  A branch tells its workflows apart by the attributes
that tell them apart best, and a workflow hangs where one of its hints puts it; a slot with few is
simply a tuple, and becomes a branch when it has more.  So the tree follows the definitions there
are, each change touches the paths of one workflow, and nothing is ever rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.records import Event
from workflow_service.compiled import CompiledWorkflow
from workflow_service.hints import Among, Attribute, Hint, Part, Within
from workflow_service.splits import AnyKeys, Edit, Keys, Slot, Spans, Split, Texts

#: So many are judged one by one before a further attribute is asked: judging one in vain costs
#: about twice what an attribute costs.
FEW = 2
#: So many with hints are judged one by one before the first attribute of all is asked.
ALONE = 16
#: Workflows that a new split must spare an event, on average, to be worth its look-up.
WORTH = 0.7
#: A split is used if no other hint of the workflow promises to be so many times as selective.
PATIENCE = 1.0
#: What a hint promises before there is a split that could say more.
PROMISES: Mapping[type, Callable[[Any], float]] = {
    Among: lambda hint: min(1.0, 0.1 * len(hint.keys)),
    Within: lambda hint: 0.5 if hint.low is None or hint.high is None else 0.1,
    Part: lambda _: 0.02,
}
SPLITS: Mapping[str, Callable[[], Split]] = {
    "one": Keys,
    "many": AnyKeys,
    "number": Spans,
    "text": Texts,
}
Used = frozenset[Attribute]
UNUSED: Used = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A workflow in the index, by one of the ways in which it can come to fire.

    Attributes:
        way: Its place among the ways that `HintsOf` gives.
        judge: Whether it fires.
    """

    compiled: CompiledWorkflow
    way: int
    judge: Callable[[Event], bool]


HintsOf = Callable[[Entry], Sequence[Hint]]


class Branch:
    """Workflows told apart as far as they can be.

    Attributes:
        here: Those that no split tells apart: they have no hint (left), or wait for a split that is
            worth it.
        hinted: How many of them have hints.
        full: The number of those with hints at which a new split is looked for.
        keys: The splits by one key, that is most of them: their slots.
        others: The other splits.
    """

    __slots__ = ("full", "here", "hinted", "keys", "others")

    def __init__(self) -> None:
        """Empty."""
        self.here: list[Any] = []
        self.hinted = 0
        self.full = 0
        self.keys: dict[Attribute, Keys] = {}
        self.others: dict[Attribute, Split] = {}

    def __bool__(self) -> bool:
        """Whether any is left."""
        return bool(self.here or self.keys or self.others)

    def add(self, attribute: Attribute) -> Split:
        """A new split by an attribute that there was none by."""
        if attribute.form == "one":
            table = self.keys[attribute] = Keys()
            return table
        split = self.others[attribute] = SPLITS[attribute.form]()
        return split

    def split(self, attribute: Attribute) -> Split | None:
        """The split by an attribute, if there is one."""
        table: Split | None = self.keys.get(attribute)
        return self.others.get(attribute) if table is None else table


class Tree:
    """Entries, found by their hints."""

    def __init__(self, hints_of: HintsOf) -> None:
        """Empty.

        Args:
            hints_of: Always says the same of an entry; not kept, because most are never needed again.
        """
        self._hints_of = hints_of
        self.root = Branch()
        self.root.full = ALONE

    def __bool__(self) -> bool:
        """Whether any is left."""
        return bool(self.root)

    def put(self, entry: Entry) -> None:
        """Take an entry in."""
        self._hang(self.root, entry, UNUSED)

    def take(self, entry: Entry) -> None:
        """Take an entry out that is in it."""
        self._unhang(self.root, entry, UNUSED)

    def find(self, event: Event) -> list[Any]:
        """The entries whose hints the event meets, and some more; a few of them twice."""
        known: dict[Attribute, Any] = {}
        found: list[Any] = []
        branches: list[Any] = [self.root]
        for branch in branches:  # grows meanwhile
            if branch.here:
                found += branch.here
            for attribute, slots in branch.keys.items():
                # written out, because this is where most of the time goes
                if attribute in known:
                    slot = slots.get(known[attribute])
                else:
                    slot = slots.get(known.setdefault(attribute, attribute.read(event)))
                if slot is not None:
                    if type(slot) is tuple:
                        found += slot
                    else:
                        branches.append(slot)
            if branch.others:
                _find_others(branch, event, known, found, branches)
        return found

    def _hints(self, entry: Entry, used: Used) -> list[Hint]:
        return [hint for hint in self._hints_of(entry) if hint.attribute not in used]

    def _hang(self, branch: Branch, entry: Entry, used: Used) -> None:
        """Put an entry where its best hint leads, or let it wait for a split that is worth it."""
        hints = self._hints(entry, used)
        best = _best(branch, hints)
        if best is not None:
            self._hang_by(branch, best, entry, used)
            return
        branch.here.append(entry)
        branch.hinted += bool(hints)
        if branch.hinted > branch.full:
            self._divide(branch, used)

    def _hang_by(self, branch: Branch, hint: Hint, entry: Entry, used: Used) -> None:
        attribute = hint.attribute
        split = branch.split(attribute)
        if split is None:
            split = branch.add(attribute)
        split.edit(hint, entry, self._growing(entry, used | {attribute}))

    def _growing(self, entry: Entry, used: Used) -> Edit:
        def grow(slot: Slot | None) -> Slot:
            if slot is None:
                return (entry,)
            if isinstance(slot, Branch):
                self._hang(slot, entry, used)
                return slot
            if len(slot) < FEW:
                return (*slot, entry)
            branch = Branch()
            for each in (*slot, entry):
                self._hang(branch, each, used)
            return branch

        return grow

    def _divide(self, branch: Branch, used: Used) -> None:
        """Give the waiting ones the splits that are worth it."""
        while self._split_off(branch, used):
            pass
        branch.full = 2 * branch.hinted

    def _split_off(self, branch: Branch, used: Used) -> bool:
        """Hang the waiting ones that share the best attribute by it; False if there is none."""
        groups: dict[Attribute, list[tuple[Entry, Hint]]] = {}
        for entry in branch.here:
            for hint in self._hints(entry, used):
                groups.setdefault(hint.attribute, []).append((entry, hint))
        gains = {each: _gain(each, group) for each, group in groups.items()}
        worth = [each for each in gains if gains[each] >= WORTH]
        if not worth:
            return False
        attribute = max(worth, key=gains.__getitem__)
        leaving = {id(entry) for entry, _ in groups[attribute]}
        branch.here = [each for each in branch.here if id(each) not in leaving]
        branch.hinted -= len(leaving)
        for entry, hint in groups[attribute]:
            self._hang_by(branch, hint, entry, used)
        return True

    def _unhang(self, branch: Branch, entry: Entry, used: Used) -> bool:
        """Take an entry from wherever below the branch it hangs; False if it does not."""
        hints = self._hints(entry, used)
        if entry in branch.here:
            branch.here.remove(entry)
            branch.hinted -= bool(hints)
            return True
        for hint in hints:
            split = branch.split(hint.attribute)
            if split is not None and self._unhang_by(split, hint, entry, used):
                if not split:
                    branch.keys.pop(hint.attribute, None)
                    branch.others.pop(hint.attribute, None)
                return True
        return False

    def _unhang_by(self, split: Split, hint: Hint, entry: Entry, used: Used) -> bool:
        taken = False
        used |= {hint.attribute}

        def shrink(slot: Slot | None) -> Slot | None:
            nonlocal taken
            if slot is None:
                return None
            if isinstance(slot, Branch):
                taken |= self._unhang(slot, entry, used)
                return slot or None
            left = tuple(each for each in slot if each is not entry)
            taken |= len(left) < len(slot)
            return left or None

        split.edit(hint, entry, shrink)
        return taken


def _find_others(
    branch: Branch,
    event: Event,
    known: dict[Attribute, Any],
    found: list[Any],
    branches: list[Any],
) -> None:
    for attribute, split in branch.others.items():
        if attribute in known:
            value = known[attribute]
        else:
            value = known[attribute] = attribute.read(event)
        if value is not None:
            split.find(value, found, branches)


def _best(branch: Branch, hints: Iterable[Hint]) -> Hint | None:
    """The hint by which to hang an entry; None if it should wait for a better split."""
    best, promise = None, 1.0
    least = 1.0
    for hint in hints:
        split = branch.split(hint.attribute)
        if split is None:
            promise = min(promise, PROMISES[type(hint)](hint))
        elif (share := split.share(hint)) < least:
            best, least = hint, share
    return best if best is not None and least <= PATIENCE * promise else None


def _gain(attribute: Attribute, group: Sequence[tuple[Entry, Hint]]) -> float:
    """How many of these a split by the attribute would spare an event, roughly."""
    split = SPLITS[attribute.form]()
    for entry, hint in group:
        split.edit(hint, entry, lambda slot: slot or ())  # only the keys count
    return sum(1.0 - split.share(hint) for _, hint in group)
