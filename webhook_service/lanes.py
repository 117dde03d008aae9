"""All lanes of this process: found by a record's key, and told what concerns them."""

from __future__ import annotations

from collections import Counter
from typing import Final

from runtime.clock import Clock
from schemas.records import LaneState
from webhook_service import measures
from webhook_service.board import Board
from webhook_service.directory import Directory, Known
from webhook_service.lane import Lane
from webhook_service.lane_states import standing_of
from webhook_service.share import Share
from webhook_service.tempo import Pace

#: Every so many looks the lanes are counted by state; counting 10,000 takes milliseconds.
_COUNT_EVERY: Final = 50
STATES: Final = ("sending", "slow", "paused", "disabled", "open", "half-open", "unusable")


class Lanes:
    """One is made for a webhook's first delivery."""

    def __init__(
        self,
        directory: Directory,
        board: Board,
        cap: int,
        pace: Pace,
        clock: Clock,
        partitions: int,
    ) -> None:
        """None is there.

        Args:
            cap: The most that one lane's queue may hold.
            partitions: How many all members together have.
        """
        self._directory = directory
        self._board = board
        self._cap = cap
        self._pace = pace
        self._clock = clock
        self._partitions = partitions
        self._shares: set[Share] = set()
        self._looks = 0
        self._lanes: dict[str, Lane] = {}

    def of(self, key: bytes | None) -> Lane:
        """The lane of a record, by its key: that of its webhook."""
        id = (key or b"").partition(b"/")[0].decode(errors="replace")
        return self._lanes.get(id) or self._made(id)

    def find(self, id: str) -> Lane | None:
        """A webhook's lane, if it has one."""
        return self._lanes.get(id)

    def learn(self, id: str, known: Known | None) -> Lane | None:
        """A webhook is another version now, or gone; returns its lane, if it has one."""
        lane = self._lanes.get(id)
        if lane is not None:
            lane.learn(known, self._now_ms())
        return lane

    def adopt(self, state: LaneState) -> Lane | None:
        """Somebody wrote something about a lane; returns it, if it is here."""
        lane = self._lanes.get(state.webhook_id)
        if lane is not None:
            _apply(lane, state, self._clock)
        return lane

    @property
    def part(self) -> float:
        """Of all partitions, this member's part; as large is its part of every rate."""
        return len(self._shares) / self._partitions

    def own(self, share: Share) -> list[Lane]:
        """A share has come to this member; returns the lanes that wait."""
        self._shares.add(share)
        self._divide()
        return self.waiting()

    def forget(self, share: Share) -> None:
        """A share goes to another member."""
        self._shares.discard(share)
        for lane in self._lanes.values():
            lane.forget(share)
        self._divide()

    def _divide(self) -> None:
        now_ms = self._now_ms()
        for lane in self._lanes.values():
            lane.own(self.part, now_ms)

    def waiting(self) -> list[Lane]:
        """Those with something in their queue."""
        return [lane for lane in self._lanes.values() if lane.queued]

    def looked_at(self) -> list[Lane]:
        """Those that wait; called at every look, and every few seconds all are counted by state."""
        self._looks -= 1
        if self._looks <= 0:
            self._measure()
        return self.waiting()

    def _measure(self) -> None:
        self._looks, now_ms = _COUNT_EVERY, self._now_ms()
        counts = Counter(state_of(lane, now_ms) for lane in self._lanes.values())
        for state in STATES:
            measures.LANES.labels(state).set(counts[state])

    def _made(self, id: str) -> Lane:
        lane = self._lanes[id] = Lane(id, self._directory.find(id), self._cap, self._pace)
        lane.own(self.part, self._now_ms())
        for state in (self._board.find(id, "switch"), self._board.find(id, "breaker")):
            if state is not None:
                _apply(lane, state, self._clock)
        return lane

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1_000)


def state_of(lane: Lane, now_ms: float) -> str:
    """One word of `STATES` for a lane."""
    standstill = lane.standstill(now_ms)
    if standstill is not None:
        return standstill
    if not lane.is_sending:
        return "disabled"
    if lane.circuit.standing.is_open:
        return "half-open"
    return "slow" if lane.is_slow(now_ms) else "sending"


def _apply(lane: Lane, state: LaneState, clock: Clock) -> None:
    if state.aspect == "switch":
        lane.switch = state
    else:
        lane.circuit.adopt(standing_of(state, clock.now()))
