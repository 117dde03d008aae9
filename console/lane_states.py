"""How the webhooks' lanes stand, and an operator's decisions about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from console.apply import Author
from console.dead_letters import DeadLetter
from console.errors import RefusedError
from console.previews import hidden_webhook
from console.session import Session
from console.takeover import open_letters
from runtime.broker import Outgoing, Span
from schemas.errors import ConfigurationError, SchemaError
from schemas.records import Definition, LaneAspect, LaneState, lane_key_of
from webhook_service.lane_states import switched
from webhook_service.switch import decided
from webhook_service.webhook import State

Lanes = Mapping[tuple[str, LaneAspect], LaneState]
#: What deliveries to a disabled webhook die of, the one that disabled it included.
MISSED = frozenset({"disabled", "gone"})


async def read(session: Session) -> Lanes:
    """The newest state of each lane; empty where the topic does not exist yet."""
    found: dict[tuple[str, LaneAspect], LaneState] = {}
    try:
        async for record in session.reader.scan(Span(session.topics.lanes)):
            try:
                state = await session.lane_state(record.value)
            except SchemaError:  # of a newer release, or removed by hand
                continue
            found[state.webhook_id, state.aspect] = state
    except ConfigurationError:
        return {}
    return found


def view(definition: Definition, state: State, lanes: Lanes) -> dict[str, Any]:
    """How a webhook's lane stands, for `--json`."""
    switch, breaker = lanes.get((definition.id, "switch")), lanes.get((definition.id, "breaker"))
    now = decided(state, definition.version, switch)
    failing = breaker.failing_since if breaker else None
    shown: dict[str, Any] = {"state": now, "next_probe_at": None, "failing_since": failing}
    if now == "active" and breaker is not None and breaker.state == "open":
        shown |= {"state": "open", "next_probe_at": breaker.next_probe_at}
        return shown | {"reason": breaker.reason, "since": breaker.since, "by": None}
    if now == state or switch is None:
        return shown | {"reason": "", "since": None, "by": None}
    by = switch.written_by if switch.cause == "operator" else "the service"
    return shown | {"reason": switch.reason, "since": switch.since, "by": by}


async def decide(
    session: Session,
    webhooks: Sequence[Definition],
    state: Literal["active", "paused", "disabled"],
    reason: str,
    author: Author,
) -> None:
    """Write what an operator has decided; members take it up as soon as they read it.

    Raises:
        RefusedError: The manifest of one says something else, which counts more; none is changed.
        ConfigurationError: The topic does not exist.
    """
    for definition in webhooks:
        said = hidden_webhook(definition).state
        if said != "active":
            message = (
                f"the manifest of {definition.id} says state: {said}, which counts more; "
                "change it there and apply it"
            )
            raise RefusedError(message)
    publisher = await session.publisher()
    await session.registry.register(session.catalog.lane_state)
    lanes = await read(session)
    records = []
    for definition in webhooks:
        now, before = author.clock.now(), lanes.get((definition.id, "switch"))
        if before is not None:  # a member whose clock is ahead must not look newer
            now = max(now, before.written_at + timedelta(microseconds=1))
        made = switched(
            definition.id, state, "operator", reason, definition.version, now, author.name
        )
        key = lane_key_of(definition.id, "switch")
        records.append(Outgoing(session.topics.lanes, key, session.codec.encode(made)))
    await publisher.publish_all(records)


async def missed(session: Session, webhook: str) -> list[DeadLetter]:
    """The open dead letters of a webhook that are there because it was disabled."""
    return [
        letter
        for letter in await open_letters(session)
        if letter.webhook == webhook and letter.error_class in MISSED
    ]
