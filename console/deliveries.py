"""Deliveries as an operator sees them: the attempts of each action, and what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runtime.broker import Reader, Received, Span
from schemas.errors import SchemaError
from schemas.records import Attempt, Outcome

#: Decodes an attempt's value; awaits the schema it names, if need be.
Decode = Callable[[bytes | None], Awaitable[Attempt]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """All attempts of one action at one webhook.

    A replay to another webhook keeps the action id; so the two together name a delivery.

    Attributes:
        attempts: In the order they were made; after a replay the numbers begin at 1 again.
    """

    attempts: tuple[Attempt, ...]

    @property
    def last(self) -> Attempt:
        """The latest attempt, which says where the delivery stands."""
        return self.attempts[-1]

    @property
    def action_id(self) -> UUID:
        """What the receiver sees as `webhook-id`."""
        return self.last.action_id

    @property
    def outcome(self) -> Outcome:
        """Where it stands: delivered, waiting (for `next_due_at`) or dead."""
        return self.last.outcome

    @property
    def next_due_at(self) -> datetime | None:
        """When the next attempt is due, if one is."""
        return self.last.next_due_at


@dataclass(frozen=True, slots=True)
class Asked:
    """Which deliveries are wanted; None means any.

    Attributes:
        error: Class of the last attempt's error.
    """

    action_id: str | None = None
    event_id: str | None = None
    webhook: str | None = None
    workflow: str | None = None
    entity: str | None = None
    record: str | None = None
    outcome: str | None = None
    error: str | None = None

    def wants(self, delivery: Delivery) -> bool:
        """Whether the delivery is one of them."""
        last = delivery.last
        pairs = (
            (self.action_id, str(last.action_id)),
            (self.event_id, str(last.event_id)),
            (self.webhook, last.webhook_id),
            (self.workflow, last.workflow_id),
            (self.entity, last.entity),
            (self.record, last.entity_id),
            (self.outcome, last.outcome),
            (self.error, last.error_class),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)


@dataclass(frozen=True, slots=True)
class Found:
    """What a reading of the attempts gave.

    Attributes:
        deliveries: Latest activity first.
        unreadable: Places of records that are no attempts, with the reason; never dropped silently.
    """

    deliveries: tuple[Delivery, ...]
    unreadable: tuple[str, ...] = ()


async def read(
    reader: Reader,
    topic: str,
    decode: Decode,
    asked: Asked = Asked(),
    since: datetime | None = None,
) -> Found:
    """Read the log of attempts and join it to deliveries.

    Args:
        topic: The attempts topic.
        since: Only attempts logged from then on; None reads all that is kept.
    """
    attempts, unreadable = [], []
    async for record in reader.scan(Span(topic, since=since)):
        if asked.action_id is not None and record.key != asked.action_id.encode():
            continue
        attempt = await _decoded(record, decode)
        if isinstance(attempt, str):
            unreadable.append(attempt)
        else:
            attempts.append(attempt)
    joined = [delivery for delivery in join(attempts) if asked.wants(delivery)]
    return Found(tuple(joined), tuple(unreadable))


async def _decoded(record: Received, decode: Decode) -> Attempt | str:
    """The attempt, or why it cannot be read."""
    try:
        return await decode(record.value)
    except SchemaError as error:
        return f"{record.place}: {error}"


def join(attempts: Iterable[Attempt]) -> list[Delivery]:
    """Attempts grouped by action and webhook, the latest activity first."""
    grouped: dict[tuple[UUID, str], list[Attempt]] = {}
    for attempt in attempts:
        grouped.setdefault((attempt.action_id, attempt.webhook_id), []).append(attempt)
    joined = [
        Delivery(tuple(sorted(alike, key=lambda attempt: attempt.started_at)))
        for alike in grouped.values()
    ]
    return sorted(joined, key=lambda delivery: delivery.last.started_at, reverse=True)


def counts(deliveries: Sequence[Delivery]) -> dict[Outcome, int]:
    """How many stand where."""
    found: dict[Outcome, int] = {"delivered": 0, "waiting": 0, "dead": 0}
    for delivery in deliveries:
        found[delivery.outcome] += 1
    return found
