"""Follows one event: its verdict per workflow, its actions, their attempts, their outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.dead_letters import DeadLetter
from console.find_events import Placed
from console.follow import Followed, follow
from console.session import Session
from console.verdicts import Opinion, opinion_view, opinions
from console.views import event_view, letter_view


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that is known about one event.

    Attributes:
        opinions: By the workflows as they are saved now.
        unread: The event's own dead letters: it, or an action of it, could not be made.
        notes: What could not be read on the way.
    """

    placed: Placed
    opinions: Sequence[Opinion]
    followed: Sequence[Followed]
    unread: Sequence[DeadLetter]
    notes: Sequence[str]

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "event": event_view(self.placed.event, self.placed.record),
            "workflows": [opinion_view(opinion) for opinion in self.opinions],
            "actions": [one.view() for one in self.followed],
            "dead_letters": [letter_view(letter) for letter in self.unread],
            "notes": list(self.notes),
        }


async def trace(session: Session, placed: Placed) -> Trace:
    """Follow an event through the topics."""
    found = await follow(session, placed)
    return Trace(
        placed=placed,
        opinions=opinions(session.workflows.current, placed.event, session.catalog),
        followed=found.followed,
        unread=found.letters,
        notes=found.notes,
    )
