"""One batch after the other: matched, and written in one transaction with how far it was read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import NamedTuple, Protocol

from runtime.broker import Consumer, Received, TopicPartition, TransactionalPublisher
from runtime.clock import Clock
from runtime.definitions import SchemaCatchUp
from runtime.health import Health
from runtime.logs import get_logger
from runtime.settings import Settings
from schemas.errors import BrokerError, ConfigurationError, FencedError, SchemaError
from workflow_service import measures
from workflow_service.breaker import Hold, judge
from workflow_service.counting.counts import Counting
from workflow_service.firings import Firings
from workflow_service.ownership import Ownership, Terms
from workflow_service.produced import Produced, positions_after, starts_of
from workflow_service.recall import Recall
from workflow_service.stage import Stage

log = get_logger(__name__)

#: Pauses after transactions that failed one after the other, seconds; the last one repeats.
BACKOFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


#: Until a change of definitions that was saved before is seen; it takes a few milliseconds.
CATCH_UP_WITHIN = timedelta(seconds=10)


class Definitions(Protocol):
    """What a batch needs of the definitions, and no more."""

    async def catch_up(self) -> None:
        """Take up every workflow that was saved before this call."""

    async def find_webhooks(self, ids: set[str]) -> bool:
        """Look whether these exist by now; True if one was found."""


class Fetch(NamedTuple):
    """Records as received, with the terms in which their partitions were ours."""

    records: Sequence[Received]
    terms: Terms


class Round(NamedTuple):
    """One batch and what it is written with.

    Attributes:
        waiting: Records that wait until the firings of their partitions are known; grows.
    """

    batch: Sequence[Received]
    consumer: Consumer
    publisher: TransactionalPublisher
    waiting: list[Received]


class Batches:
    """Writes what a member receives; keeps what must be remembered from batch to batch."""

    def __init__(
        self,
        stage: Stage,
        registry: SchemaCatchUp,
        definitions: Definitions,
        ownership: Ownership,
        firings: Firings,
        recall: Recall,
        counting: Counting,
        *,
        settings: Settings,
        clock: Clock,
        health: Health,
    ) -> None:
        """Nothing was written yet."""
        self._stage = stage
        self._registry = registry
        self._definitions = definitions
        self._ownership = ownership
        self._firings = firings
        self._recall = recall
        self._counting = counting
        self._begun: dict[TopicPartition, int] = {}
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
        pending, aside = fetch.records, set[TopicPartition]()
        pause = await self._begin_terms(fetch.terms)
        if pause is not None:
            await self._rewind(consumer, pending, fetch.terms)
            return pause
        while pending:
            waiting: list[Received] = []
            async with self._ownership.writing:
                pending = _without(aside, self._ownership.still_ours(pending, fetch.terms))
                batch, pending = pending[: self._size], pending[self._size :]
                round_ = Round(batch, consumer, publisher, waiting)
                pause = await self._write_one(round_) if batch else None
            # A seek is done by the next poll, which waits for a rebalance, which waits for `writing`.
            aside |= await self._set_aside(waiting, fetch.terms, consumer)
            if pause is not None:
                await self._rewind(consumer, _without(aside, [*batch, *pending]), fetch.terms)
                return pause
        return None

    async def _set_aside(
        self, waiting: Sequence[Received], terms: Terms, consumer: Consumer
    ) -> AbstractSet[TopicPartition]:
        """Have these received again once their firings are known; their partitions are paused."""
        if not waiting:
            return frozenset()
        await self._rewind(consumer, waiting, terms)
        partitions = starts_of(waiting).keys()
        self._recall.begin({one: terms[one] for one in partitions}, consumer)
        return partitions

    async def _begin_terms(self, terms: Terms) -> timedelta | None:
        """See the definitions at least as far as those did who had the partitions before.

        So the versions that a partition's events are matched with never go back.
        """
        if all(self._begun.get(partition) == term for partition, term in terms.items()):
            return None
        try:
            async with asyncio.timeout(CATCH_UP_WITHIN.total_seconds()):
                await self._definitions.catch_up()
        except TimeoutError:
            return self._failed(BrokerError("the definitions could not be read to their end"))
        except (BrokerError, ConfigurationError) as error:
            return self._failed(error)
        self._begun.update(terms)
        return None

    async def _write_one(self, round_: Round) -> timedelta | None:
        time = asyncio.get_running_loop().time
        began = time()
        try:
            batch, produced = await self._decide(round_)
            matched = time()
            decision = judge(self._streak, produced.readable, produced.trailing, self._limit)
            if isinstance(decision, Hold):
                return self._hold(decision)
            if not batch:
                return None
            positions = positions_after(batch)
            await round_.publisher.transact(produced.records, positions, round_.consumer)
        except FencedError:
            raise
        except BrokerError as error:
            return self._failed(error)
        self._streak, self._failures = decision.streak, 0
        self._written(batch, produced, matched - began, time() - began)
        return None

    async def _decide(self, round_: Round) -> tuple[Sequence[Received], Produced]:
        """What the batch leads to, without the events for which it cannot be said yet."""
        batch = round_.batch
        produced = await self._produce(batch)
        while produced.unread:
            round_.consumer.pause(produced.unread)
            unread = produced.unread
            round_.waiting.extend(one for one in batch if (one.topic, one.partition) in unread)
            batch = _without(produced.unread, batch)
            produced = await self._produce(batch)
        return batch, produced

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
            learnt = await self._definitions.find_webhooks(produced.webhooks) or learnt
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

    def _failed(self, error: BrokerError | ConfigurationError) -> timedelta:
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
        measures.DRY_RUN_MATCHES.inc(produced.dry_run_matches)
        measures.DRY_RUN_ACTIONS.inc(produced.dry_run_actions)
        self._remember(produced)
        self._counting.count(produced.counted, self._clock.now())
        measures.MATCHING.observe(matching_s)
        measures.BATCH.observe(batch_s)
        for record, reason in produced.notes:
            log.warning("dry_run.not_shown", place=record.place, reason=reason.text)
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

    def _remember(self, produced: Produced) -> None:
        """What has fired counts from here on, because it is committed."""
        for place, digests in produced.fired.items():
            self._firings.add(*place, digests)
            measures.FIRINGS.inc(len(digests))


def _without(
    partitions: AbstractSet[TopicPartition], records: Sequence[Received]
) -> Sequence[Received]:
    """The records of all partitions but these."""
    if not partitions:
        return records
    return [one for one in records if (one.topic, one.partition) not in partitions]
