"""When a failed delivery is tried again, and when it is given up.

Pure: time and chance are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.errors import IllegalStepError
from webhook_service.webhook import Retry


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again, not before this."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The schedule is used up."""

    reason: str


def after_failure(
    retry: Retry,
    attempt: int,
    now: datetime,
    chance: float,
    *,
    retry_after: timedelta | None = None,
    cap: timedelta = timedelta(days=1),
) -> RetryAt | GiveUp:
    """What follows a failed attempt.

    Args:
        attempt: The one that failed, counted from 1.
        chance: Between 0 and 1; decides how much jitter is added.
        retry_after: What the endpoint asked for; it can only lengthen the wait, up to the cap.
    """
    if attempt < 1:
        raise IllegalStepError(f"attempts are counted from 1, got {attempt}")
    if attempt > len(retry.schedule):
        return GiveUp(f"no success in {attempt} attempt{'s' if attempt > 1 else ''}")
    wait = with_jitter(retry.schedule[attempt - 1], retry.jitter, chance)
    if retry_after is not None:
        wait = max(wait, min(retry_after, cap))
    return RetryAt(now + wait)


def with_jitter(wait: timedelta, jitter: float, chance: float) -> timedelta:
    """The wait, lengthened by up to `jitter` of it; never shortened, never beyond that bound."""
    longest = wait + timedelta(microseconds=int(wait / timedelta(microseconds=1) * jitter))
    return max(wait, min(wait * (1 + jitter * chance), longest))
