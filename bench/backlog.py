"""Filling topics for the benches, and watching a service work a backlog off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench import samples
from bench.clockwork import cpu_of, resident_mb
from bench.world import World
from runtime.broker import Outgoing
from schemas import headers
from schemas.events import event_headers
from schemas.records import action_key_of

BATCH = 2_000
DEADLINE_S = 900.0
LOOK_S = 0.2


@dataclass(slots=True)
class Drained:
    """How a backlog went.

    Attributes:
        wall_s: From the first record finished to the last.
        cpu_s: Of the service's processes between the same two moments.
        records: Finished between them.
        resident_mb: Resident memory of the largest process, sampled all along.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    records: int = 0
    resident_mb: list[float] = field(default_factory=list)


async def fill_events(world: World, count: int) -> None:
    """Publish `count` lead events."""
    topic = world.settings.topics.events("lead")
    await _fill(
        world,
        count,
        lambda number: _event(world, topic, number),
    )


async def fill_actions(world: World, webhook: str, count: int) -> None:
    """Publish `count` actions for a webhook, spread over the sample's records."""
    topic = world.settings.topics.actions
    await _fill(
        world,
        count,
        lambda number: action_record(world, topic, webhook, number),
    )


async def _fill(world: World, count: int, make: Callable[[int], Outgoing]) -> None:
    for start in range(0, count, BATCH):
        numbers = range(start, min(count, start + BATCH))
        await world.publisher.publish_all([make(number) for number in numbers])


def _event(world: World, topic: str, number: int) -> Outgoing:
    event = samples.event(number)
    value = world.codec.encode(event)
    return Outgoing(topic, event.entity_id.encode(), value, event_headers(event, "/bench"))


def action_record(world: World, topic: str, webhook: str, number: int) -> Outgoing:
    """A sample action as the workflow service writes it."""
    event = samples.event(number)
    action = samples.action(number, webhook, world.codec.encode(event), event)
    return Outgoing(
        topic,
        action_key_of(webhook, action.entity, action.entity_id),
        world.codec.encode(action),
        (
            (headers.CONTENT_TYPE, headers.AVRO),
            (headers.WEBHOOK, webhook.encode()),
            (headers.WORKFLOW, action.workflow_id.encode()),
            (headers.ACTION_ID, str(action.action_id).encode()),
        ),
    )


async def drain(
    finished: Callable[[], Awaitable[int]], pids: list[int], count: int, look_s: float = LOOK_S
) -> Drained:
    """Watch until `finished` says `count`; the start-up of the processes is left out."""
    drained = Drained()
    deadline = time.monotonic() + DEADLINE_S
    while not (first := await finished()):
        await _look_again(deadline, look_s)
    wall, cpu = time.monotonic(), sum(map(cpu_of, pids))
    while (done := await finished()) < count:
        drained.resident_mb.append(max(map(resident_mb, pids)))
        await _look_again(deadline, look_s)
    drained.wall_s = time.monotonic() - wall
    drained.cpu_s = sum(map(cpu_of, pids)) - cpu
    drained.records = done - first
    return drained


async def _look_again(deadline: float, look_s: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"the backlog was not worked off within {DEADLINE_S:.0f} s")
    await asyncio.sleep(look_s)
