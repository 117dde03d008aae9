"""How big a soak is and how hard it is hit, and the workflows it runs with.

Pure.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

WEBHOOKS = ("a", "b")
#: The workflow whose every version makes another set of actions, and the sets by version modulo 3.
TURNING = "turning"
MASKS: Mapping[int, AbstractSet[str]] = {
    0: frozenset({"a"}),
    1: frozenset({"b"}),
    2: frozenset({"a", "b"}),
}
#: The workflow whose odd versions match even events, and whose even versions match odd ones.
FLIPPING = "flipping"
#: Fires once per record, whatever its version.
ONCE_CHANGING = "once-changing"
CHANGING = (TURNING, FLIPPING, ONCE_CHANGING)
#: These never change: every event, every even event, the first of each record.
STEADY, EVEN, ONCE = "steady", "even", "once"
#: Of so many events one is looked at by the workflows whose versions are checked event by event.
EVERY = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """A soak.

    Attributes:
        events: To be published.
        records: The events are spread over; what is fired once is fired so often.
        rate: Events published a second, at most; None: as fast as they are worked off.
        backlog: Publishing waits while so many are not worked off.
        changes: Of definitions, a second.
        kill_every_s: Between two kills, at least; members take turns.
        still_s: How long the broker stands still, once, when half of the events are published.
        give_up_s: After the last event was published all must be worked off within this.
        partitions: Of each data topic.
    """

    events: int = 1_000_000
    records: int = 20_000
    rate: int | None = None
    backlog: int = 20_000
    changes: int = 10
    kill_every_s: float = 7.0
    still_s: float = 20.0
    give_up_s: float = 900.0
    partitions: int = 6


def event_id_of(number: int) -> uuid.UUID:
    """The id of the event with this number."""
    return uuid.UUID(f"50a50000-0000-5000-8000-{number:012x}")


def number_of(event_id: uuid.UUID) -> int:
    """The inverse of `event_id_of`."""
    return event_id.int & 0xFFFFFFFFFFFF


def record_of(number: int, records: int) -> str:
    """The record that an event is about; neighbours are about different ones."""
    return f"lead-{number % records:07d}"


def tags_of(number: int) -> tuple[str, ...]:
    """What conditions look at: parity, and whether the event is checked closely."""
    parity = "even" if number % 2 == 0 else "odd"
    return (parity, "close") if is_close(number) else (parity,)


def is_close(number: int) -> bool:
    """Whether the changing workflows look at an event; half of those are even."""
    return number % (2 * EVERY) in (0, EVERY + 1)


def matches_flipping(version: int, number: int) -> bool:
    """Whether a version of the flipping workflow fires for an event."""
    return is_close(number) and (number % 2 == 0) == (version % 2 == 1)


def definition(id: str, version: int) -> str:
    """The spec of a workflow's version."""
    tags: list[str] = []
    then = ["a"]
    more: dict[str, Any] = {}
    match id:
        case "turning":
            tags, then = ["close"], sorted(MASKS[version % 3])
        case "flipping":
            tags = ["close", "even" if version % 2 else "odd"]
        case "once-changing" | "once":
            more = {"fire": "once_per_record"}
        case "even":
            tags = ["even"]
        case _:  # every event
            pass
    if tags:
        more["only_if"] = {"all": [{"field": "after.tags", "contains": tag} for tag in tags]}
    content = {
        "id": id,
        "entity": "lead",
        "on": ["created"],
        "description": f"version {version}",
        "then": [{"webhook": webhook} for webhook in then],
    }
    return json.dumps(content | more)
