"""A lane per webhook: how many requests are under way, who is next, and when it is full."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from webhook_service.directory import Directory, Endpoint, Known, Unusable
from webhook_service.share import Delivery, Share

#: A lane's queue may hold what it sends within this time; what would wait longer is parked.
PATIENCE_MS: Final = 1_000.0
#: Weight of the latest attempt in the moving average of how long one takes.
_WEIGHT: Final = 0.2
#: By so much the shortest attempt is held to have become longer with each one since.
_FORGETS: Final = 1.02
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
#: This process is held to be the slow one when its own sleeps end this late on average.
_LATE_MS: Final = 8.0
_LATE_WEIGHT: Final = 0.3
_UNKNOWN_CONCURRENCY: Final = 4


class Pace:
    """Whether this process keeps up with itself; shared by all lanes.

    While it does not, attempts take long whatever the endpoints do.  Parking would then only add
    to the work, so lanes are filled until all queues together are full and less is received.
    """

    __slots__ = ("_late_ms",)

    def __init__(self) -> None:
        """It does."""
        self._late_ms = 0.0

    @property
    def is_slow(self) -> bool:
        """True while the process is the bottleneck."""
        return self._late_ms > _LATE_MS

    def slept(self, late_ms: float) -> None:
        """A sleep of ours ended so late."""
        self._late_ms += (late_ms - self._late_ms) * _LATE_WEIGHT


class Lane:
    """One webhook's deliveries in this process.

    Attributes:
        known: The webhook; None if there is none of this id (any more).
        ready: Deliveries that nothing stands before.
        queued: Those in `ready` and those behind another of the same key.
        active: Requests under way.
        parked: Records of this webhook that wait in tiers without having spent an attempt.
    """

    __slots__ = ("_cap", "_gone", "_least_ms", "_mean_ms", "_pace", "_parked_of", "_started",
                 "_trouble_since", "active", "id", "known", "parked", "queued", "ready")  # fmt: skip

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
        self._cap = cap
        self._pace = pace or Pace()
        self._gone = 0
        self._least_ms = 0.0
        self._mean_ms = 0.0
        self._trouble_since = 0.0
        self._parked_of: Counter[Share] = Counter()
        self._started: dict[Delivery, float] = {}

    @property
    def concurrency(self) -> int:
        """How many requests may be under way."""
        known = self.known
        return known.webhook.concurrency if isinstance(known, Endpoint) else _UNKNOWN_CONCURRENCY

    @property
    def ordered(self) -> bool:
        """Whether what shares a key is delivered one after the other."""
        known = self.known
        return not isinstance(known, Endpoint) or known.webhook.ordering == "per_record"

    @property
    def standstill(self) -> str | None:
        """Why nothing is sent: paused, disabled, gone or unusable; None if things are sent."""
        known = self.known
        if isinstance(known, Unusable):
            return "unusable"
        if known is None:
            return None  # what goes to nobody is settled at once, as dead letters
        if known.version == self._gone:
            return "gone"
        return None if known.webhook.state == "active" else known.webhook.state

    def mark_gone(self) -> None:
        """The endpoint answered 410: nothing more is sent to this version of the webhook."""
        self._gone = self.known.version if self.known is not None else 0

    def limit(self, now_ms: float) -> int:
        """How many may be queued."""
        if self.standstill is not None:
            return 0
        each = self.expected_ms(now_ms)
        if each <= 0 or (each <= PATIENCE_MS and self._pace.is_slow):
            return self._cap
        return min(self._cap, max(1, int(self.concurrency * PATIENCE_MS / each)))

    def expected_ms(self, now_ms: float) -> float:
        """How long an attempt takes: at best lately; or, in trouble, on average or till now.

        On average only when that is long: this process itself may be slow for a moment, which
        says nothing about the endpoint.
        """
        oldest = now_ms - next(iter(self._started.values()), now_ms)
        long = max(self._mean_ms, oldest)
        return max(self._least_ms, long if long > PATIENCE_MS else 0.0)

    def admits(self, now_ms: float, *, waited: bool) -> bool:
        """Whether one more may be queued; those that waited in a tier go before new ones."""
        limit = self.limit(now_ms)
        if self.parked and not waited and limit > 1:
            limit //= 2
        return self.queued < limit

    def park_ms(self, now_ms: float) -> int:
        """How long a record that finds no room should wait."""
        if not self._trouble_since:
            self._trouble_since = now_ms
        rate = float(_LOOKS_PER_S)
        each = self.expected_ms(now_ms)
        if self.standstill is None and each > 0:
            rate = max(rate, self.concurrency * 1_000 / each * _AHEAD)
        lasted = now_ms - self._trouble_since
        wait = max(self.parked * 1_000 / rate, lasted * _SHARE_OF_TROUBLE)
        return int(min(max(wait, SHORTEST_PARK_MS), LONGEST_PARK_MS))

    def park(self, share: Share, by: int = 1) -> None:
        """A record of a share went to a tier without having spent an attempt, or came back."""
        if not share.stopping:
            self.parked += by
            self._parked_of[share] += by

    def forget(self, share: Share) -> None:
        """A share goes to another member, and its parked records with it."""
        self.parked -= self._parked_of.pop(share, 0)

    def next(self) -> Delivery | None:
        """The delivery to start, if there is one and it may."""
        if not self.ready or self.standstill is not None:
            return None
        self.queued -= 1
        return self.ready.popleft()

    def started(self, delivery: Delivery, now_ms: float) -> None:
        """A request is under way."""
        self._started[delivery] = now_ms

    def ended(self, delivery: Delivery, now_ms: float) -> None:
        """It ended, in whatever way."""
        took = now_ms - self._started.pop(delivery)
        if took < PATIENCE_MS or not self.parked:
            self._trouble_since = 0.0
        known = self._mean_ms > 0
        self._mean_ms += (took - self._mean_ms) * (_WEIGHT if known else 1)
        self._least_ms = min(took, self._least_ms * _FORGETS) if known else took

    def excess(self, now_ms: float) -> int:
        """How many of the queued ones should be parked after all: the lane came into trouble."""
        if self.standstill is None and self.expected_ms(now_ms) <= PATIENCE_MS:
            return 0
        return max(0, self.queued - self.limit(now_ms))


class Lanes:
    """All lanes of this process; one is made for a webhook's first delivery."""

    def __init__(self, directory: Directory, cap: int, pace: Pace) -> None:
        """None is there.

        Args:
            cap: The most that one lane's queue may hold.
        """
        self._directory = directory
        self._cap = cap
        self._pace = pace
        self._lanes: dict[str, Lane] = {}

    def of(self, key: bytes | None) -> Lane:
        """The lane of a record, by its key: that of its webhook."""
        id = (key or b"").partition(b"/")[0].decode(errors="replace")
        lane = self._lanes.get(id)
        if lane is None:
            lane = self._lanes[id] = Lane(id, self._directory.find(id), self._cap, self._pace)
        return lane

    def find(self, id: str) -> Lane | None:
        """A webhook's lane, if it has one."""
        return self._lanes.get(id)

    def forget(self, share: Share) -> None:
        """A share goes to another member."""
        for lane in self._lanes.values():
            lane.forget(share)

    def waiting(self) -> list[Lane]:
        """Those with something in their queue."""
        return [lane for lane in self._lanes.values() if lane.queued]
