"""`make bench-peer`: the workflow service and the same rules in Quix Streams, side by side in one run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench import rules
from bench.clockwork import machine
from bench.stage import Size
from bench.world import world
from runtime.local_broker import LocalBroker

SIZES = (10, 1_000)
ROUNDS = 2
HERE = Path(__file__).parent
RESULT = HERE.parent / "results" / "peer.json"
#: The peer is stopped after so long without a record.
PATIENCE_S = 10
WHY = (
    "Both consume in transactions of the same number of events. The peer's client is librdkafka; its "
    "rules are asked one by one for each event, on a copy of it for each. Its output is the event's "
    "bytes alone. Ours finds rules by an index, writes actions with derived ids and headers, keeps "
    "dead letters and counts."
)


async def _peer(python: str, size: Size, number: int) -> dict[str, float]:
    """One round of the peer."""
    given = size.place.folder / "peer.jsonl"
    schema = size.place.catalog.event("lead").text
    given.write_text(f"{json.dumps(list(rules.workflows(size.workflows)))}\n{schema}\n")
    settings = size.place.settings
    arguments = [
        size.servers,
        settings.topics.events("lead"),
        settings.topics.attempts,
        f"{settings.topic_prefix}-peer-{number}",
        str(settings.workflow_batch),
        str(given),
        str(PATIENCE_S),
    ]
    process = await asyncio.create_subprocess_exec(
        python, str(HERE / "app.py"), *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    said: dict[str, float] = json.loads(output.decode().splitlines()[-1])
    return said


async def _run(python: str, sizes: tuple[int, ...]) -> dict[str, object]:
    figures: dict[str, object] = {"machine_before": machine(), "why": WHY}
    async with LocalBroker.find_or_start(os.environ, print) as broker:
        for workflows in sizes:
            async with world(broker.bootstrap_servers) as place:
                size = Size(workflows, place)
                await size.fill()
                theirs = []
                for number in range(ROUNDS):
                    await size.round(number)
                    theirs.append(await _peer(python, size, number))
                figures[str(workflows)] = size.figures() | {
                    "peer_events_per_s": [round(one["events"] / one["wall_s"]) for one in theirs],
                    "peer_cpu_us_per_event": [
                        round(one["cpu_s"] / one["events"] * 1e6) for one in theirs
                    ],
                    "peer_events": [one["events"] for one in theirs],
                    "peer_matches_per_event": [
                        round(one["matches"] / one["events"], 2) for one in theirs
                    ],
                }
                print(workflows, json.dumps(figures[str(workflows)]))
    figures["machine_after"] = machine()
    return figures


def main() -> None:
    """The first argument is the interpreter of the peer's environment."""
    python, *sizes = sys.argv[1:]
    figures = uvloop.run(_run(python, tuple(map(int, sizes)) or SIZES))
    taken_at = datetime.now(UTC).isoformat()
    with contextlib.suppress(FileExistsError):
        RESULT.parent.mkdir()
    RESULT.write_text(json.dumps({"taken_at": taken_at, **figures}, indent=2) + "\n")
    print(f"stored in {RESULT}")


if __name__ == "__main__":
    main()
