"""The window of a replay, and what a replay would send of it: counted, with what is left out and why.

Pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from console.errors import RefusedError

#: So long after its end a window is settled: a publisher gives an event up when no acknowledgement
#: has come for this long, so what was published before is there by then or never will be.
SETTLED_AFTER = timedelta(seconds=30)
#: Events that are left out and named; all of them are counted.
NAMED = 20


@dataclass(frozen=True, slots=True)
class Window:
    """The events that are meant, by the time at which they were published.

    Attributes:
        until: Exclusive.
    """

    since: datetime
    until: datetime

    def check_settled(self, now: datetime) -> None:
        """See that no event can come into it any more, so that what is counted is what is sent.

        Raises:
            RefusedError: It ends in the future, or just now; says from when on it can be replayed.
        """
        if self.until > now:
            message = (
                f"--to ({self.until:%F %T}Z) is in the future: events that are published until then "
                "would be sent without having been counted; the workflow, active, fires for those"
            )
            raise RefusedError(message)
        settled = self.until + SETTLED_AFTER
        if settled > now:
            message = (
                f"--to ({self.until:%F %T}Z) is so late that events published before it may still be "
                f"on their way: the window can be replayed from {settled:%F %T}Z on; or give an "
                "earlier --to, such as 1m"
            )
            raise RefusedError(message)


@dataclass(slots=True)
class Counts:
    """What a replay would send.

    Attributes:
        actions: To be sent, by webhook.
        sent: Their ids are on the topic, from the first time or from another replay.
        done: Left out because this same replay has sent them.
        beyond: Left out because their chain is at its limit.
        too_large: Left out because their event does not fit into an action.
        broken: Events that the workflow broke on; nothing of them is sent.
        problems: The first of those that are too large or broke, each with its place.
    """

    events: int = 0
    matched: int = 0
    unreadable: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    done: int = 0
    beyond: int = 0
    too_large: int = 0
    broken: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Actions to be sent."""
        return sum(self.actions.values())

    def name(self, place: str, text: str) -> None:
        """Remember one event that is left out, while there is room."""
        if len(self.problems) < NAMED:
            self.problems.append(f"{place}: {text}")

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "events": self.events,
            "matched": self.matched,
            "unreadable": self.unreadable,
            "actions": dict(sorted(self.actions.items())),
            "sent_before": self.sent,
            "done_before": self.done,
            "too_many_hops": self.beyond,
            "too_large": self.too_large,
            "broken": self.broken,
            "problems": list(self.problems),
        }
