"""Events per second through the workflow service with 10 workflows, of which one matches each event.

Compared with a bare consume-produce loop of the same client, one transaction a batch of the
same size, over the same events in the same run.
"""

from __future__ import annotations

import asyncio
import functools

from bench import bare, samples
from bench.backlog import Drained, drain, fill_events
from bench.clockwork import Spent, median_ratio
from bench.world import World

EVENTS = 20_000
ROUNDS = 3
WORKFLOWS = 10
#: Counted when the transaction that carries them has committed.
MATCHED = "hookline_workflow_events_total"


async def measure(world: World) -> dict[str, object]:
    """Both in turn; the service is a process of its own, so only its CPU is counted."""
    await world.apply([samples.webhook("sink", "http://127.0.0.1:9/")])
    await world.apply(samples.workflows("sink", WORKFLOWS))
    await fill_events(world, EVENTS)
    rounds: list[tuple[Drained, Spent]] = []
    for number in range(ROUNDS):
        plain = await asyncio.to_thread(
            bare.transact_loop,
            world.environ["HOOKLINE_KAFKA_BOOTSTRAP_SERVERS"],
            world.settings.topics.events("lead"),
            world.settings.topics.attempts,
            EVENTS,
            world.settings.workflow_batch,
        )
        group = f"{world.settings.workflow_group}-{number}"
        async with world.service("workflow_service", HOOKLINE_WORKFLOW_GROUP=group) as service:
            done = functools.partial(service.total, MATCHED)
            ours = await drain(done, [service.pid], EVENTS)
        rounds.append((ours, plain))
    rates = [(ours.records / ours.wall_s, EVENTS / plain.wall_s) for ours, plain in rounds]
    return {
        "events_per_s": [round(ours) for ours, _ in rates],
        "bare_events_per_s": [round(plain) for _, plain in rates],
        "cpu_us_per_event": [round(ours.cpu_s / ours.records * 1e6) for ours, _ in rounds],
        "bare_cpu_us_per_event": [round(plain.cpu_s / EVENTS * 1e6) for _, plain in rounds],
        "ratio": round(median_ratio(rates), 3),
        "bar": 0.5,
    }
