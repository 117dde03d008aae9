"""Sends what a workflow would have matched in a window of time: the same actions, under the same ids.

A replay has an id of its own, derived from workflow, version and window, and every action that it
sends carries it.  So a replay that was stopped is gone on with by asking for it again: what stands
on the topic with its id is left out.  The id is a transactional id too: who begins to send fences
whoever else is sending the same replay, and reads what was sent only then.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime, timedelta

from console.backtest import read_event
from console.errors import RefusedError
from console.replay import BATCH, Pace
from console.replay_window import Counts, Window
from console.session import Session
from runtime.broker import Outgoing, Received, Span, TopicPartition, TransactionalPublisher
from runtime.clock import Clock
from schemas import headers
from schemas.records import ACTION_NAMESPACE, Action, Event, action_key_of
from schemas.writing import Writer
from workflow_service.actions import Origin, action_headers, actions_of
from workflow_service.asked import fields_of
from workflow_service.language.compiled import CompiledWorkflow
from workflow_service.stage import MAX_VALUE

#: Bytes before a record that name its schema, at most.  What is only counted registers none.
HEAD = 10


class Replay:
    """One version of a workflow and one window."""

    def __init__(
        self,
        session: Session,
        compiled: CompiledWorkflow,
        window: Window,
        *,
        skip_sent: bool,
    ) -> None:
        """Nothing was read yet.

        Args:
            skip_sent: Leave out whatever stands on the topic under its id already.

        Raises:
            RefusedError: The workflow cannot be replayed; says why and what to do.
        """
        _check(compiled, session)
        self._session = session
        self._compiled = compiled
        self._window = window
        self._skip_sent = skip_sent
        schema = session.catalog.action
        self._writer = Writer(schema.name, json.loads(schema.text))
        self.id = id_of(compiled.workflow.id, compiled.version, window)
        self._sent: set[uuid.UUID] = set()
        self._done: set[uuid.UUID] = set()
        self._replays: Counter[bytes] = Counter()
        self._ends: Mapping[TopicPartition, int] = {}

    async def count(self, now: datetime) -> Counts:
        """What there is to send, and what of it was sent before.

        Raises:
            RefusedError: Events may still come into the window.
        """
        self._window.check_settled(now)
        self._ends = await self._session.reader.ends([self._events_topic], settled=True)
        await self._read_sent(settled=False)
        counts = Counts()
        async for action in self._actions(counts, now):
            if action.action_id in self._done:
                counts.done += 1
                continue
            counts.sent += action.action_id in self._sent
            if self._is_due(action):
                counts.actions[action.webhook_id] += 1
        return counts

    def others(self, versions: Iterable[int]) -> dict[int, int]:
        """How many actions replays of the same window by other versions have sent, by version."""
        workflow, window = self._compiled.workflow.id, self._window
        found = {
            version: self._replays[str(id_of(workflow, version, window)).encode()]
            for version in versions
            if version != self._compiled.version
        }
        return {version: count for version, count in found.items() if count}

    async def send(self, pace: Pace, clock: Clock, told: Callable[[int], None]) -> None:
        """Send what was counted, no faster than the pace.

        Args:
            told: Called after each commit with how many it sent.

        Raises:
            FencedError: Somebody else has begun to send this same replay.
            BrokerError: The last batch was not written; what `told` was told is.
        """
        session = self._session
        await session.publisher()
        await session.registry.register(session.catalog.action)
        publisher = session.broker.transactional_publisher(
            f"{session.settings.topic_prefix}-replay-{self.id}"
        )
        try:
            await publisher.start()
            await self._read_sent(settled=True)  # what the one who was fenced has sent
            await self._send(publisher, pace, clock, told)
        finally:
            await publisher.close()

    async def _send(
        self,
        publisher: TransactionalPublisher,
        pace: Pace,
        clock: Clock,
        told: Callable[[int], None],
    ) -> None:
        began, done, waiting = clock.now(), 0, list[Outgoing]()
        size = len(next(pace.batches(range(BATCH))))
        async for action in self._actions(Counts(), began):
            if not self._is_due(action):
                continue
            waiting.append(self._outgoing(action))
            if len(waiting) == size:
                await publisher.transact(waiting)
                done += len(waiting)
                told(len(waiting))
                waiting = []
                wait = began + pace.due(done) - clock.now()
                if wait > timedelta(0):
                    await clock.sleep(wait)
        if waiting:
            await publisher.transact(waiting)
            told(len(waiting))

    @property
    def _events_topic(self) -> str:
        return self._session.topics.events(self._compiled.workflow.entity)

    def _is_due(self, action: Action) -> bool:
        left_out = self._sent if self._skip_sent else self._done  # what is done is sent, too
        return action.action_id not in left_out

    async def _actions(self, counts: Counts, now: datetime) -> AsyncIterator[Action]:
        """Every action of the window that can be sent, in the order of each partition."""
        compiled, session = self._compiled, self._session
        read = session.codec.event_reader(compiled.workflow.entity, fields_of(compiled))
        window = self._window
        span = Span(self._events_topic, since=window.since, until=window.until, settled=True)
        async for batch in session.reader.scan_batches(span):
            for record in batch:
                if record.offset >= self._ends[TopicPartition(record.topic, record.partition)]:
                    continue  # it came after the counting
                counts.events += 1
                event = await read_event(session, read, record)
                if event is None:
                    counts.unreadable += 1
                    continue
                for action in self._matched(event, record, counts, now):
                    if self._fits(action, record, counts):
                        yield action

    def _matched(
        self, event: Event, record: Received, counts: Counts, now: datetime
    ) -> tuple[Action, ...]:
        """The actions of one event; none if the workflow breaks on it, which is counted."""
        compiled = self._compiled
        origin = Origin(record.topic, record.partition, record.offset, record.value or b"")
        try:
            if event.operation not in compiled.operations or not compiled.matches(event):
                return ()
            actions = actions_of(compiled, event, origin, now)
        except Exception as error:  # noqa: BLE001 - as in the service: kept with its event, and said
            counts.broken += 1
            counts.name(record.place, f"the workflow broke on the event: {error!r}")
            return ()
        counts.matched += 1
        return actions

    def _fits(self, action: Action, record: Received, counts: Counts) -> bool:
        """Whether the workflow service would write it as an action, too."""
        size = HEAD + len(self._writer.write(action, b""))
        if action.hops > self._session.settings.max_hops:
            counts.beyond += 1
        elif size > MAX_VALUE:
            counts.too_large += 1
            text = f"the event is too large to travel in an action: {size} of {MAX_VALUE} bytes"
            counts.name(record.place, text)
        else:
            return True
        return False

    async def _read_sent(self, *, settled: bool) -> None:
        """Which actions stand on the topic, and which of them this replay has put there."""
        mine, session = str(self.id).encode(), self._session
        workflow = self._compiled.workflow.id.encode()
        self._replays.clear()
        span = Span(session.topics.actions, since=self._window.since, settled=settled)
        async for batch in session.reader.scan_batches(span):
            for record in batch:
                known = dict(record.headers)
                if known.get(headers.WORKFLOW) != workflow:
                    continue
                try:
                    action_id = uuid.UUID(known.get(headers.ACTION_ID, b"").decode())
                except ValueError:
                    continue
                replay = known.get(headers.REPLAY, b"")
                self._sent.add(action_id)
                self._replays[replay] += 1
                if replay == mine:
                    self._done.add(action_id)

    def _outgoing(self, action: Action) -> Outgoing:
        value = self._session.codec.encode(action)
        key = action_key_of(action.webhook_id, action.entity, action.entity_id)
        own = ((headers.REPLAY, str(self.id).encode()),)
        return Outgoing(self._session.topics.actions, key, value, (*action_headers(action), *own))


def id_of(workflow: str, version: int, window: Window) -> uuid.UUID:
    """The id of a replay: the same for the same workflow, version and window."""
    stretch = f"{window.since.isoformat()}/{window.until.isoformat()}"
    return uuid.uuid5(ACTION_NAMESPACE, f"replay:{workflow}:{version}:{stretch}")


def _check(compiled: CompiledWorkflow, session: Session) -> None:
    """Refuse what a replay would do wrong."""
    workflow = compiled.workflow
    if workflow.state == "dry_run":
        message = f"{workflow.id} is a dry run, which sends nothing; backtest shows what it matches"
        raise RefusedError(message)
    if workflow.fire == "once_per_record":
        # What has fired is known by heart to whoever owns the partition: what a replay writes beside
        # it would not be, and the next event of the record would fire again.
        message = (
            f"{workflow.id} fires once per record, and a replay could make it fire twice; save it "
            "under another id with fire: every to send for past records"
        )
        raise RefusedError(message)
    missing = [each for each in workflow.webhooks if each not in session.webhooks.current]
    if missing:
        message = f"{workflow.id} names the webhook {missing[0]!r}, which does not exist (any more)"
        raise RefusedError(message)
