"""`make soak`: a million events through two members under fire, on a broker of its own; says what it found."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.local_broker import JvmBroker
from runtime.logs import configure
from soak.delivery_run import DeliveryPlan, soak_deliveries
from soak.plan import Plan
from soak.run import Verdict, soak
from soak.system import BROKER


def main() -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--events", type=int, default=Plan().events)
    parser.add_argument("--deliveries", action="store_true", help="the delivery engine instead")
    parser.add_argument("--kills", type=int, default=DeliveryPlan().kills)
    parser.add_argument("--stops", type=int, default=DeliveryPlan().stops)
    parser.add_argument("--rebalances", type=int, default=DeliveryPlan().rebalances)
    asked = parser.parse_args()
    configure("warning", "console", "soak")
    if asked.deliveries:
        return _deliveries(
            DeliveryPlan(kills=asked.kills, stops=asked.stops, rebalances=asked.rebalances)
        )
    plan = Plan(events=asked.events)
    with TemporaryDirectory(prefix="hookline-soak-") as folder:
        verdict = _run(plan, Path(folder))
        print(json.dumps(verdict.figures, indent=2))
        for problem in verdict.problems:
            print(problem, file=sys.stderr)
    return 1 if verdict.problems else 0


def _deliveries(plan: DeliveryPlan) -> int:
    with (
        TemporaryDirectory(prefix="hookline-soak-") as folder,
        JvmBroker(os.environ, overrides=BROKER, heap_mb=1024, announce=print) as broker,
    ):
        phases = asyncio.run(soak_deliveries(plan, broker, os.environ, Path(folder)))
    print(json.dumps([asdict(phase) for phase in phases], indent=2))
    problems = [problem for phase in phases for problem in phase.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _run(plan: Plan, folder: Path) -> Verdict:
    with JvmBroker(os.environ, overrides=BROKER, heap_mb=1024, announce=print) as broker:
        return asyncio.run(soak(plan, broker, os.environ, folder))


if __name__ == "__main__":
    raise SystemExit(main())
