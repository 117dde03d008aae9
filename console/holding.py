"""What an action that was not attempted yet waits for: another one of its record, or room in its lane."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from console.session import Session
from runtime.broker import Position, Received, Span, TopicPartition
from schemas import headers
from webhook_service.offset_map import decode
from webhook_service.waiting import Wait, wait_in


@dataclass(frozen=True, slots=True)
class Waiting:
    """One record in a retry tier."""

    action_id: str
    wait: Wait

    @property
    def due(self) -> datetime:
        """When it is due."""
        return datetime.fromtimestamp(self.wait.due_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Holding:
    """Where an action stands before its first attempt.

    Attributes:
        own: Its own record in a tier.
        first: The one of its record that all others wait for; None if it is the first itself.
        before: How many stand before it.
    """

    own: Waiting
    first: Waiting | None
    before: int

    @property
    def sentence(self) -> str:
        """For people."""
        if self.first is None:
            return (
                f"parked without an attempt: its webhook had no room, or is paused; looked at "
                f"again at {self.own.due:%F %T}Z"
            )
        attempt = self.first.wait.history.attempts + 1
        more = f" and {self.before - 1} more" if self.before > 1 else ""
        return (
            f"held behind attempt {attempt} of {self.first.action_id}{more}, "
            f"next at {self.first.due:%F %T}Z"
        )

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        first = self.first
        return {
            "sentence": self.sentence,
            "looked_at_again": self.own.due,
            "behind": None
            if first is None
            else {
                "action_id": first.action_id,
                "attempt": first.wait.history.attempts + 1,
                "next_due_at": first.due,
                "before": self.before,
            },
        }


async def holding_of(session: Session, action: Received) -> Holding | None:
    """What an action waits for; None if it is in no tier.

    Args:
        action: Its record on the actions topic.
    """
    line = await _line_of(session, action)
    own = line.get(action.offset)
    if own is None:
        return None
    before = [origin for origin in line if origin < action.offset]
    return Holding(own, line[min(before)] if before else None, len(before))


async def action_record(session: Session, action_id: str) -> Received | None:
    """The latest record of an action on its topic."""
    found = None
    async for record in session.reader.scan(Span(session.topics.actions)):
        if _id_of(record) == action_id:
            found = record
    return found


async def _line_of(session: Session, action: Received) -> dict[int, Waiting]:
    """The waiting records of an action's key, by their place in the order."""
    tiers = tuple(session.topics.retries)
    admin = session.broker.admin()
    try:
        positions = await admin.positions(session.settings.webhook_group)
    finally:
        await admin.close()
    ends, line = await session.reader.ends(tiers), {}
    for tier in tiers:
        place = TopicPartition(tier, action.partition)
        position = positions.get(place, Position(0))
        if position.offset >= ends[place]:
            continue
        finished = decode(position.offset, position.metadata)
        async for record in session.reader.scan(Span(*place, offset=position.offset)):
            if record.key == action.key and record.offset not in finished:
                wait = wait_in(record.headers, record.offset, record.timestamp_ms)
                line[wait.origin] = Waiting(_id_of(record), wait)
    return line


def _id_of(record: Received) -> str:
    return dict(record.headers).get(headers.ACTION_ID, b"?").decode(errors="replace")
