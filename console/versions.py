"""Which version of a workflow an event met, and what a reader must know of the one explained.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.dead_letters import instant
from console.history import History
from console.verdicts import Opinion
from runtime.broker import Received
from runtime.definitions import is_removed
from schemas.records import Definition


@dataclass(frozen=True, slots=True)
class Then:
    """The version that was in force when an event was worked on.

    Attributes:
        version: None if there was none.
        exact: An action names it; else it follows from when it was saved and when the event was
            published, by two clocks, and the event may have waited.
    """

    version: int | None
    exact: bool

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {"version": self.version, "approximate": not self.exact}


def then_of(history: History, acted: int | None, published_at: datetime) -> Then | None:
    """The version in force at the time; None if the history does not go back so far.

    Args:
        acted: The version that made an action of the event, if one did.
    """
    if acted is not None:
        return Then(acted, exact=True)
    found = history.at(published_at)
    if found is not None:
        return Then(found.version, exact=False)
    first = history.versions[0]
    if not history.complete and first.saved_at > published_at:
        return None
    return Then(None, exact=False)


def version_notes(
    history: History,
    explained: Definition,
    then: Then | None,
    record: Received | None,
    opinion: Opinion,
) -> Iterator[str]:
    """What must be said beside the verdict of one version."""
    removed = history.removed
    if removed is not None:
        yield (
            f"{history.id} was removed {_when(removed)}; this explains "
            f"{'its last' if explained == history.last else 'the'} version {explained.version}"
        )
    if record is None:
        return
    if then is None:
        yield (
            "which version was in force when the event was published is not known: what was saved "
            "before there was a topic for the history is not kept"
        )
    elif then.version is None:
        yield _absent(history, explained, record, opinion)
    elif then.version != explained.version:
        about = "" if then.exact else ", going by when it was saved, so this is approximate"
        yield (
            f"version {then.version} was in force when the event was worked on{about}; this "
            f"explains version {explained.version} (--version {then.version} explains that one)"
        )


def _absent(history: History, explained: Definition, published: Received, opinion: Opinion) -> str:
    """There was no such workflow when the event was published."""
    at = instant(published.timestamp_ms)
    would = {True: "fire", False: "not fire", None: "be refused"}[opinion.matched]
    as_saved = "as saved now" if explained == history.last else f"by version {explained.version}"
    gone = [one for one in history.versions if is_removed(one) and one.saved_at <= at]
    if gone:
        return (
            f"{history.id} was removed {_when(gone[-1])}, before this event was published at "
            f"{at:%F %T}Z; {as_saved} it would {would}"
        )
    return (
        f"{history.id} was first saved {_when(history.versions[0])}, after this event was "
        f"published at {at:%F %T}Z; {as_saved} it would {would}"
    )


def _when(definition: Definition) -> str:
    return f"at {definition.saved_at:%F %T}Z by {definition.saved_by}"
