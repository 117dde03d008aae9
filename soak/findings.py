"""What the actions of a soak must be, checked event by event: exactly once, in order, explained.

Pure.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.records import Action
from soak import plan as plans
from soak.plan import Plan

#: How often each kind of finding is spelt out.
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Saved:
    """When a version was saved: a moment between the two, Unix seconds.

    Attributes:
        acknowledged: None if the broker did not answer; the version may be there all the same.
    """

    asked: float
    acknowledged: float | None


class Findings:
    """Takes in every action as a read-committed reader sees it; then says what is wrong."""

    def __init__(self, plan: Plan) -> None:
        """Nothing was seen."""
        count = plan.events
        self._plan = plan
        self.actions = 0
        self.latest_s = 0.0
        #: The flipping workflow must have had this version, or the silences make no sense.
        self.least = 0
        self._problems: dict[str, list[str]] = {}
        self._steady, self._even = bytearray(count), bytearray(count)
        self._partition, self._offset = array("h", [-1]) * count, array("q", [-1]) * count
        self._turning, self._flipping = array("i", [0]) * count, array("i", [0]) * count
        #: How often each webhook got an action of the turning workflow, by event.
        self._got = {webhook: bytearray(count) for webhook in plans.WEBHOOKS}
        self._once: dict[str, dict[str, int]] = {plans.ONCE: {}, plans.ONCE_CHANGING: {}}
        self._last: dict[tuple[str, str], tuple[int, int]] = {}

    @property
    def problems(self) -> list[str]:
        """Every kind of finding with its number and its first cases; empty if all is well."""
        return [
            f"{kind}: {len(cases)} times, first {'; '.join(cases[:MOST_SHOWN])}"
            for kind, cases in self._problems.items()
        ]

    def _find(self, kind: str, case: object) -> None:
        self._problems.setdefault(kind, []).append(str(case))

    def take(self, partition: int, action: Action) -> None:
        """One action, in the order of its partition."""
        self.actions += 1
        self._in_order(partition, action)
        number = plans.number_of(action.event_id)
        match action.workflow_id:
            case plans.STEADY:
                self._steady[number] = min(255, self._steady[number] + 1)
                self._partition[number] = action.event_partition
                self._offset[number] = action.event_offset
            case plans.EVEN:
                self._even[number] = min(255, self._even[number] + 1)
            case plans.TURNING:
                self._one_version(self._turning, number, action)
                got = self._got[action.webhook_id]
                got[number] = min(255, got[number] + 1)
            case plans.FLIPPING:
                if self._flipping[number]:
                    self._find("flipping fired twice", action.event_id)
                self._one_version(self._flipping, number, action)
            case once:
                fired = self._once[once]
                fired[action.entity_id] = fired.get(action.entity_id, 0) + 1

    def _in_order(self, partition: int, action: Action) -> None:
        """What shares a key lies on one partition, in the order of its events."""
        key = (action.webhook_id, action.entity_id)
        before, offset = self._last.get(key, (partition, -1))
        if before != partition or offset > action.event_offset:
            self._find("out of order", f"{key} at event offset {action.event_offset}")
        self._last[key] = (partition, action.event_offset)

    def _one_version(self, versions: array[int], number: int, action: Action) -> None:
        if versions[number] not in (0, action.workflow_version):
            text = f"{action.event_id}: {versions[number]} and {action.workflow_version}"
            self._find(f"{action.workflow_id} acted in two versions", text)
        versions[number] = action.workflow_version

    def conclude(self) -> None:
        """Look at the whole, once every action was taken in."""
        for number in range(self._plan.events):
            if self._steady[number] != 1:
                self._find("steady, not exactly once", f"{number}: {self._steady[number]}")
            if self._even[number] != (number % 2 == 0):
                self._find("even, not exactly once", f"{number}: {self._even[number]}")
            if plans.is_close(number):
                self._whole_version(number)
        for workflow, fired in self._once.items():
            self._each_once(workflow, fired)
        for partition in range(self._plan.partitions):
            self._versions_of(partition)

    def _each_once(self, workflow: str, fired: Mapping[str, int]) -> None:
        """A once-per-record workflow fired for every record, and for none twice."""
        expected = min(self._plan.events, self._plan.records)
        if len(fired) != expected:
            self._find(f"{workflow}: records fired for", f"{len(fired)} of {expected}")
        for record, times in fired.items():
            if times != 1:
                self._find(f"{workflow}, not exactly once", f"{record}: {times}")

    def _whole_version(self, number: int) -> None:
        """The turning workflow's actions are exactly those of one of its versions."""
        version = self._turning[number]
        got = {webhook: counts[number] for webhook, counts in self._got.items()}
        wanted = dict.fromkeys(plans.WEBHOOKS, 0)
        wanted |= dict.fromkeys(plans.MASKS[version % 3] if version else (), 1)
        if not version or got != wanted:
            self._find("turning, not one whole version", f"{number}: version {version}, {got}")

    def _versions_of(self, partition: int) -> None:
        """On one partition of events versions only rise, and explain each decision."""
        turned = flipped = 1
        for number in self._in(partition):
            if not plans.is_close(number):
                continue
            if self._turning[number] < turned:
                self._find("turning went back", f"{number}: {self._turning[number]} < {turned}")
            turned = self._turning[number]
            fired = self._flipping[number]
            if fired and (fired < flipped or not plans.matches_flipping(fired, number)):
                self._find("flipping cannot be explained", f"{number}: {fired} after {flipped}")
            # A version that fired is known; where none did, the lowest that does not is assumed.
            flipped = fired or flipped + plans.matches_flipping(flipped, number)
        self.least = max(self.least, flipped)

    def _in(self, partition: int) -> Iterator[int]:
        """The numbers of a partition's events, in order."""
        numbers = [n for n, at in enumerate(self._partition) if at == partition]
        numbers.sort(key=lambda n: self._offset[n])
        yield from numbers

    def timely(self, saves: Mapping[int, Saved], action: Action) -> None:
        """An action of the turning workflow is of a version that was in force around then."""
        matched = action.matched_at.timestamp()
        own = saves.get(action.workflow_version)
        if own is None or matched < own.asked:
            self._find("a version before it was saved", action.event_id)
        after = saves.get(action.workflow_version + 1)
        if after is not None and after.acknowledged is not None:
            self.latest_s = max(self.latest_s, matched - after.acknowledged)
