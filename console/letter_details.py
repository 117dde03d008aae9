"""Everything there is to know about one dead letter, for the operator who is to decide about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console import deliveries
from console.chain_of import chain_of
from console.dead_letters import DeadLetter
from console.deliveries import Delivery
from console.personal import masked_event
from console.previews import Preview, preview
from console.session import Session
from console.views import attempt_view, event_view, header_view, letter_view
from schemas.errors import SchemaError
from schemas.records import Action, Event

#: A delivery's attempts are looked for from the event on; clocks differ a little.
SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Details:
    """One dead letter, decoded as far as it goes.

    Attributes:
        event: Masked unless personal fields were asked for; None if it cannot be read.
        delivery: Its attempts so far; None if there were none.
        request: What a replay would send now; None if nothing can be rendered.
        problems: What could not be read or rendered, in sentences.
    """

    letter: DeadLetter
    action: Action | None
    event: Event | None
    delivery: Delivery | None
    request: Preview | None
    problems: Sequence[str]

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        log = self.delivery.attempts if self.delivery else ()
        return {
            **letter_view(self.letter),
            "headers": header_view(self.letter.headers),
            "chain": chain_of(self.letter.headers),
            "event": event_view(self.event) if self.event else None,
            "attempts_log": [attempt_view(attempt) for attempt in log],
            "request": self.request.view() if self.request else None,
            "problems": list(self.problems),
        }


async def details(session: Session, letter: DeadLetter, *, personal: bool) -> Details:
    """Decode a dead letter, find its attempts, render its request."""
    problems: list[str] = []
    action = await _action(session, letter, problems)
    event = await _event(session, letter, action, problems)
    if event is not None and not personal:
        event = masked_event(event, session.catalog.fields(event.entity))
    delivery = await _delivery(session, action, problems) if action else None
    request = (
        _request(session, action, event, problems, exact=personal) if action and event else None
    )
    return Details(letter, action, event, delivery, request, problems)


async def _action(session: Session, letter: DeadLetter, problems: list[str]) -> Action | None:
    """The action it holds."""
    if not letter.is_action:
        return None
    try:
        return await session.action(letter.record.value)
    except SchemaError as error:
        problems.append(f"the action cannot be read: {error}")
        return None


async def _event(
    session: Session, letter: DeadLetter, action: Action | None, problems: list[str]
) -> Event | None:
    """The event it is about: the record itself, or what the action carries."""
    if letter.is_action and action is None:
        return None
    entity = action.entity if action else letter.entity
    value = action.event if action else letter.record.value
    try:
        return await session.event(entity, value)
    except SchemaError as error:
        problems.append(f"the event cannot be read: {error}")
        return None


async def _delivery(session: Session, action: Action, problems: list[str]) -> Delivery | None:
    """Its attempts."""
    asked = deliveries.Asked(action_id=str(action.action_id), webhook=action.webhook_id)
    since: datetime = action.matched_at - SKEW
    found = await deliveries.read(
        session.reader, session.topics.attempts, session.attempt, asked, since
    )
    problems.extend(found.unreadable)
    return found.deliveries[0] if found.deliveries else None


def _request(
    session: Session, action: Action, event: Event, problems: list[str], *, exact: bool
) -> Preview | None:
    """What a replay would send now."""
    definition = session.webhooks.current.get(action.webhook_id)
    if definition is None:
        problems.append(f"webhook {action.webhook_id} does not exist any more; replay --to another")
        return None
    try:
        return preview(definition, action, event, session.catalog, exact=exact)
    except SchemaError as error:
        problems.append(f"webhook {action.webhook_id}: {error}")
        return None
