"""Checks a replay to another webhook before anything is written."""

from __future__ import annotations

import json
from collections.abc import Sequence

from console.dead_letters import DeadLetter
from console.errors import NotFoundError, RefusedError
from console.replay import Redirection
from console.session import Session
from schemas.errors import SchemaError
from schemas.records import Action


async def redirection(session: Session, chosen: Sequence[DeadLetter], to: str) -> Redirection:
    """Everything needed to write the chosen actions for another webhook.

    Raises:
        NotFoundError: There is no such webhook.
        RefusedError: It does not accept an entity, or one of the dead letters is no readable action.
    """
    definition = session.webhooks.current.get(to)
    if definition is None:
        known = ", ".join(sorted(session.webhooks.current)) or "none"
        message = f"no webhook {to!r}; there are {known}"
        raise NotFoundError(message)
    accepted = json.loads(definition.spec).get("entities")
    refused = sorted({one.entity for one in chosen} - set(accepted)) if accepted else []
    if refused:
        message = f"webhook {to} is for {', '.join(accepted)}, not for {', '.join(refused)}"
        raise RefusedError(message)
    actions = {letter.address: await _action(session, letter) for letter in chosen}
    # The schema of actions is registered by the workflow service; here only where it never ran.
    await session.publisher()
    await session.registry.register(session.catalog.action)
    return Redirection(to, actions, session.codec.encode)


async def _action(session: Session, letter: DeadLetter) -> Action:
    """The action that a dead letter holds."""
    if not letter.is_action:
        message = (
            f"{letter.address} is an event that could not be read; it has no webhook to change"
        )
        raise RefusedError(message)
    try:
        return await session.action(letter.record.value)
    except SchemaError as error:
        message = f"{letter.address} cannot be read, so its webhook cannot be changed: {error}"
        raise RefusedError(message) from error
