"""The webhook that a command names, and the event that it asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.cli import output
from console.errors import NotFoundError

if TYPE_CHECKING:
    from console.session import Session
    from console.try_out import Wanted
    from schemas.records import Definition


def named(session: Session, webhook_id: str) -> Definition:
    """The webhook with that id.

    Raises:
        NotFoundError: There is none; lists those there are.
    """
    found = session.webhooks.current.get(webhook_id)
    if found is None:
        known = ", ".join(sorted(session.webhooks.current)) or "none"
        message = f"no webhook {webhook_id!r}; there are {known}"
        raise NotFoundError(message)
    return found


def lane_line(lane: dict[str, Any]) -> str:
    """How a lane stands, in a line."""
    text = f"lane: {lane['state']}"
    if lane["since"]:
        text += f" since {output.moment(lane['since'])}"
    if lane["by"]:
        text += f" by {lane['by']}"
    if lane["next_probe_at"]:
        text += f"; next probe {output.moment(lane['next_probe_at'])}"
    return text + (f": {lane['reason']}" if lane["reason"] else "")


def wanted_of(event_id: object, entity: str | None, workflow: str | None) -> Wanted:
    """The options, as the desk asks."""
    from console.try_out import Wanted  # noqa: PLC0415

    return Wanted(str(event_id) if event_id else None, entity, workflow)
