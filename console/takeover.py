"""Takes over the right to settle dead letters, reads what is still open, and settles that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from console.dead_letters import DeadLetter, letters, topics_of
from console.replay import (
    Decision,
    Pace,
    Redirection,
    replayed,
    resolution,
    settle,
    transactional_id,
)
from console.session import Session
from runtime.broker import Outgoing, Span
from runtime.clock import Clock

#: As fast as the broker takes them.
UNHURRIED = Pace()


async def open_letters(session: Session) -> list[DeadLetter]:
    """Every dead letter that is open now, by every resolution that was committed before."""
    found: list[DeadLetter] = []
    for topic, origin in topics_of(session.topics, session.catalog.entities).items():
        # A resolution may stand behind the open transaction of a service that writes here.
        span = Span(topic, settled=True)
        found += letters([record async for record in session.reader.scan(span)], origin)
    oldest_first = sorted(found, key=lambda one: (one.record.timestamp_ms, one.record.place))
    return [letter for letter in oldest_first if letter.state == "open"]


async def settle_open(
    session: Session,
    places: Collection[str],
    decision: Decision,
    *,
    clock: Clock,
    settled: Callable[[Sequence[DeadLetter]], None],
    pace: Pace = UNHURRIED,
    redirect: Redirection | None = None,
) -> int:
    """Settle those of the places that are still open once nobody else can settle them.

    Args:
        places: `topic:partition:offset` of each dead letter that is meant.
        settled: Called after each commit with what it settled.

    Returns:
        How many of the places were no longer open.

    Raises:
        FencedError: Another operator took over on the way.
        BrokerError: A batch was not written.
    """
    publisher = session.broker.transactional_publisher(
        transactional_id(session.settings.topic_prefix)
    )

    def records(letter: DeadLetter) -> Sequence[Outgoing]:
        done = resolution(letter, decision)
        return (replayed(letter, redirect), done) if decision.kind == "replayed" else (done,)

    try:
        await publisher.start()
        mine = [one for one in await open_letters(session) if one.record.place in places]
        await settle(publisher, mine, records, clock=clock, pace=pace, settled=settled)
        return len(places) - len(mine)
    finally:
        await publisher.close()
