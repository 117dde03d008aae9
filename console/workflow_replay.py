"""Sends what a workflow would have matched in a window of time: the same actions, under the same ids.

A replay has an id of its own, derived from workflow, version and window, and every action that it
sends carries it.  So a replay that was stopped is gone on with by asking for it again: what stands
on the topic with its id is left out.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from console.backtest import read_event
from console.errors import RefusedError
from console.replay import BATCH, Pace
from console.session import Session
from runtime.broker import Outgoing, Span
from runtime.clock import Clock
from schemas import headers
from schemas.records import ACTION_NAMESPACE, Action, action_key_of
from workflow_service.actions import Origin, action_headers, actions_of
from workflow_service.asked import fields_of
from workflow_service.compiled import CompiledWorkflow


@dataclass(frozen=True, slots=True)
class Window:
    """The events that are meant, by the time at which they were published.

    Attributes:
        until: Exclusive.
    """

    since: datetime
    until: datetime


@dataclass(slots=True)
class Counts:
    """What a replay would send.

    Attributes:
        actions: To be sent, by webhook.
        sent: Their ids are on the topic, from the first time or from another replay.
        done: Left out because this same replay has sent them.
        beyond: Left out because their chain is at its limit.
    """

    events: int = 0
    matched: int = 0
    unreadable: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    done: int = 0
    beyond: int = 0

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "events": self.events,
            "matched": self.matched,
            "unreadable": self.unreadable,
            "actions": dict(sorted(self.actions.items())),
            "sent_before": self.sent,
            "done_before": self.done,
            "too_many_hops": self.beyond,
        }


class Replay:
    """One workflow and one window."""

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
        workflow = compiled.workflow
        stretch = f"{window.since.isoformat()}/{window.until.isoformat()}"
        name = f"replay:{workflow.id}:{compiled.version}:{stretch}"
        self.id = uuid.uuid5(ACTION_NAMESPACE, name)
        self._sent: set[uuid.UUID] = set()
        self._done: set[uuid.UUID] = set()

    async def count(self, now: datetime) -> Counts:
        """What there is to send, and what of it was sent before."""
        await self._read_sent()
        counts = Counts()
        async for action in self._actions(counts, now):
            if action.action_id in self._done:
                counts.done += 1
            elif action.hops > self._session.settings.max_hops:
                counts.beyond += 1
            else:
                counts.sent += action.action_id in self._sent
                if self._is_due(action):
                    counts.actions[action.webhook_id] += 1
        return counts

    async def send(self, pace: Pace, clock: Clock, sent: list[int]) -> None:
        """Send it, no faster than the pace.

        Args:
            sent: Its only element is how many were acknowledged so far.
        """
        publisher = await self._session.publisher()
        await self._session.registry.register(self._session.catalog.action)
        began, waiting = clock.now(), list[Outgoing]()
        size = len(next(pace.batches(range(BATCH))))
        async for action in self._actions(Counts(), began):
            if not self._is_due(action):
                continue
            waiting.append(self._outgoing(action))
            if len(waiting) == size:
                await publisher.publish_all(waiting)
                sent[0] += len(waiting)
                waiting.clear()
                await clock.sleep(began + pace.due(sent[0]) - clock.now())
        await publisher.publish_all(waiting)
        sent[0] += len(waiting)

    def _is_due(self, action: Action) -> bool:
        left_out = self._sent if self._skip_sent else self._done  # what is done is sent, too
        return action.action_id not in left_out and action.hops <= self._session.settings.max_hops

    async def _actions(self, counts: Counts, now: datetime) -> AsyncIterator[Action]:
        """Every action of the window, in the order of each partition."""
        compiled, session = self._compiled, self._session
        entity = compiled.workflow.entity
        read = session.codec.event_reader(entity, fields_of(compiled))
        span = Span(
            session.topics.events(entity), since=self._window.since, until=self._window.until
        )
        async for batch in session.reader.scan_batches(span):
            for record in batch:
                counts.events += 1
                event = await read_event(session, read, record)
                if event is None:
                    counts.unreadable += 1
                    continue
                if event.operation not in compiled.operations or not compiled.matches(event):
                    continue
                counts.matched += 1
                place = (record.topic, record.partition, record.offset)
                for action in actions_of(compiled, event, Origin(*place, record.value or b""), now):
                    yield action

    async def _read_sent(self) -> None:
        """Which actions stand on the topic, and which of them this replay has put there."""
        mine, session = str(self.id).encode(), self._session
        span = Span(session.topics.actions, since=self._window.since)
        async for batch in session.reader.scan_batches(span):
            for record in batch:
                known = dict(record.headers)
                if known.get(headers.WORKFLOW) != self._compiled.workflow.id.encode():
                    continue
                try:
                    action_id = uuid.UUID(known.get(headers.ACTION_ID, b"").decode())
                except ValueError:
                    continue
                self._sent.add(action_id)
                if known.get(headers.REPLAY) == mine:
                    self._done.add(action_id)

    def _outgoing(self, action: Action) -> Outgoing:
        value = self._session.codec.encode(action)
        key = action_key_of(action.webhook_id, action.entity, action.entity_id)
        own = ((headers.REPLAY, str(self.id).encode()),)
        return Outgoing(self._session.topics.actions, key, value, (*action_headers(action), *own))


def _check(compiled: CompiledWorkflow, session: Session) -> None:
    """Refuse what a replay would do wrong."""
    workflow = compiled.workflow
    if workflow.state == "dry_run":
        message = f"{workflow.id} is a dry run, which sends nothing; backtest shows what it matches"
        raise RefusedError(message)
    if workflow.fire == "once_per_record":
        message = (
            f"{workflow.id} fires once per record, and a replay could make it fire twice; save it "
            "under another id with fire: every to send for past records"
        )
        raise RefusedError(message)
    missing = [each for each in workflow.webhooks if each not in session.webhooks.current]
    if missing:
        message = f"{workflow.id} names the webhook {missing[0]!r}, which does not exist (any more)"
        raise RefusedError(message)
