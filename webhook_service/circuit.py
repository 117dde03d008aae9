"""A lane's circuit breaker: closed, open, half-open with one probe at a time.

Pure: time and chance are arguments.  What one member learns the others adopt, so what is kept here
and worth sharing is a value, `Standing`; what is merely counted stays where it was counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

from webhook_service.webhook import Breaker

Phase = Literal["closed", "open", "half-open"]

#: Up to this share of the time that it stays open is added at random.
JITTER: Final = 0.2
#: A lane that has failed for so long without being open is worth telling the others about.
NOTED_AFTER_MS: Final = 60_000
_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What all members know of one circuit.

    Attributes:
        since_ms: When it opened.
        probe_ms: When it may be tried out again.
        opened: How many times in a row it has opened; 0 while it is closed.
        failing_ms: Since when there was nothing but failures; 0 if the last attempt succeeded.
        reason: The failure that opened it.
    """

    since_ms: int = 0
    probe_ms: int = 0
    opened: int = 0
    failing_ms: int = 0
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is not closed."""
        return self.opened > 0


CLOSED: Final = Standing()


class Circuit:
    """One lane's, in one member."""

    __slots__ = ("_half_ms", "_now_failed", "_now_made", "_past_failed", "_past_made", "_probing",
                 "_row", "_row_fine", "_shared_failing", "standing")  # fmt: skip

    def __init__(self) -> None:
        """Closed, and nothing was attempted."""
        self.standing = CLOSED
        self._row = 0
        self._row_fine = 0
        self._probing = False
        self._shared_failing = False
        self._half_ms = 0.0
        self._now_made = self._now_failed = self._past_made = self._past_failed = 0

    def phase(self, now_ms: float) -> Phase:
        """Where it stands."""
        if not self.standing.is_open:
            return "closed"
        return "half-open" if now_ms >= self.standing.probe_ms else "open"

    def admits(self, now_ms: float) -> bool:
        """Whether an attempt may begin: any while closed, one while half-open."""
        phase = self.phase(now_ms)
        return phase == "closed" or (phase == "half-open" and not self._probing)

    def begins(self, now_ms: float) -> bool:
        """An attempt begins; True if it is a probe, which `ended` or `void` must be told of."""
        self._probing = self._probing or self.phase(now_ms) == "half-open"
        return self._probing

    def void(self) -> None:
        """The probe was not sent after all."""
        self._probing = False

    def ended(
        self,
        policy: Breaker | None,
        failure: str | None,
        now_ms: float,
        chance: float,
        *,
        probe: bool = False,
    ) -> bool:
        """An attempt ended.

        Args:
            failure: What went wrong; None if it went well.
            chance: Between 0 and 1; decides how much jitter is added.

        Returns:
            Whether the standing has changed in a way that the other members should know of.
        """
        if probe:
            self._probing = False
        before = self.standing
        if failure is None:
            self._row, failing_ms = 0, 0
        else:
            self._row, failing_ms = self._row + 1, before.failing_ms or int(now_ms)
        self.standing = replace(before, failing_ms=failing_ms)
        if policy is None:
            if before.is_open:
                self._close()
        elif not before.is_open:
            self._count(policy, now_ms, failed=failure is not None)
            if failure is not None and self._is_too_much(policy):
                self._open(policy, failure, now_ms, chance)
        elif probe:
            self._tried_out(policy, failure, now_ms, chance)
        return self._is_news(before, now_ms)

    def adopt(self, standing: Standing) -> None:
        """Another member has learned something newer."""
        if standing.is_open != self.standing.is_open:
            self._row = self._row_fine = 0
            self._forget()
        self.standing = standing
        self._shared_failing = standing.failing_ms > 0

    def _is_too_much(self, policy: Breaker) -> bool:
        made = self._now_made + self._past_made
        failed = self._now_failed + self._past_failed
        return self._row >= policy.failures or (
            made >= policy.least and failed >= policy.share * made
        )

    def _tried_out(
        self, policy: Breaker, failure: str | None, now_ms: float, chance: float
    ) -> None:
        if failure is not None:
            self._row_fine = 0
            self._open(policy, failure, now_ms, chance)
            return
        self._row_fine += 1
        if self._row_fine >= policy.probes:
            self._close()

    def _open(self, policy: Breaker, reason: str, now_ms: float, chance: float) -> None:
        before = self.standing
        wait = min(policy.open_for * 2 ** min(before.opened, 20), policy.longest)
        wait_ms = (wait / _MS) * (1 + JITTER * chance)
        self.standing = Standing(
            since_ms=before.since_ms if before.is_open else int(now_ms),
            probe_ms=int(now_ms + wait_ms) + 1,
            opened=before.opened + 1,
            failing_ms=before.failing_ms,
            reason=reason,
        )

    def _close(self) -> None:
        self.standing = Standing(failing_ms=self.standing.failing_ms)
        self._row_fine = 0
        self._forget()

    def _forget(self) -> None:
        self._now_made = self._now_failed = self._past_made = self._past_failed = 0

    def _count(self, policy: Breaker, now_ms: float, *, failed: bool) -> None:
        """Count an attempt; what is older than the window, to half of it, is forgotten."""
        half = policy.window / _MS / 2
        if now_ms >= self._half_ms + half:
            fresh = now_ms < self._half_ms + 2 * half
            self._past_made = self._now_made if fresh else 0
            self._past_failed = self._now_failed if fresh else 0
            self._now_made = self._now_failed = 0
            self._half_ms = now_ms
        self._now_made += 1
        self._now_failed += failed

    def _is_news(self, before: Standing, now_ms: float) -> bool:
        now = self.standing
        if (now.since_ms, now.probe_ms) != (before.since_ms, before.probe_ms):
            self._shared_failing = now.failing_ms > 0
            return True
        failing = now.failing_ms > 0
        if failing == self._shared_failing:
            return False
        if failing and now_ms - now.failing_ms < NOTED_AFTER_MS:
            return False
        self._shared_failing = failing
        return True
