"""Resident memory of each service while it works off a backlog of 200,000 records."""

from __future__ import annotations

import functools
import statistics

from bench import samples
from bench.backlog import Drained, drain, fill_actions, fill_events
from bench.fast_receiver import FastReceiver
from bench.workflow import MATCHED
from bench.world import World

RECORDS = 200_000
BAR_MB = 200


async def measure(world: World) -> dict[str, object]:
    """One service after the other; flat means that the last tenth is no larger than the second."""
    async with FastReceiver.started() as receiver:
        await world.apply([samples.webhook("sink", receiver.url)])
        await fill_actions(world, "sink", RECORDS)
        async with world.service("webhook_service") as service:
            webhook = await drain(receiver.count, [service.pid], RECORDS)
    await world.apply(samples.workflows("sink", 10))
    await fill_events(world, RECORDS)
    async with world.service("workflow_service") as service:
        done = functools.partial(service.total, MATCHED)
        workflow = await drain(done, [service.pid], RECORDS)
    return {"bar_mb": BAR_MB, **_figures("webhook", webhook), **_figures("workflow", workflow)}


def _figures(name: str, drained: Drained) -> dict[str, object]:
    tenth = max(1, len(drained.resident_mb) // 10)
    return {
        f"{name}_max_mb": round(max(drained.resident_mb)),
        f"{name}_second_tenth_mb": round(statistics.mean(drained.resident_mb[tenth : 2 * tenth])),
        f"{name}_last_tenth_mb": round(statistics.mean(drained.resident_mb[-tenth:])),
        f"{name}_records_per_s": round(drained.records / drained.wall_s),
    }
