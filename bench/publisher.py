"""Events per second through `EventPublisher`, encoding included, against a bare loop of `send`.

Both sides write the same bytes with the same settings of the client.  A service makes an event and
publishes it: neither a heap of prebuilt events nor memory that no cache holds is part of that.  So
there are no more events than records, written again and again, and what was built before the first
round is kept from the garbage collector.
"""

from __future__ import annotations

import asyncio
import gc

from bench import bare, samples
from bench.clockwork import Spent, median_ratio, spending
from bench.world import World
from producers import EventPublisher
from runtime.broker import Outgoing
from schemas.events import event_headers
from schemas.records import Event

EVENTS = 5_000
BATCH = 500
#: Short rounds and many, in turn: what else the machine does hits both sides alike.
ROUNDS = 15
#: Batches at once: the bare loop waits for the broker only at its end.
UNDER_WAY = 8


async def measure(world: World) -> dict[str, object]:
    """Both in turn, several times; the ratio is the median of the rounds."""
    events = [samples.event(number) for number in range(samples.RECORDS)]
    records = [
        Outgoing(
            world.settings.topics.events("lead"),
            event.entity_id.encode(),
            world.codec.encode(event),
            event_headers(event, "/bench"),
        )
        for event in events
    ]
    events, records = events * (EVENTS // len(events)), records * (EVENTS // len(records))
    pairs: list[tuple[Spent, Spent]] = []
    gc.collect()
    gc.freeze()
    async with EventPublisher.connect(world.settings, source_uri="/bench") as publisher:
        await publisher.publish_all(events[:BATCH])
        for _ in range(ROUNDS):
            plain = await asyncio.to_thread(bare.send_loop, world.settings, records)
            with spending() as ours:
                await _pipelined(publisher, events)
            pairs.append((ours, plain))
    gc.unfreeze()
    rates = [(EVENTS / ours.wall_s, EVENTS / plain.wall_s) for ours, plain in pairs]
    return {
        "events_per_s": [round(ours) for ours, _ in rates],
        "bare_events_per_s": [round(plain) for _, plain in rates],
        "cpu_us_per_event": [round(ours.cpu_s / EVENTS * 1e6, 1) for ours, _ in pairs],
        "bare_cpu_us_per_event": [round(plain.cpu_s / EVENTS * 1e6, 1) for _, plain in pairs],
        "cpu_ratio": round(median_ratio([(plain.cpu_s, ours.cpu_s) for ours, plain in pairs]), 3),
        "ratio": round(median_ratio(rates), 3),
        "bar": 0.6,
    }


async def _pipelined(publisher: EventPublisher, events: list[Event]) -> None:
    """Batch after batch, with enough under way that the wire is never idle."""
    under_way: list[asyncio.Task[object]] = []
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        under_way.append(asyncio.create_task(publisher.publish_all(batch)))
        if len(under_way) == UNDER_WAY:
            await under_way.pop(0)
    await asyncio.gather(*under_way)
