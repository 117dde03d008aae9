"""The whole workflow service over 10 to 10,000 workflows, about three matches for each event.

Beside it, on the same broker in the same run, a bare loop of the same client that consumes the same
events and writes the very records that the service wrote, one transaction a batch of the same size.
Definitions are written straight to their topic; `bench.rules` says what they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench import bare, rules, samples
from bench.backlog import Drained, drain
from bench.clockwork import Spent, median_ratio
from bench.world import World, world
from runtime.broker import Outgoing, Received, Span
from schemas.events import event_headers
from schemas.records import Definition

#: More on the command line: BENCH_SIZES=100000.
SIZES = (10, 100, 1_000, 10_000)
FEW, MANY = 10, 10_000
EVENTS = 6_000
ROUNDS = 3
HOOKS = 50
WRITE = 2_000
#: Looking costs the service: its page of metrics has lines for each workflow.
LOOK_S = 0.5
#: Counted when the transaction that carries them has committed.
DONE = "hookline_workflow_events_total"
BARS = {"ratio_to_bare_at_1000": 0.6, "ratio_10000_to_10": 0.8}


@dataclass(slots=True)
class Size:
    """One number of workflows, in a world of its own; the rounds of all sizes take turns."""

    workflows: int
    place: World
    start_s: list[float] = field(default_factory=list)
    ours: list[Drained] = field(default_factory=list)
    plain: list[Spent] = field(default_factory=list)
    written: Sequence[Outgoing] = ()

    @property
    def servers(self) -> str:
        """Where the broker is."""
        return self.place.environ["HOOKLINE_KAFKA_BOOTSTRAP_SERVERS"]

    async def fill(self) -> None:
        """Write webhooks, workflows and events."""
        await self.place.registry.register(self.place.catalog.definition)
        hooks = [samples.webhook(f"hook-{n}", "http://127.0.0.1:9/") for n in range(HOOKS)]
        await self.place.apply(hooks)
        await self._write([self._definition(each) for each in rules.workflows(self.workflows)])
        topic, encode = self.place.settings.topics.events("lead"), self.place.codec.encode
        await self._write(
            [
                Outgoing(topic, each.entity_id.encode(), encode(each), event_headers(each, "/b"))
                for each in rules.events(EVENTS, self.workflows)
            ]
        )

    def _definition(self, content: dict[str, object]) -> Outgoing:
        id = str(content["id"])
        spec = json.dumps(content, separators=(",", ":"), sort_keys=True)
        definition = Definition("workflow", id, 1, samples.NOON, "bench", spec)
        topic = self.place.settings.topics.workflows
        return Outgoing(topic, id.encode(), self.place.codec.encode(definition))

    async def _write(self, records: Sequence[Outgoing]) -> None:
        for start in range(0, len(records), WRITE):
            await self.place.publisher.publish_all(records[start : start + WRITE])

    async def round(self, number: int) -> None:
        """The service, then the bare loop."""
        settings = self.place.settings
        group = f"{settings.workflow_group}-{number}"
        started = time.monotonic()
        async with self.place.service("workflow_service", HOOKLINE_WORKFLOW_GROUP=group) as one:
            done = functools.partial(one.total, DONE)
            while not await done():  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(LOOK_S)
            self.start_s.append(time.monotonic() - started)
            self.ours.append(await drain(done, [one.pid], EVENTS, LOOK_S))
        if not self.written:
            found = self.place.broker.reader().scan_batches(Span(settings.topics.actions))
            self.written = [
                _again(record, settings.topics.attempts)
                async for batch in found
                for record in batch
            ]
        self.plain.append(
            await asyncio.to_thread(
                bare.stage_loop,
                self.servers,
                settings.topics.events("lead"),
                self.written,
                EVENTS,
                settings.workflow_batch,
            )
        )

    def figures(self) -> dict[str, object]:
        """What came out."""
        rates = [
            (ours.records / ours.wall_s, EVENTS / plain.wall_s)
            for ours, plain in zip(self.ours, self.plain, strict=True)
        ]
        return {
            "matches_per_event": round(len(self.written) / EVENTS, 2),
            "events_per_s": [round(ours) for ours, _ in rates],
            "bare_events_per_s": [round(plain) for _, plain in rates],
            "ratio_to_bare": round(median_ratio(rates), 3),
            "cpu_us_per_event": [round(one.cpu_s / one.records * 1e6) for one in self.ours],
            "bare_cpu_us_per_event": [round(one.cpu_s / EVENTS * 1e6) for one in self.plain],
            "ready_after_s": [round(each, 1) for each in self.start_s],
            "resident_mb": round(max(max(one.resident_mb, default=0) for one in self.ours)),
        }


def _again(record: Received, topic: str) -> Outgoing:
    return Outgoing(topic, record.key, record.value, record.headers)


async def measure(place: World) -> dict[str, object]:
    """All sizes in turn, round by round."""
    servers = place.environ["HOOKLINE_KAFKA_BOOTSTRAP_SERVERS"]
    asked = os.environ.get("BENCH_SIZES")
    sizes = tuple(map(int, asked.split(","))) if asked else SIZES
    loads: list[float] = []
    async with contextlib.AsyncExitStack() as stack:
        runs = [Size(n, await stack.enter_async_context(world(servers))) for n in sizes]
        for run in runs:
            await run.fill()
        for number in range(ROUNDS):
            for run in runs:
                await run.round(number)
                loads.append(round(os.getloadavg()[0], 1))
        figures: dict[str, object] = {f"{run.workflows}": run.figures() for run in runs}
    by_size = {run.workflows: run for run in runs}
    if FEW in by_size and MANY in by_size:
        pairs = zip(by_size[MANY].ours, by_size[FEW].ours, strict=True)
        rates = [(one.records / one.wall_s, other.records / other.wall_s) for one, other in pairs]
        figures["ratio_10000_to_10"] = round(median_ratio(rates), 3)
    return figures | {"bars": BARS, "load_average_by_round": loads}
