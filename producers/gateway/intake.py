"""Takes bodies in: read, check, publish, and answer only once Kafka has acknowledged."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from producers.change import event_of
from producers.gateway import strict_json
from producers.gateway.idempotency import (
    Answers,
    Fingerprint,
    First,
    Now,
    Repeat,
    Reused,
    UnderWay,
    event_id_of,
)
from producers.gateway.refusal import FAILED, INVALID, KEY_REUSED, UNAVAILABLE, Fault, Refusal
from producers.gateway.request import Draft, drafts_of, event_form
from producers.publisher import new_event_id
from runtime.broker import Acknowledged, Outgoing
from runtime.health import Health
from runtime.logs import get_logger
from runtime.metrics import counter
from schemas.catalog import Catalog
from schemas.errors import BrokerError, SchemaError
from schemas.records import Event

log = get_logger(__name__)
events_total = counter(
    "hookline_gateway_events_total",
    "Events taken in by the gateway, by entity and by what became of them.",
    ("entity", "result"),
)

#: Seconds after which a caller should try again: about what a broker's restart takes.
RETRY_AFTER_S = 5


class Publishing(Protocol):
    """What the intake needs of the publisher, and no more."""

    async def encode(self, events: Sequence[Event]) -> list[Outgoing]:
        """The events as records, their schemas registered."""

    async def write_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Write the records and wait for their acknowledgement."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a request whose events are all on their topics.

    Attributes:
        repeated: It was given before; nothing was published this time.
    """

    body: bytes
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one request."""

    batch: int
    event_bytes: int
    publish: timedelta


class Intake:
    """Publishes what requests say, each as a whole or not at all as far as the checks go."""

    def __init__(
        self,
        catalog: Catalog,
        answers: Answers,
        clock: Now,
        limits: Limits,
        health: Health,
    ) -> None:
        """Start without a publisher: everything is refused until `use` brings one."""
        self._forms = {entity: event_form(catalog, entity) for entity in catalog.entities}
        self._answers = answers
        self._clock = clock
        self._limits = limits
        self._health = health
        self._publisher: Publishing | None = None

    def use(self, publisher: Publishing | None) -> None:
        """Publish through this from now on; None while there is none."""
        self._publisher = publisher

    async def accept(self, entity: str, key: str | None, body: bytes) -> Accepted | Refusal:
        """Publish the events of one request.

        Args:
            entity: One that the catalog knows.
            key: The `Idempotency-Key`, if there was one.
        """
        if key is None:
            outcome = await self._publish(entity, body, lambda _: new_event_id())
            return outcome if isinstance(outcome, Refusal) else Accepted(outcome)
        fingerprint = Fingerprint.of(entity, body)
        match self._answers.begin(key, fingerprint):
            case Repeat(answer):
                return Accepted(answer, repeated=True)
            case Reused():
                detail = f"the Idempotency-Key {key[:40]!r} was used for another request"
                return Refusal(KEY_REUSED, detail)
            case UnderWay(first):
                shared = await asyncio.shield(first)
                return shared if isinstance(shared, Refusal) else Accepted(shared, repeated=True)
            case First():
                return await self._first(entity, key, body, fingerprint)

    async def _first(
        self, entity: str, key: str, body: bytes, fingerprint: Fingerprint
    ) -> Accepted | Refusal:
        """Publish, and remember the answer if there is one worth it."""
        outcome: bytes | Refusal = Refusal(FAILED, "the first request with this key did not end")
        try:
            outcome = await self._publish(
                entity, body, lambda index: event_id_of(key, fingerprint, index)
            )
        finally:
            if isinstance(outcome, Refusal):
                self._answers.forget(key, outcome)
            else:
                self._answers.finish(key, outcome)
        return outcome if isinstance(outcome, Refusal) else Accepted(outcome)

    async def _publish(
        self, entity: str, body: bytes, id_of: Callable[[int], uuid.UUID]
    ) -> bytes | Refusal:
        """Check everything, then write everything; the answer's body, or why not."""
        parsed = strict_json.loads(body)
        if isinstance(parsed, Refusal):
            return parsed
        drafts = drafts_of(parsed.value, self._forms[entity], self._limits.batch)
        if isinstance(drafts, Refusal):
            events_total.labels(entity, "invalid").inc()
            return drafts
        events = [self._event(entity, draft, id_of(index)) for index, draft in enumerate(drafts)]
        try:
            async with asyncio.timeout(self._limits.publish.total_seconds()):
                there = await self._write(events, batch=isinstance(parsed.value, list))
        except TimeoutError:
            within = self._limits.publish.total_seconds()
            return self._unavailable(entity, f"no acknowledgement within {within:g} s")
        except BrokerError as error:
            return self._unavailable(entity, str(error))
        if isinstance(there, Refusal):
            events_total.labels(entity, "invalid").inc()
            return there
        self._health.set("broker", ok=True, detail="events are acknowledged")
        events_total.labels(entity, "published").inc(len(there))
        events_total.labels(entity, "unchanged").inc(len(events) - len(there))
        return _answer(events, there)

    def _event(self, entity: str, draft: Draft, event_id: uuid.UUID) -> Event | None:
        """The event of a checked draft; None where nothing changed."""
        return event_of(
            entity,
            draft.event_id or event_id,
            draft.from_here(self._clock.now()),
            before=draft.before,
            after=draft.after,
            entity_id=draft.entity_id,
        )

    async def _write(
        self, events: Sequence[Event | None], *, batch: bool
    ) -> dict[int, Acknowledged] | Refusal:
        """Write the events that are some; where each stands, by its index."""
        if self._publisher is None:
            raise BrokerError("the gateway is not connected to Kafka yet")
        records: dict[int, Outgoing] = {}
        faults: list[Fault] = []
        for index, event in enumerate(events):
            if event is None:
                continue
            try:
                [record] = await self._publisher.encode((event,))
            except SchemaError as error:
                faults.append(Fault(f"/{index}" if batch else "", str(error)))
                continue
            size = len(record.value or b"")
            if size > self._limits.event_bytes:
                detail = f"the event takes {size} bytes; the limit is {self._limits.event_bytes}"
                faults.append(Fault(f"/{index}" if batch else "", detail))
            records[index] = record
        if faults:
            return Refusal(INVALID, "nothing was published", tuple(faults))
        acknowledged = await self._publisher.write_all(list(records.values()))
        return dict(zip(records, acknowledged, strict=True))

    def _unavailable(self, entity: str, reason: str) -> Refusal:
        """The broker is away: say so to the caller, the probes and the log."""
        self._health.set("broker", ok=False, detail=reason)
        events_total.labels(entity, "unavailable").inc()
        log.warning("gateway.unavailable", entity=entity, reason=reason)
        return Refusal(UNAVAILABLE, reason, headers=(("Retry-After", str(RETRY_AFTER_S)),))


def _answer(events: Sequence[Event | None], there: Mapping[int, Acknowledged]) -> bytes:
    """The body of a 202: what became of each event, in the order of the request."""
    return json.dumps({"events": [_item(e, there.get(i)) for i, e in enumerate(events)]}).encode()


def _item(event: Event | None, there: Acknowledged | None) -> dict[str, object]:
    """What became of one event."""
    if event is None or there is None:
        empty = dict.fromkeys(("event_id", "topic", "partition", "offset"))
        return {"status": "unchanged", **empty}
    return {
        "status": "published",
        "event_id": str(event.event_id),
        "topic": there.topic,
        "partition": there.partition,
        "offset": there.offset,
    }
