"""Settles dead letters: the replay, or the decision not to, is one transaction with its resolution.

Every replay and discard of a system runs under one transactional id.  Taking that id over fences
whoever else is replaying, and what is open is read only after that; so two operators, whatever their
timing, never replay the same dead letter twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from console.dead_letters import DeadLetter
from console.errors import RefusedError
from runtime.broker import Headers, Outgoing, TransactionalPublisher
from runtime.clock import Clock
from schemas import headers
from schemas.records import Action, action_key_of

T = TypeVar("T")

#: Dead letters per transaction where no rate is asked for: small enough to stay well within the
#: transaction timeout (15 s) on a slow broker, large enough that 10,000 take 100 commits.
BATCH = 100

#: Headers that belong to the death and to the retries before it, not to the record.
_OF_THE_DEATH = frozenset(
    {
        headers.ATTEMPTS,
        headers.DUE_AT,
        headers.LEAVE_AT,
        headers.ORIGIN_OFFSET,
        headers.FIRST_ATTEMPT_AT,
        headers.LAST_ATTEMPT_AT,
        headers.LAST_STATUS,
        headers.ATTEMPT_LOG,
        headers.WAIT_REASON,
        headers.REASON,
        headers.CHAIN,
        headers.ERROR_CLASS,
        headers.REPLAY_OF,
    }
)
_CONNECT = "__connect.errors."


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a dead letter is settled, and by whom."""

    kind: Literal["replayed", "discarded"]
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Redirection:
    """A replay to another webhook.

    Attributes:
        webhook_id: Where to.
        actions: Every action that may be redirected, decoded, by `DeadLetter.address`.
        write: Encodes an action.
    """

    webhook_id: str
    actions: Mapping[str, Action]
    write: Callable[[Action], bytes]


def transactional_id(prefix: str) -> str:
    """The identity that all operators of a system share, so that the last one fences the others."""
    return f"{prefix}-dead-letters"


def resolution(letter: DeadLetter, decision: Decision) -> Outgoing:
    """The record that settles a dead letter, on the same topic and partition, under the same key."""
    return Outgoing(
        topic=letter.record.topic,
        key=letter.record.key,
        value=b"",
        partition=letter.record.partition,
        headers=(
            (headers.RESOLUTION, decision.kind.encode()),
            (headers.RESOLVES, letter.place.encode()),
            (headers.RESOLUTION_REASON, decision.reason.encode()),
            (headers.RESOLVED_BY, decision.by.encode()),
            *((name, value) for name, value in letter.record.headers if name == headers.ACTION_ID),
        ),
    )


def replayed(letter: DeadLetter, to: Redirection | None = None) -> Outgoing:
    """The record that goes to the original topic again.

    Key, value and headers are the original ones; what the retries and the death added is left out,
    so the delivery begins anew with attempt 1.  The action id stays, also with another webhook: the
    id says which match this is, and receivers tell repeats by it, each for itself.

    Raises:
        RefusedError: A redirection of an event, or of an action that cannot be read.
    """
    original = tuple(
        (name, value)
        for name, value in letter.record.headers
        if name not in _OF_THE_DEATH and not name.startswith(_CONNECT)
    )
    again = (*original, (headers.REPLAY_OF, letter.record.place.encode()))
    if to is None:
        return Outgoing(
            topic=letter.origin,
            key=letter.record.key,
            value=letter.record.value,
            headers=again,
            partition=letter.record.partition,
        )
    return _redirected(letter, again, to)


def _redirected(letter: DeadLetter, again: Headers, to: Redirection) -> Outgoing:
    """The same action for another webhook; its key, and so its partition, follows the webhook."""
    if letter.address not in to.actions:
        message = (
            f"{letter.address} is not an action that can be read; its webhook cannot be changed"
        )
        raise RefusedError(message)
    action = replace(to.actions[letter.address], webhook_id=to.webhook_id)
    return Outgoing(
        topic=letter.origin,
        key=action_key_of(to.webhook_id, action.entity, action.entity_id),
        value=to.write(action),
        headers=tuple(
            (name, to.webhook_id.encode() if name == headers.WEBHOOK else value)
            for name, value in again
        ),
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to replay.

    Attributes:
        per_second: At most so many a second; None goes as fast as the broker takes them.
    """

    per_second: float | None = None

    def batches(self, found: Sequence[T]) -> Iterator[tuple[T, ...]]:
        """What goes in one transaction: with a rate, never more than one second's worth."""
        size = BATCH if self.per_second is None else max(1, min(BATCH, int(self.per_second)))
        return (tuple(found[start : start + size]) for start in range(0, len(found), size))

    def due(self, done: int) -> timedelta:
        """How long after the start the next one may go, when so many are done."""
        return timedelta(seconds=done / self.per_second if self.per_second else 0)


async def settle(
    publisher: TransactionalPublisher,
    found: Sequence[DeadLetter],
    records: Callable[[DeadLetter], Sequence[Outgoing]],
    *,
    clock: Clock,
    pace: Pace,
    settled: Callable[[Sequence[DeadLetter]], None],
) -> None:
    """Write the records of each dead letter, a batch in a transaction.

    Args:
        publisher: Started already, before `found` was read.
        found: Open dead letters only.
        records: What to write for one: its resolution, and the replay if it is one.
        settled: Called after each commit with what it settled.

    Raises:
        FencedError: Another operator took over; what `settled` was told is done, the rest is not.
        BrokerError: The last batch was not written; what `settled` was told is done.
    """
    started: datetime = clock.now()
    done = 0
    for batch in pace.batches(found):
        wait = started + pace.due(done) - clock.now()
        if wait > timedelta(0):
            await clock.sleep(wait)
        await publisher.transact([record for letter in batch for record in records(letter)])
        done += len(batch)
        settled(batch)
