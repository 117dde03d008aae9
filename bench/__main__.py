"""`make bench`: runs the benches on a real broker, prints a table and stores the figures as JSON."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench.clockwork import machine
from bench.world import world
from runtime.local_broker import LocalBroker

BENCHES = ("matching", "connection", "publisher", "reading", "workflow", "stage", "webhook",
           "latency", "memory")  # fmt: skip
#: Only when named: they take minutes.
LONG = ("isolation", "delivery")
#: These need no broker.
ALONE = ("matching", "connection")
RESULTS = Path(__file__).parent / "results"


async def _run(names: list[str], console: Console) -> dict[str, object]:
    """Each bench in a world of its own, one after the other."""
    figures: dict[str, object] = {"machine_before": machine()}
    async with contextlib.AsyncExitStack() as stack:
        broker: LocalBroker | None = None
        for name in names:
            console.print(f"[bold]{name}[/bold] …")
            measure = importlib.import_module(f"bench.{name}").measure
            if name in ALONE:
                measured = await measure()
            else:
                broker = broker or await stack.enter_async_context(
                    LocalBroker.find_or_start(os.environ, console.print)
                )
                async with world(broker.bootstrap_servers) as place:
                    measured = await measure(place)
            figures[name] = measured
            console.print(_table(name, measured))
    figures["machine_after"] = machine()
    return figures


def _table(name: str, measured: Mapping[str, object]) -> Table:
    table = Table("figure", "value", title=name, title_justify="left")
    for figure, value in measured.items():
        table.add_row(figure, str(value))
    return table


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, *LONG, []], default=[])
    names = parser.parse_args().bench or list(BENCHES)
    console = Console()
    figures = uvloop.run(_run(names, console))
    RESULTS.mkdir(exist_ok=True)
    stamp = datetime.now(UTC)
    if len(names) == 1:
        target = RESULTS / f"{names[0]}.json"
    else:
        target = RESULTS / ("latest.json" if len(names) == len(BENCHES) else "partial.json")
    target.write_text(json.dumps({"taken_at": stamp.isoformat(), **figures}, indent=2) + "\n")
    console.print(f"stored in {target}")


if __name__ == "__main__":
    main()
