"""Deliveries at receivers that take 0, 20 and 200 ms, to one and many endpoints, by one and two.

For each: how many a second, CPU seconds for 1,000 (ours and the broker's), and, at 10, 50 and 90 %
of what it manages, how long from the acknowledgement of an action to its arrival.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass

import psutil

from bench import samples
from bench.backlog import LOOK_S, action_record, drain, fill_actions
from bench.clockwork import cpu_of, percentile
from bench.fast_receiver import FastReceiver
from bench.world import World
from schemas import headers

#: More on the command line: BENCH_SECONDS=30.
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
CONCURRENCY = 64
SHARES = (0.1, 0.5, 0.9)
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table."""

    latency_ms: int
    endpoints: int
    processes: int
    backlog: int

    @property
    def name(self) -> str:
        """How the line is called."""
        return f"{self.latency_ms} ms, {self.endpoints} endpoint(s), {self.processes} process(es)"


CASES = (
    Case(0, 1, 1, 8_000),
    Case(0, 100, 1, 8_000),
    Case(0, 100, 2, 8_000),
    Case(20, 1, 1, 8_000),
    Case(20, 100, 1, 8_000),
    Case(200, 1, 1, 2_000),
    Case(200, 100, 1, 4_000),
)


async def measure(world: World) -> dict[str, object]:
    """One case after the other, each with endpoints of its own."""
    figures: dict[str, object] = {"concurrency_of_each_endpoint": CONCURRENCY}
    for number, case in enumerate(CASES):
        async with FastReceiver.started(case.latency_ms) as receiver:
            figures[case.name] = await _measured(world, case, f"case{number}", receiver)
    return figures


async def _measured(
    world: World, case: Case, prefix: str, receiver: FastReceiver
) -> dict[str, object]:
    hooks = [f"{prefix}-{number}" for number in range(case.endpoints)]
    await world.apply([samples.webhook(hook, receiver.url, CONCURRENCY) for hook in hooks])
    each = case.backlog // case.endpoints
    for hook in hooks:
        await fill_actions(world, hook, each)
    broker = _broker_of(world)
    async with contextlib.AsyncExitStack() as stack:
        services = [
            await stack.enter_async_context(world.service("webhook_service"))
            for _ in range(case.processes)
        ]
        before = cpu_of(broker) if broker else 0.0
        drained = await drain(receiver.count, [one.pid for one in services], each * case.endpoints)
        theirs = cpu_of(broker) - before if broker else 0.0
        rate = drained.records / drained.wall_s
        waits = {
            f"at {share:.0%}": await _waits(world, hooks, receiver, rate * share)
            for share in SHARES
        }
    return {
        "per_s": round(rate),
        "cpu_s_per_1000": round(drained.cpu_s / drained.records * 1e3, 3),
        "broker_cpu_s_per_1000": round(theirs / (each * case.endpoints) * 1e3, 3),
        **waits,
    }


async def _waits(
    world: World, hooks: list[str], receiver: FastReceiver, per_s: float
) -> dict[str, float]:
    """Milliseconds from acknowledgement to arrival, at a steady rate."""
    sent: dict[str, float] = {}
    loop, start = asyncio.get_running_loop(), time.monotonic()
    tasks = []
    for count in range(int(per_s * SECONDS)):
        await asyncio.sleep(max(0.0, start + count / per_s - time.monotonic()))
        number = int(start * 1e3) + count
        tasks.append(loop.create_task(_publish(world, hooks[count % len(hooks)], number, sent)))
    await asyncio.gather(*tasks)
    deadline = time.monotonic() + DEADLINE_S
    while sent.keys() - (arrived := await receiver.arrivals()).keys():
        if time.monotonic() > deadline:
            raise TimeoutError("not everything arrived")
        await asyncio.sleep(LOOK_S)
    waits = [(arrived[id] - at) * 1e3 for id, at in sent.items()]
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p99.9_ms": 0.999}
    return {name: round(percentile(waits, share), 1) for name, share in shares.items()}


async def _publish(world: World, hook: str, number: int, sent: dict[str, float]) -> None:
    record = action_record(world, world.settings.topics.actions, hook, number)
    await world.publisher.publish(record)
    sent[dict(record.headers)[headers.ACTION_ID].decode()] = time.time()


def _broker_of(world: World) -> int | None:
    """The process that listens where the broker is, if it is on this machine."""
    port = int(world.environ["HOOKLINE_KAFKA_BOOTSTRAP_SERVERS"].rsplit(":", 1)[1])
    for one in psutil.net_connections("tcp"):
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port:
            return one.pid
    return None
