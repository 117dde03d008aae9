"""Events per second that one process reads from a topic, decodes and matches, as a backtest does.

Beside it: the same records by the client's own `poll`, and decoding in full.  No figure has a
process of its own: all take turns in this one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from kafka import KafkaConsumer

from bench.backlog import fill_events
from bench.clockwork import Spent, spending
from bench.world import World
from runtime.broker import Received, Span
from workflow_service.asked import fields_of
from workflow_service.compiled import CompiledWorkflow, compile_workflow
from workflow_service.parse import parse_workflow
from workflow_service.workflow import Workflow

EVENTS = 20_000
ROUNDS = 3
BAR = 20_000
Each = Callable[[Received], object]
RULE = {
    "id": "tried-out",
    "entity": "lead",
    "on": ["created", "updated"],
    "only_if": {
        "all": [
            {"field": "stage.id", "changed_to": "won"},
            {"field": "after.lead_value", "at_least": 1_000},
            {"field": "after.title", "contains": "branch"},
        ]
    },
    "then": [{"webhook": "sink"}],
}


async def measure(place: World) -> dict[str, object]:
    """All in turn."""
    await fill_events(place, EVENTS)
    topic = place.settings.topics.events("lead")
    compiled = _compiled(place)
    some = place.codec.event_reader("lead", fields_of(compiled))
    ways: dict[str, Each | None] = {
        "read": None,
        "read_decode_all": lambda one: place.codec.decode_event("lead", one.value),
        "read_decode_3_fields": lambda one: some(one.value),
        "read_decode_3_fields_match": lambda one: compiled.matches(some(one.value)),
    }
    spent: dict[str, list[Spent]] = {name: [] for name in (*ways, "client_poll")}
    for _round in range(ROUNDS):
        for name, each in ways.items():
            spent[name].append(await _scan(place, topic, each))
        servers = place.environ["HOOKLINE_KAFKA_BOOTSTRAP_SERVERS"]
        spent["client_poll"].append(await asyncio.to_thread(_poll, servers, topic))
    figures: dict[str, object] = {}
    for name, rounds in spent.items():
        figures[f"{name}_per_s"] = [round(EVENTS / one.wall_s) for one in rounds]
        figures[f"{name}_cpu_us"] = [round(one.cpu_s / EVENTS * 1e6, 1) for one in rounds]
    return figures | {"bar_per_s": BAR}


def _compiled(place: World) -> CompiledWorkflow:
    parsed = parse_workflow(RULE)
    if not isinstance(parsed, Workflow):
        raise TypeError(str(parsed))
    compiled = compile_workflow(parsed, 1, place.catalog)
    if not isinstance(compiled, CompiledWorkflow):
        raise TypeError(str(compiled))
    return compiled


async def _scan(place: World, topic: str, each: Each | None) -> Spent:
    count = 0
    with spending() as spent:
        async for batch in place.broker.reader().scan_batches(Span(topic)):
            count += len(batch)
            if each is not None:
                for one in batch:
                    each(one)
    if count != EVENTS:
        raise RuntimeError(f"{count} of {EVENTS} events were read")
    return spent


def _poll(servers: str, topic: str) -> Spent:
    """Until as many records have come; the client is made and closed in the time, as for a scan."""
    deadline = time.monotonic() + 120
    with spending() as spent:
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=servers,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            metrics_enabled=False,
        )
        count = 0
        while count < EVENTS and time.monotonic() < deadline:
            count += sum(map(len, consumer.poll(timeout_ms=1_000).values()))
        consumer.close()
    return spent
