"""Why an action is not made because too many others led to it: the whole chain, for people and tools.

Pure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from schemas.links import Link, link_of, parse_link
from schemas.records import Action, Event
from workflow_service.dead_letter import MAX_REASON, Reason

#: Links at each end of a chain that is too long for one sentence; the header has all of them.
FIRST: Final = 3
LAST: Final = 9


def too_many_hops(action: Action, event: Event, limit: int) -> Reason:
    """The reason why an action at the end of a chain is a dead letter."""
    links = links_of(action, event)
    return Reason(
        "too-many-hops",
        _sentence(action, event, links, limit)[:MAX_REASON],
        "act",
        "",
        action.workflow_id,
        chain_json(links),
    )


def links_of(action: Action, event: Event) -> tuple[Link, ...]:
    """The whole chain as far as it is known, oldest first; the last link is the action itself."""
    links = map(parse_link, (*event.chain, link_of(action)))
    return tuple(link for link in links if link is not None)


def chain_json(links: Sequence[Link]) -> str:
    """The chain for tools."""
    return json.dumps(
        [
            {
                "workflow": link.workflow,
                "version": link.version,
                "action_index": link.index,
                "action_id": str(link.action_id),
                "event_id": str(link.event_id),
            }
            for link in links
        ],
        separators=(",", ":"),
    )


def _sentence(action: Action, event: Event, links: Sequence[Link], limit: int) -> str:
    """What happened, what recurs, what to do, and the chain."""
    return (
        f"this would be action {action.hops} of one chain of workflows that set each other off, and "
        f"at most {limit} are allowed (HOOKLINE_MAX_HOPS). {_recurring(links)}Break the cycle "
        "(`hookline workflows lint` shows where), then replay this or discard it. The chain, oldest "
        f"first: {_steps(links, action.hops)} ({event.operation} of {event.entity} "
        f"{event.entity_id[:60]}, version {event.version}), which was not delivered; "
        f"correlation id {action.correlation_id}"
    )


def _recurring(links: Sequence[Link]) -> str:
    """The workflows that stand in a chain more than once: the cycle."""
    counts = Counter(link.workflow for link in links)
    often = [name for name, count in counts.items() if count > 1]
    if not often:
        return ""
    shown = ", ".join(often[:FIRST]) + (f" and {len(often) - FIRST} more" * (len(often) > FIRST))
    return f"{shown} {'recurs' if len(often) == 1 else 'recur'}. "


def _steps(links: Sequence[Link], hops: int) -> str:
    """The chain as one line; the middle of a long one is in the header only."""
    steps = [f"{link.workflow}@{link.version} on event {link.event_id}" for link in links]
    if len(steps) > FIRST + LAST:
        left_out = len(steps) - FIRST - LAST
        steps[FIRST:-LAST] = [f"({left_out} more, all in the header hookline-chain)"]
    if (unknown := hops - len(links)) > 0:
        steps.insert(0, f"({unknown} earlier, not known)")
    return " → ".join(steps)
