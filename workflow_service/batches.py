"""One batch after the other: matched, and written in one transaction with how far it was read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from runtime.broker import Consumer, Received, TransactionalPublisher
from runtime.clock import Clock
from runtime.definitions import SchemaCatchUp
from runtime.health import Health
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, FencedError, SchemaError
from workflow_service import measures
from workflow_service.breaker import Hold, judge
from workflow_service.ownership import Ownership, Terms
from workflow_service.stage import Produced, Stage, positions_after, starts_of

log = get_logger(__name__)

#: Pauses after transactions that failed one after the other, seconds; the last one repeats.
BACKOFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Webhooks(Protocol):
    """What a batch needs of the definitions, and no more."""

    async def find_webhooks(self, ids: set[str]) -> bool:
        """Look whether these exist by now; True if one was found."""


class Fetch(NamedTuple):
    """Records as received, with the terms in which their partitions were ours."""

    records: Sequence[Received]
    terms: Terms


class Batches:
    """Writes what a member receives; keeps what must be remembered from batch to batch."""

    def __init__(
        self,
        stage: Stage,
        registry: SchemaCatchUp,
        webhooks: Webhooks,
        ownership: Ownership,
        *,
        settings: Settings,
        clock: Clock,
        health: Health,
    ) -> None:
        """Nothing was written yet."""
        self._stage = stage
        self._registry = registry
        self._webhooks = webhooks
        self._ownership = ownership
        self._size = settings.workflow_batch
        self._limit = settings.dead_letter_limit
        self._pause = timedelta(milliseconds=settings.dead_letter_pause_ms)
        self._clock = clock
        self._health = health
        self._streak = 0
        self._failures = 0

    async def write(
        self, fetch: Fetch, consumer: Consumer, publisher: TransactionalPublisher
    ) -> timedelta | None:
        """Write all of it, batch by batch, or as much as goes.

        Returns:
            How long to pause before receiving again; None after success.  What was not written
            will be received again.

        Raises:
            FencedError: A successor has taken over.
        """
        pending = fetch.records
        while pending:
            async with self._ownership.writing:
                pending = self._ownership.still_ours(pending, fetch.terms)
                batch, pending = pending[: self._size], pending[self._size :]
                pause = await self._write_one(batch, consumer, publisher) if batch else None
                if pause is not None:
                    await self._rewind(consumer, [*batch, *pending], fetch.terms)
                    return pause
        return None

    async def _write_one(
        self, batch: Sequence[Received], consumer: Consumer, publisher: TransactionalPublisher
    ) -> timedelta | None:
        time = asyncio.get_running_loop().time
        began = time()
        try:
            produced = await self._produce(batch)
            matched = time()
            decision = judge(self._streak, produced.readable, produced.trailing, self._limit)
            if isinstance(decision, Hold):
                return self._hold(decision)
            await publisher.transact(produced.records, positions_after(batch), consumer)
        except FencedError:
            raise
        except BrokerError as error:
            return self._failed(error)
        self._streak, self._failures = decision.streak, 0
        self._written(batch, produced, matched - began, time() - began)
        return None

    async def _produce(self, batch: Sequence[Received]) -> Produced:
        """What the batch leads to; looks again where a table may just have been late."""
        produced = self._stage.process(batch, self._clock.now())
        learnt = False
        for reference in sorted(produced.unknown, key=str):
            try:
                learnt = await self._registry.catch_up(reference) or learnt
            except SchemaError as error:  # nobody can read by it: its events are dead letters
                log.warning("schema.unusable", reference=str(reference), error=str(error))
        if produced.webhooks:
            learnt = await self._webhooks.find_webhooks(produced.webhooks) or learnt
        return self._stage.process(batch, self._clock.now()) if learnt else produced

    async def _rewind(self, consumer: Consumer, records: Sequence[Received], terms: Terms) -> None:
        """Receive these again, where their partitions are still ours."""
        for partition, offset in starts_of(records).items():
            if not self._ownership.is_current(partition, terms):
                continue
            try:
                await consumer.seek(partition, offset)
            except BrokerError as error:  # it goes just now: its next owner begins there anyway
                log.info("partition.not_rewound", partition=str(partition), error=str(error))

    def _hold(self, hold: Hold) -> timedelta:
        measures.HELD.set(1)
        self._health.set("events", ok=False, detail=hold.reason)
        log.error("service.held", reason=hold.reason, again_s=self._pause.total_seconds())
        return self._pause

    def _failed(self, error: BrokerError) -> timedelta:
        pause = BACKOFF[min(self._failures, len(BACKOFF) - 1)]
        self._failures += 1
        measures.FAILED_BATCHES.inc()
        if self._failures > 1:  # one alone is usual in a rebalance
            self._health.set("broker", ok=False, detail=str(error))
        log.warning("batch.failed", error=str(error), failures=self._failures, again_s=pause)
        return timedelta(seconds=pause)

    def _written(
        self, batch: Sequence[Received], produced: Produced, matching_s: float, batch_s: float
    ) -> None:
        measures.HELD.set(0)
        self._health.set("events", ok=True, detail="events are matched")
        self._health.set("broker", ok=True, detail="transactions are committed")
        counts: dict[str, int] = {}
        for record in batch:
            counts[record.topic] = counts.get(record.topic, 0) + 1
        for topic, count in counts.items():
            measures.EVENTS.labels(topic).inc(count)
        measures.MATCHES.inc(produced.matches)
        measures.ACTIONS.inc(produced.actions)
        measures.MATCHING.observe(matching_s)
        measures.BATCH.observe(batch_s)
        for record, reason in produced.letters:
            measures.DEAD_LETTERS.labels(reason.error_class).inc()
            log.warning(
                "event.dead_lettered",
                place=record.place,
                error_class=reason.error_class,
                workflow=reason.workflow,
                reason=reason.text,
            )
        log.debug(
            "batch.written",
            events=len(batch),
            matches=produced.matches,
            actions=produced.actions,
            dead_letters=len(produced.letters),
            matching_ms=round(matching_s * 1000, 1),
            batch_ms=round(batch_s * 1000, 1),
        )
