"""Time per event of matching alone, over 10 to 100,000 workflows in one run, side by side.

`bench.rules` says which workflows and events there are.  As in the service, each event is decoded and
then matched at once; only the matching is timed, by the wall clock, because a clock of CPU time
takes as long as a tenth of a match.  A match that took ten times as long as the median was
interrupted by other processes and is left out.  Memory is what the process grew by, per workflow:
the checked workflow, its compiled form and the index.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from bench import rules
from schemas.catalog import Catalog, NamedSchema
from schemas.codec import Codec, Fingerprint, Reference
from schemas.records import Event
from workflow_service.language.compiled import CompiledWorkflow, compile_workflow
from workflow_service.language.leaf import Leaves
from workflow_service.language.parse import parse_workflow
from workflow_service.language.workflow import Workflow
from workflow_service.matching.match import Matcher

SIZES = (10, 100, 1_000, 10_000, 100_000)
EVENTS = 1_000
#: Times the median.
INTERRUPTED = 10
ROUNDS = 7
#: Workflows replaced one by one, to see how long one change blocks.
CHANGES = 500
#: Judging every workflow in turn, as long as that is bearable.
PLAIN = 1_000
BARS = {"us_per_event_at_10000": 15, "ratio_10000_to_10": 0.8, "memory_bytes": 3_072}


@dataclass(slots=True)
class Run:
    """One number of workflows.

    Attributes:
        rounds_us: Time per event of each round.
    """

    matcher: Matcher
    events: Sequence[bytes]
    figures: dict[str, object]
    rounds_us: list[float] = field(default_factory=list)


async def measure(_: object = None) -> dict[str, object]:
    """Build all, then match in rounds, each size in turn."""
    catalog = Catalog.load()
    codec = Codec(catalog, _Known(catalog))
    runs = {size: _built(size, catalog, codec) for size in SIZES}
    gc.collect()
    for _round in range(ROUNDS):
        for run in runs.values():
            run.rounds_us.append(_match_us(run, codec.decode_event))
    for size, run in runs.items():
        run.figures["us_per_event"] = round(statistics.median(run.rounds_us), 2)
        run.figures["us_per_event_in_the_best_round"] = round(min(run.rounds_us), 2)
        if size <= PLAIN:
            run.figures["us_without_index"] = _plain_us(size, catalog)
        if size > SIZES[0]:
            run.figures |= _changes(size, run.matcher, catalog)
    pairs = zip(runs[10].rounds_us, runs[10_000].rounds_us, strict=True)
    return {
        "bars": BARS,
        "ratio_10000_to_10": round(statistics.median(ten / many for ten, many in pairs), 3),
        **{str(size): run.figures for size, run in runs.items()},
    }


def _built(size: int, catalog: Catalog, codec: Codec) -> Run:
    gc.collect()
    before = _resident()
    matcher, leaves, spent_s = Matcher(), Leaves(), 0.0
    for content in rules.workflows(size):
        compiled = _compiled(content, catalog, leaves)
        started = time.process_time()
        matcher.put(compiled)
        spent_s += time.process_time() - started
    gc.collect()
    figures: dict[str, object] = {
        "memory_bytes_per_workflow": round((_resident() - before) / size),
        "put_us": round(spent_s / size * 1e6, 1),
    }
    events = list(rules.events(EVENTS, size))
    matches = sum(len(matcher.match(event).matches) for event in events)
    figures["matches_per_event"] = round(matches / EVENTS, 2)
    return Run(matcher, [codec.encode(event) for event in events], figures)


def _compiled(
    content: dict[str, Any], catalog: Catalog, leaves: Leaves | None = None
) -> CompiledWorkflow:
    """As it comes out of the definitions topic."""
    workflow = parse_workflow(json.loads(json.dumps(content)))
    if not isinstance(workflow, Workflow):
        raise TypeError(f"{content} is not well-formed: {workflow}")
    compiled = compile_workflow(workflow, 1, catalog, leaves)
    if not isinstance(compiled, CompiledWorkflow):
        raise TypeError(f"{content} makes no sense: {compiled}")
    return compiled


def _match_us(run: Run, decode: Callable[[str, bytes], Event]) -> float:
    """Mean time of a match, in microseconds."""
    match, clock = run.matcher.match, time.perf_counter_ns
    spent: list[int] = []
    for data in run.events:
        event = decode("lead", data)
        started = clock()
        match(event)
        spent.append(clock() - started)
    limit = INTERRUPTED * statistics.median(spent)
    return statistics.fmean(each for each in spent if each < limit) / 1e3


class _Known:
    """A registry that knows the catalog's schemas and no others."""

    def __init__(self, catalog: Catalog) -> None:
        self._texts = {schema.fingerprint: schema.text for schema in catalog.schemas}

    def reference_of(self, schema: NamedSchema) -> Reference:
        return Fingerprint(schema.fingerprint)

    def find(self, reference: Reference) -> str | None:
        return self._texts.get(reference.value) if isinstance(reference, Fingerprint) else None


def _cpu_us(work: Callable[[], object], count: int) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) / count * 1e6


def _plain_us(size: int, catalog: Catalog) -> float:
    """Every workflow for the event's operation judged in turn: what an index is to beat."""
    every = [_compiled(content, catalog) for content in rules.workflows(size)]
    events = list(rules.events(max(10, PLAIN // size), size))

    def judge_all() -> None:
        for event in events:
            for compiled in every:
                if event.operation in compiled.operations:
                    compiled.matches(event)

    return round(_cpu_us(judge_all, len(events)), 1)


def _changes(size: int, matcher: Matcher, catalog: Catalog) -> dict[str, object]:
    """How long matching stands still for one workflow replaced, taken out, and put back."""
    contents = list(rules.workflows(size))
    step = max(1, size // CHANGES)
    others = list(rules.workflows(size, seed=3))
    spent_ms: list[float] = []
    for old, new in zip(contents[::step], others[::step], strict=True):
        replaced = _compiled(new | {"id": old["id"]}, catalog)
        restored = _compiled(old, catalog)
        changes: tuple[Callable[[], None], ...] = (
            functools.partial(matcher.put, replaced),
            functools.partial(matcher.remove, old["id"]),
            functools.partial(matcher.put, restored),
        )
        spent_ms += [_cpu_us(change, 1) / 1e3 for change in changes]
    return {
        "change_ms_median": round(statistics.median(spent_ms), 3),
        "change_ms_max": round(max(spent_ms), 3),
    }


def _resident() -> int:
    return int(psutil.Process(os.getpid()).memory_info().rss)
