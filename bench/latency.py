"""From the acknowledgement of an event to the arrival of its webhook, at 100 events a second.

Both services run, one process each; the receiver notes when each `webhook-id` arrives.
"""

from __future__ import annotations

import asyncio
import time

from bench import samples
from bench.backlog import LOOK_S
from bench.clockwork import percentile
from bench.fast_receiver import FastReceiver
from bench.world import World
from runtime.broker import Outgoing
from schemas.events import event_headers
from schemas.records import action_id_of

PER_S = 100
EVENTS = 3_000
WARM_UP = 300
DEADLINE_S = 60.0


async def measure(world: World) -> dict[str, object]:
    """Publish at a steady rate; the first seconds are left out."""
    sent: dict[str, float] = {}
    async with FastReceiver.started() as receiver:
        await world.apply([samples.webhook("sink", receiver.url)])
        await world.apply(samples.workflows("sink", 10))
        async with world.service("workflow_service"), world.service("webhook_service"):
            await _publish(world, sent, range(WARM_UP))
            await _all_arrived(receiver, sent)
            sent.clear()
            await _publish(world, sent, range(WARM_UP, WARM_UP + EVENTS))
            arrived = await _all_arrived(receiver, sent)
    waits = [(arrived[id] - at) * 1e3 for id, at in sent.items()]
    return {
        "events_per_s": PER_S,
        "events": len(waits),
        "p50_ms": round(percentile(waits, 0.5), 1),
        "p99_ms": round(percentile(waits, 0.99), 1),
        "max_ms": round(max(waits), 1),
    }


async def _publish(world: World, sent: dict[str, float], numbers: range) -> None:
    """One event each hundredth of a second, whatever became of the one before."""
    topic = world.settings.topics.events("lead")
    loop, start = asyncio.get_running_loop(), time.monotonic()
    tasks = []
    for count, number in enumerate(numbers):
        await asyncio.sleep(max(0.0, start + count / PER_S - time.monotonic()))
        tasks.append(loop.create_task(_publish_one(world, topic, number, sent)))
    await asyncio.gather(*tasks)


async def _publish_one(world: World, topic: str, number: int, sent: dict[str, float]) -> None:
    event = samples.event(number)
    record = Outgoing(
        topic, event.entity_id.encode(), world.codec.encode(event), event_headers(event, "/bench")
    )
    await world.publisher.publish(record)
    sent[str(action_id_of(event.event_id, "moved", 1, 0))] = time.time()


async def _all_arrived(receiver: FastReceiver, sent: dict[str, float]) -> dict[str, float]:
    deadline = time.monotonic() + DEADLINE_S
    while missing := sent.keys() - (arrived := await receiver.arrivals()).keys():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(missing)} of {len(sent)} events did not arrive")
        await asyncio.sleep(LOOK_S)
    return arrived
