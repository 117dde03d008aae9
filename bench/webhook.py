"""Deliveries per second, and per second of CPU, of one webhook service against a fast receiver.

Compared with a bare aiohttp loop that signs and POSTs the same bytes, without Kafka.
"""

from __future__ import annotations

import functools

from bench import bare, samples
from bench.backlog import Drained, drain, fill_actions
from bench.clockwork import Spent, median_ratio
from bench.fast_receiver import FastReceiver
from bench.world import World
from webhook_service.render import body_of

DELIVERIES = 10_000
ROUNDS = 3
CONCURRENCY = 32
WARM_UP = 500


async def measure(world: World) -> dict[str, object]:
    """Both in turn; CPU is counted per process, so the receiver's is left out."""
    event = samples.event(1)
    body = body_of(samples.action(1, "sink", b"", event), event)
    rounds: list[tuple[Drained, Spent]] = []
    async with FastReceiver.started() as receiver:
        await world.apply([samples.webhook("sink", receiver.url, CONCURRENCY)])
        for _ in range(ROUNDS):
            await bare.post_loop(receiver.url, body, WARM_UP, CONCURRENCY)
            plain = await bare.post_loop(receiver.url, body, DELIVERIES, CONCURRENCY)
            rounds.append((await _drained(world, receiver), plain))
    per_cpu = [(ours.records / ours.cpu_s, DELIVERIES / plain.cpu_s) for ours, plain in rounds]
    return {
        "body_bytes": len(body),
        "deliveries_per_s": [round(ours.records / ours.wall_s) for ours, _ in rounds],
        "bare_posts_per_s": [round(DELIVERIES / plain.wall_s) for _, plain in rounds],
        "cpu_s_per_1000": [round(ours.cpu_s / ours.records * 1e3, 3) for ours, _ in rounds],
        "bare_cpu_s_per_1000": [round(plain.cpu_s / DELIVERIES * 1e3, 3) for _, plain in rounds],
        "ratio": round(median_ratio(per_cpu), 3),
        "bar": 0.4,
    }


async def _drained(world: World, receiver: FastReceiver) -> Drained:
    """One round of the service: a backlog is there before it starts, all accounted at the end."""
    before = await receiver.count()
    await fill_actions(world, "sink", DELIVERIES)
    async with world.service("webhook_service") as service:
        drained = await drain(
            functools.partial(_arrived, receiver, before), [service.pid], DELIVERIES
        )
        await drain(functools.partial(_accounted, world), [service.pid], DELIVERIES)
    return drained


async def _accounted(world: World) -> int:
    """Deliveries whose offsets are committed, at least 1 so that watching begins at once."""
    return max(1, DELIVERIES - (await world.lag(world.settings.webhook_group) or 0))


async def _arrived(receiver: FastReceiver, before: int) -> int:
    return await receiver.count() - before
