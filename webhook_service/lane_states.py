"""What is shared of a lane, as the records of its topic and back.

Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from schemas.records import LaneAspect, LaneCause, LaneState, LaneStatus
from webhook_service.circuit import Standing
from webhook_service.durations import duration_text
from webhook_service.lane import Lane

#: A member that did not see the failure itself tries the endpoint out so much later than the one
#: that did, as a share of the wait: so as a rule one probe is under way, not one for each member.
STAGGER: Final = 0.25


def breaker_state(lane: Lane, now: datetime, member: str) -> LaneState:
    """Where a lane's circuit stands."""
    standing = lane.circuit.standing
    failing = _at(standing.failing_ms) if standing.failing_ms else None
    return LaneState(
        webhook_id=lane.id,
        aspect="breaker",
        state="open" if standing.is_open else "closed",
        cause="failing",
        reason=standing.reason,
        webhook_version=_version(lane),
        since=_at(standing.since_ms) if standing.is_open else now,
        next_probe_at=_at(standing.probe_ms) if standing.is_open else None,
        opened=standing.opened,
        failing_since=failing,
        written_at=now,
        written_by=member,
    )


def standing_of(state: LaneState, now: datetime) -> Standing:
    """A circuit's standing, as another member wrote it."""
    probe = state.next_probe_at
    failing_ms = _ms(state.failing_since) if state.failing_since else 0
    if state.state != "open" or probe is None:
        return Standing(failing_ms=failing_ms)
    later = max(probe - now, probe - probe) * STAGGER
    return Standing(
        since_ms=_ms(state.since),
        probe_ms=_ms(probe + later),
        opened=max(1, state.opened),
        failing_ms=failing_ms,
        reason=state.reason,
    )


def disabled(lane: Lane, cause: LaneCause, why: str, now: datetime, member: str) -> LaneState:
    """The service itself disables a webhook."""
    failing_ms = lane.circuit.standing.failing_ms
    if cause == "failing":
        lasted = duration_text(now.replace(microsecond=0) - _at(failing_ms).replace(microsecond=0))
        why = f"nothing but failures for {lasted}; the last: {why}"
    return switched(lane.id, "disabled", cause, why, _version(lane), now, member)


def switched(
    webhook: str,
    state: LaneStatus,
    cause: LaneCause,
    reason: str,
    version: int,
    now: datetime,
    by: str,
) -> LaneState:
    """A decision about a webhook.

    Args:
        version: The webhook's; what the service decided by itself holds for no newer one.
    """
    return LaneState(
        webhook_id=webhook,
        aspect="switch",
        state=state,
        cause=cause,
        reason=reason,
        webhook_version=version,
        since=now,
        next_probe_at=None,
        opened=0,
        failing_since=None,
        written_at=now,
        written_by=by,
    )


def aspect_key(state: LaneState) -> tuple[str, LaneAspect]:
    """What a state is about."""
    return state.webhook_id, state.aspect


def _version(lane: Lane) -> int:
    return lane.known.version if lane.known is not None else 0


def _at(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, UTC)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1_000)
