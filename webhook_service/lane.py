"""One webhook's lane in this process: what may be queued, what may start, and what has to wait."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, Literal

from schemas.records import LaneState
from webhook_service.circuit import Circuit
from webhook_service.directory import Endpoint, Known, Unusable
from webhook_service.rate import Bucket
from webhook_service.share import Delivery, Share
from webhook_service.switch import decided
from webhook_service.tempo import PATIENCE_MS, Pace, Tempo
from webhook_service.vitals import Sign
from webhook_service.webhook import State
from webhook_service.window import Window

#: Bounds of a parked record's wait.
SHORTEST_PARK_MS: Final = 500
LONGEST_PARK_MS: Final = 300_000
#: Parked records are looked at again at this rate a second, or faster than the lane sends by so
#: much; a look costs about 0.15 ms of CPU, of ours and the broker's.
_LOOKS_PER_S: Final = 200
_AHEAD: Final = 1.5
#: A lane in trouble is left alone for this share of the time that the trouble has lasted, so that
#: a long one costs little, and the wait after its end is in proportion to it.
_SHARE_OF_TROUBLE: Final = 0.5
_UNKNOWN_CONCURRENCY: Final = 4
#: A lane that is held by its rate may have this share of the room that is left in all queues.
_HELD: Final = 0.25
_FOREVER: Final = 1_000_000

Standstill = Literal["unusable", "paused", "open"]


class Lane:
    """One webhook's deliveries in this process.

    Attributes:
        known: The webhook; None if there is none of this id (any more).
        ready: Deliveries that nothing stands before.
        queued: Those in `ready` and those behind another of the same key.
        active: Requests under way.
        parked: Records of this webhook that wait in tiers without having spent an attempt.
        circuit: Whether its endpoint is left alone.
        switch: What somebody decided about it, if anybody did.
    """

    __slots__ = ("_bucket", "_cap", "_pace", "_parked_of", "_part", "_probe", "_scouted",
                 "_trouble_since", "_window", "active", "circuit", "id", "known", "parked", "queued",
                 "ready", "switch", "tempo")  # fmt: skip

    def __init__(self, id: str, known: Known | None, cap: int, pace: Pace | None = None) -> None:
        """Empty.

        Args:
            cap: The most that `queued` may ever be.
        """
        self.id = id
        self.known = known
        self.ready: deque[Delivery] = deque()
        self.queued = 0
        self.active = 0
        self.parked = 0
        self.circuit = Circuit()
        self.switch: LaneState | None = None
        self.tempo = Tempo()
        self._window = Window()
        self._bucket: Bucket | None = None
        self._cap = cap
        self._pace = pace or Pace()
        self._part = 0.0
        self._probe: Delivery | None = None
        self._scouted = 0
        self._trouble_since = 0.0
        self._parked_of: Counter[Share] = Counter()

    # ------------------------------------------------------------------------- what it may do

    @property
    def concurrency(self) -> int:
        """How many requests may be under way at the most."""
        known = self.known
        return known.webhook.concurrency if isinstance(known, Endpoint) else _UNKNOWN_CONCURRENCY

    @property
    def ordered(self) -> bool:
        """Whether what shares a key is delivered one after the other."""
        known = self.known
        return not isinstance(known, Endpoint) or known.webhook.ordering == "per_record"

    @property
    def decided(self) -> State:
        """What its manifest, and else its switch, says."""
        known = self.known
        if not isinstance(known, Endpoint):
            return "active"
        return decided(known.webhook.state, known.version, self.switch)

    @property
    def is_sending(self) -> bool:
        """Whether its deliveries are sent; those to nobody, or to a disabled one, are dead at once."""
        return self.known is not None and self.decided != "disabled"

    def standstill(self, now_ms: float) -> Standstill | None:
        """Why nothing is started; None if things are, be it only to be given up."""
        if isinstance(self.known, Unusable):
            return "unusable"
        decided = self.decided
        if decided == "paused":
            return "paused"
        if decided == "active" and self.circuit.phase(now_ms) == "open":
            return "open"
        return None

    @property
    def width(self) -> int:
        """How many requests may be under way now."""
        if not self.is_sending:
            return self.concurrency
        if self.circuit.standing.is_open or not self.tempo.is_known:
            return 1  # who has not answered yet is not asked twice
        return self._window.size(self.concurrency)

    def is_slow(self, now_ms: float) -> bool:
        """Whether its endpoint takes long, or has failed so often that it probably will."""
        if not self.is_sending:
            return False
        return self.circuit.standing.is_open or self.tempo.expected_ms(now_ms) > PATIENCE_MS

    def may_start(self, now_ms: float) -> bool:
        """Whether a request may begin, but for its rate."""
        if not self.ready or self.active >= self.width:
            return False
        if self.standstill(now_ms) is not None:
            return False
        return not self.is_sending or self.circuit.admits(now_ms)

    def held_ms(self, now_ms: float) -> float:
        """For how long its rate holds back the next request."""
        if self._bucket is None or not self.is_sending:
            return 0.0
        return self._bucket.wait_ms(now_ms)

    # ---------------------------------------------------------------------- what it may queue

    def admits(self, now_ms: float, *, waited: bool, room: int = _FOREVER) -> bool:
        """Whether one more may be queued; those that waited in a tier go before new ones.

        Args:
            room: What all queues together can still take.
        """
        limit = self.limit(now_ms, room)
        if self.parked and not waited and limit > 1:
            limit //= 2
        return self.queued < limit

    def excess(self, now_ms: float, room: int = _FOREVER) -> int:
        """How many more are queued than may be."""
        return max(0, self.queued - self.limit(now_ms, room))

    def limit(self, now_ms: float, room: int = _FOREVER) -> int:
        """How many may be queued."""
        if self.standstill(now_ms) is not None:
            return 0
        if not self.is_sending:
            return self._cap
        if self.circuit.standing.is_open:
            return int(self.circuit.admits(now_ms))
        return min(self._cap, self._by_speed(now_ms, room), self._by_rate(now_ms, room))

    def _by_speed(self, now_ms: float, room: int) -> int:
        """What is sent within our patience; of a lane in trouble, what can start at once.

        No lane may have more than what it leaves to the others.
        """
        each, width = self.tempo.expected_ms(now_ms), self.width
        if each <= 0:
            return max(0, room)
        if each <= PATIENCE_MS and self._pace.is_slow:
            return self._cap
        at_once = max(0, width - self.active)
        if width < self.concurrency and each > PATIENCE_MS:
            return at_once
        return min(max(int(width * PATIENCE_MS / each), min(1, at_once)), max(0, room))

    def _by_rate(self, now_ms: float, room: int) -> int:
        if self._bucket is None:
            return self._cap
        soon = min(self._bucket.soon(PATIENCE_MS), int(max(0, room) * _HELD))
        return max(soon, int(self._bucket.wait_ms(now_ms) <= 0))

    # ------------------------------------------------------------------------------- parking

    def park_ms(self, now_ms: float) -> int:
        """How long a record that finds no room should wait."""
        if not self._trouble_since:
            self._trouble_since = now_ms
        standing, lasted = self.circuit.standing, now_ms - self._trouble_since
        least = max(SHORTEST_PARK_MS, standing.probe_ms - now_ms if standing.is_open else 0)
        if standing.is_open and self._scouted != standing.probe_ms:
            # One comes back just when the endpoint may be tried out again.
            self._scouted = standing.probe_ms
            return int(least)
        wait = max(self.parked * 1_000 / self._looks_per_s(now_ms), lasted * _SHARE_OF_TROUBLE)
        return int(max(min(wait, LONGEST_PARK_MS), least))

    def _looks_per_s(self, now_ms: float) -> float:
        """How many parked records are looked at again in a second."""
        rate, each = float(_LOOKS_PER_S), self.tempo.expected_ms(now_ms)
        if self.standstill(now_ms) is None and each > 0:
            rate = max(rate, self.width * 1_000 / each * _AHEAD)
        if self._bucket is not None:
            rate = max(min(rate, self._bucket.per_s * _AHEAD), 1 / LONGEST_PARK_MS)
        return rate

    def park(self, share: Share, by: int = 1) -> None:
        """A record of a share went to a tier without having spent an attempt, or came back."""
        if not share.stopping:
            self.parked += by
            self._parked_of[share] += by

    def forget(self, share: Share) -> None:
        """A share goes to another member, and its parked records with it."""
        self.parked -= self._parked_of.pop(share, 0)

    # ----------------------------------------------------------------------- what is under way

    def next(self, now_ms: float, *, slow: bool) -> Delivery | None:
        """Start the next delivery, if there is one and it may; `ended` must be told of it."""
        if not self.may_start(now_ms):
            return None
        sending = self.is_sending
        if sending and self._bucket is not None and not self._bucket.take(now_ms):
            return None
        delivery = self.ready.popleft()
        self.queued -= 1
        self.active += 1
        if sending and self.circuit.begins(now_ms):
            self._probe = delivery
        self.tempo.started(delivery, now_ms, slow=slow)
        return delivery

    def ended(
        self, delivery: Delivery, sign: Sign | None, now_ms: float, chance: float
    ) -> tuple[bool, bool]:
        """A delivery ended, in whatever way.

        Args:
            sign: What that says about the endpoint; None if nothing was sent.

        Returns:
            Whether it counted as slow; whether the circuit's standing is news to the others.
        """
        self.active -= 1
        began, slow = self.tempo.ended(delivery, now_ms)
        if now_ms - began < PATIENCE_MS or not self.parked:
            self._trouble_since = 0.0
        probe, known = delivery is self._probe, self.known
        if probe:
            self._probe = None
        if sign is None or not isinstance(known, Endpoint):
            if probe:
                self.circuit.void()
            return slow, False
        self._window.answered(self.concurrency, sign.strain, began, now_ms)
        policy = known.webhook.breaker
        return slow, self.circuit.ended(policy, sign.failure, now_ms, chance, probe=probe)

    def has_failed_for_too_long(self, now_ms: float) -> bool:
        """Whether there were nothing but failures for as long as its manifest bears."""
        known, since = self.known, self.circuit.standing.failing_ms
        if not isinstance(known, Endpoint) or known.webhook.disable_after is None or not since:
            return False
        return now_ms - since >= known.webhook.disable_after.total_seconds() * 1_000

    # ------------------------------------------------------------------------ what is learned

    def learn(self, known: Known | None, now_ms: float) -> None:
        """The webhook is another version now, or gone."""
        self.known = known
        self.own(self._part, now_ms)

    def own(self, part: float, now_ms: float) -> None:
        """This member has another part of the partitions now, and of the rate with them."""
        self._part = part
        known = self.known
        rate = known.webhook.rate_limit if isinstance(known, Endpoint) else None
        if rate is None:
            self._bucket = None
            return
        self._bucket = self._bucket or Bucket(now_ms)
        self._bucket.share(rate, part, now_ms)
