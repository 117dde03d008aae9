"""Events per second that one process reads from a topic, decodes and matches, as a backtest does.

Beside it: the same records by the client's own `poll`, and decoding in full.  No figure has a
process of its own: all take turns in this one.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping

from kafka import KafkaConsumer

from bench import rules
from bench.clockwork import Spent, spending
from bench.world import World
from console.backtest import backtest
from console.session import opened
from runtime.broker import Outgoing, Received, Span
from schemas.events import event_headers
from workflow_service.asked import fields_of
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow
from workflow_service.matching.judge import judge_of

EVENTS = 20_000
ROUNDS = 3
BAR = 20_000
WRITE = 2_000
Each = Callable[[Received], object]
#: What users ask for most; each alone, and three at once.
RULES: Mapping[str, dict[str, object]] = {
    "equals": {"field": "after.stage.id", "equals": "negotiation"},
    "range": {"field": "after.lead_value", "at_least": 10_000},
    "changed_to": {"field": "stage.id", "changed_to": "won"},
    "contains": {"field": "after.title", "contains": "branch"},
}
RULES = {**RULES, "three_of_them": {"all": [*RULES.values()][1:]}}


async def measure(place: World) -> dict[str, object]:
    """All in turn: reading alone, with decoding, and whole backtests."""
    await _fill(place)
    topic = place.settings.topics.events("lead")
    compiled = {name: _compiled(place, rule) for name, rule in RULES.items()}
    some = place.codec.event_reader("lead", fields_of(compiled["three_of_them"]))
    ways: dict[str, Each | None] = {
        "read": None,
        "read_decode_all": lambda one: place.codec.decode_event("lead", one.value),
        "read_decode_3_fields": lambda one: some(one.value),
    }
    for name, each in compiled.items():
        ways[f"read_decode_match_{name}"] = _matching(place, each)
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    spent |= {name: [] for name in ("client_poll", *(f"backtest_{name}" for name in RULES))}
    reports = {}
    async with opened(place.settings, place.broker) as session:
        for _round in range(ROUNDS):
            for name, way in ways.items():
                spent[name].append(await _scan(place, topic, way))
            for name, each in compiled.items():
                with spending() as one:
                    reports[name] = await backtest(session, each, None, None)
                spent[f"backtest_{name}"].append(one)
            servers = place.environ["HOOKLINE_KAFKA_BOOTSTRAP_SERVERS"]
            spent["client_poll"].append(await asyncio.to_thread(_poll, servers, topic))
    figures: dict[str, object] = {}
    for name, rounds in spent.items():
        figures[f"{name}_per_cpu_s"] = [round(EVENTS / one.cpu_s) for one in rounds]
        figures[f"{name}_cpu_us"] = [round(one.cpu_s / EVENTS * 1e6, 1) for one in rounds]
    matched = {f"matched_{name}": each.matched for name, each in reports.items()}
    return figures | matched | {"events": EVENTS, "bar_per_cpu_s": BAR}


async def _fill(place: World) -> None:
    """Events of a company with a thousand workflows: one in ten a creation, values of all sorts."""
    topic, encode = place.settings.topics.events("lead"), place.codec.encode
    events = rules.events(EVENTS, 1_000)
    while some := [*itertools.islice(events, WRITE)]:
        await place.publisher.publish_all(
            [
                Outgoing(topic, one.entity_id.encode(), encode(one), event_headers(one, "/b"))
                for one in some
            ]
        )


def _matching(place: World, compiled: CompiledWorkflow) -> Each:
    """Decode what the workflow looks at, and ask it."""
    read = place.codec.event_reader("lead", fields_of(compiled))
    judge = judge_of(compiled) or compiled.matches
    return lambda one: judge(read(one.value))


def _compiled(place: World, condition: dict[str, object]) -> CompiledWorkflow:
    content = {
        "id": "tried-out",
        "entity": "lead",
        "on": ["created", "updated"],
        "only_if": condition,
        "then": [{"webhook": "sink"}],
    }
    parsed = parse_workflow(content)
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
