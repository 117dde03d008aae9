"""A chain: which workflow actions led to an event, oldest first, as texts of a bounded length.

Pure: no clock, no I/O.  A link is `workflow/version/index/event id`: the workflow that made the
action, its version, the action's place in it, and the event that it matched.  That names the action,
whose id is derived from the four, and fits a header.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.records import Action, action_id_of

#: Links that are kept, which is as many hops as can be allowed.
MAX_LINKS: Final = 100
#: Characters of one link: 63 of a workflow's id, 19 of its version, the index, a UUID.
MAX_LINK: Final = 128
#: Characters of a whole chain, so that it fits where servers take headers of 8 KiB in all.
MAX_CHAIN: Final = 4_000
#: Between two links in a header.
SEPARATOR: Final = ", "

#: A link as a regular expression, for documents that describe what is accepted.
PATTERN: Final = (
    r"[a-z0-9][a-z0-9._-]{0,62}/[1-9][0-9]{0,18}/(0|[1-9][0-9]{0,2})/"
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_LINK: Final = re.compile(PATTERN)
#: How a link is described to people who sent something else.
FORM: Final = (
    "workflow/version/index/event id, such as win-back/3/0/6f6e5a0e-5a58-5f0c-9a53-8f1c6f0f7f11"
)


@dataclass(frozen=True, slots=True)
class Link:
    """One action of a chain."""

    workflow: str
    version: int
    index: int
    event_id: uuid.UUID

    @property
    def action_id(self) -> uuid.UUID:
        """The id of the action; what its webhook's receiver saw as `webhook-id`."""
        return action_id_of(self.event_id, self.workflow, self.version, self.index)


def link_of(action: Action) -> str:
    """The link that an action adds to the chain of its event."""
    return f"{action.workflow_id}/{action.workflow_version}/{action.action_index}/{action.event_id}"


def parse_link(text: str) -> Link | None:
    """What a link says; None if it is not one."""
    if not _LINK.fullmatch(text):
        return None
    workflow, version, index, event_id = text.split("/")
    return Link(workflow, int(version), int(index), uuid.UUID(event_id))


def extended(chain: Sequence[str], link: str) -> tuple[str, ...]:
    """The chain with one more link; the oldest are left out where it would become too long."""
    return bounded((*chain, link))


def bounded(chain: Sequence[str]) -> tuple[str, ...]:
    """The latest links of a chain, as many as are kept.

    What is no link is left out: events may come from anywhere, and a chain goes into headers.
    """
    kept = tuple(link for link in chain[-MAX_LINKS:] if _LINK.fullmatch(link))
    while len(SEPARATOR.join(kept)) > MAX_CHAIN:
        kept = kept[1:]
    return kept


def chain_text(chain: Iterable[str]) -> str:
    """A chain as one header's value."""
    return SEPARATOR.join(chain)


def parse_chain(text: str) -> tuple[str, ...]:
    """The chain in a header's value; an empty one is no chain.

    Raises:
        ValueError: One sentence on what is wrong with it.
    """
    links = tuple(part.strip(" \t") for part in text.split(",")) if text.strip() else ()
    if (problem := problem_with(links)) is not None:
        raise ValueError(problem)
    return links


def problem_with(chain: Sequence[str]) -> str | None:
    """Why texts are not a chain, as the rest of a sentence; None if they are."""
    if len(chain) > MAX_LINKS:
        return f"has {len(chain)} links; at most {MAX_LINKS} are allowed"
    for place, link in enumerate(chain, 1):
        if parse_link(link) is None:
            shown = f"{link!a}" if len(link) <= MAX_LINK else f"{link[:40]!a}…"
            return f"has {shown} as link {place}; expected {FORM}"
    if len(chain_text(chain)) > MAX_CHAIN:
        return f"is longer than {MAX_CHAIN} characters"
    return None
