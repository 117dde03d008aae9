"""What sick endpoints cost the healthy ones: steady load on many endpoints, some hanging, some at 503.

Each round runs the service twice, without load on the sick endpoints and with it, each in a world of
its own; the healthy endpoints get the same load both times.  Compared are their throughput
within the time of publishing, and the 99th percentile from acknowledgement to arrival.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench import samples
from bench.backlog import action_record
from bench.clockwork import percentile, resident_mb
from bench.fast_receiver import FastReceiver
from bench.world import Service, World, world
from runtime.broker import Outgoing
from runtime.secrets import SecretBox
from schemas.records import Definition, action_id_of
from webhook_service.address import networks
from webhook_service.parse import parse_webhook
from webhook_service.stored import to_spec

#: Others on the command line: ISOLATION_SECONDS=3600 ISOLATION_SIZES=100 ISOLATION_PER_S=50.
PER_S = int(os.environ.get("ISOLATION_PER_S", "200"))
SECONDS = 30
ROUNDS = int(os.environ.get("ISOLATION_ROUNDS", "2"))
WARM_UP_S = 6
#: Endpoints, of which one in a hundred hangs or answers 503, half of them each.
SIZES = {"100": (100, 1, 1), "10000": (10_000, 50, 50)}
#: After the last was published; what has not arrived by then counts as held up.
GRACE_S = 2.0
DEADLINE_S = 60.0
WRITE = 1_000
TIMEOUT = "5s"
BARS = {"throughput": 0.95, "p99": 1.2}


@dataclass(slots=True)
class Run:
    """What healthy endpoints got.

    Attributes:
        in_time: Share of what was published that arrived before the end and a little.
        waits_ms: From acknowledgement to arrival.
        resident: Memory of the service, every second.
    """

    in_time: float = 0.0
    waits_ms: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return percentile(self.waits_ms, 0.99)


@dataclass(slots=True)
class Load:
    """Actions at a steady rate."""

    world: World
    healthy: Sequence[str]
    sick: Sequence[str]
    next: int
    sent: dict[str, float] = field(default_factory=dict)

    async def publish(self, lasting_s: float, *, with_sick: bool) -> None:
        """So many healthy ones a second; each sick endpoint gets what a healthy one gets."""
        start, count = time.monotonic(), int(PER_S * lasting_s)
        sick = 0.0
        tasks = []
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / PER_S - time.monotonic()))
            tasks.append(asyncio.create_task(self._one(self.healthy, self._drawn(), note=True)))
            sick += len(self.sick) / len(self.healthy) if with_sick else 0.0
            if sick >= 1:
                sick -= 1
                tasks.append(asyncio.create_task(self._one(self.sick, self._drawn(), note=False)))
        await asyncio.gather(*tasks)

    def _drawn(self) -> int:
        self.next += 1
        return self.next

    async def _one(self, hooks: Sequence[str], number: int, *, note: bool) -> None:
        hook = hooks[number % len(hooks)]
        topic = self.world.settings.topics.actions
        await self.world.publisher.publish(action_record(self.world, topic, hook, number))
        if note:
            event = samples.event(number)
            self.sent[str(action_id_of(event.event_id, "moved", 1, 0))] = time.time()


@dataclass(slots=True)
class Size:
    """So many endpoints; numbers of events rise over all runs, so that every id is new."""

    healthy: Sequence[str]
    sick: Sequence[str]
    next: int


def seconds() -> float:
    """How long each run takes, after its warm-up."""
    return float(os.environ.get("ISOLATION_SECONDS", SECONDS))


async def measure(place: World) -> dict[str, object]:
    """Both sizes, in rounds of two runs."""
    figures: dict[str, object] = {"healthy_per_s": PER_S, "seconds": seconds(), "bars": BARS}
    servers, first = place.environ["HOOKLINE_KAFKA_BOOTSTRAP_SERVERS"], 0
    async with FastReceiver.started() as receiver:
        for name in os.environ.get("ISOLATION_SIZES", ",".join(SIZES)).split(","):
            endpoints, hanging, busy = SIZES[name]
            sick = [f"hang-{n}" for n in range(hanging)] + [f"busy-{n}" for n in range(busy)]
            size = Size([f"ok-{n}" for n in range(endpoints - len(sick))], sick, first)
            rounds = []
            for _ in range(ROUNDS):
                without = await _run(servers, receiver, size, with_sick=False)
                with_sick = await _run(servers, receiver, size, with_sick=True)
                rounds.append((without, with_sick, round(os.getloadavg()[0], 1)))
            figures[name] = _figures(rounds)
            first = size.next
    return figures


async def _save(place: World, base: str, hooks: Sequence[str]) -> None:
    """Write the webhooks straight to their topic."""
    await place.registry.register(place.catalog.definition)
    seal, allowed = SecretBox(place.settings.secret_keys).seal, networks(["127.0.0.0/8"])
    records = []
    for id in hooks:
        content = {"id": id, "url": f"{base}/{id}", "timeout": TIMEOUT}
        secret = "whsec_aGVhcnR5LWJlbmNoLXNlY3JldC0wMTIzNDU2Nzg5YWI="  # noqa: S105 - a sample
        hook = parse_webhook({**content, "secret": secret}, allowed=allowed)
        definition = Definition("webhook", id, 1, samples.NOON, "bench", to_spec(hook, seal))
        value = place.codec.encode(definition)
        records.append(Outgoing(place.settings.topics.webhooks, id.encode(), value))
    for start in range(0, len(records), WRITE):
        await place.publisher.publish_all(records[start : start + WRITE])


async def _run(servers: str, receiver: FastReceiver, size: Size, *, with_sick: bool) -> Run:
    """One life of the service in a world of its own."""
    run, base = Run(), receiver.url.rpartition("/")[0]
    async with world(servers) as place:
        await _save(place, base, [*size.healthy, *size.sick])
        load = Load(place, size.healthy, size.sick, size.next)
        async with place.service("webhook_service") as service:
            await load.publish(WARM_UP_S, with_sick=with_sick)
            await _all_arrived(receiver, load)
            load.sent.clear()
            sampling = asyncio.create_task(_sample(service, run))
            await load.publish(seconds(), with_sick=with_sick)
            end = time.time() + GRACE_S
            arrived = await _all_arrived(receiver, load)
            sampling.cancel()
    size.next = load.next
    run.in_time = sum(arrived[id] <= end for id in load.sent) / len(load.sent)
    run.waits_ms = [(arrived[id] - at) * 1e3 for id, at in load.sent.items()]
    return run


async def _sample(service: Service, run: Run) -> None:
    while True:
        run.resident.append(resident_mb(service.pid))
        await asyncio.sleep(1.0)


async def _all_arrived(receiver: FastReceiver, load: Load) -> dict[str, float]:
    deadline = time.monotonic() + DEADLINE_S
    while missing := load.sent.keys() - (arrived := await receiver.arrivals()).keys():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(missing)} of {len(load.sent)} did not arrive")
        await asyncio.sleep(0.5)
    return arrived


def _figures(rounds: Sequence[tuple[Run, Run, float]]) -> dict[str, object]:
    tenth = max(1, int(seconds() // 10))
    return {
        "throughput_ratio": [round(sick.in_time / plain.in_time, 3) for plain, sick, _ in rounds],
        "p50_ms": [
            [round(percentile(run.waits_ms, 0.5), 1) for run in (plain, sick)]
            for plain, sick, _ in rounds
        ],
        "p99_ms": [[round(plain.p99, 1), round(sick.p99, 1)] for plain, sick, _ in rounds],
        "p99_ratio": round(statistics.median(sick.p99 / plain.p99 for plain, sick, _ in rounds), 2),
        "resident_mb": [
            [
                round(statistics.mean(part))
                for part in (sick.resident[:tenth], sick.resident[-tenth:])
            ]
            for _, sick, _ in rounds
        ],
        "load_average": [load for *_, load in rounds],
    }
