"""`make soak`: a million events through two members under fire, on a broker of its own; says what it found."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.local_broker import JvmBroker
from runtime.logs import configure
from soak.plan import Plan
from soak.run import Verdict, soak
from soak.system import BROKER


def main() -> int:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--events", type=int, default=Plan().events)
    plan = Plan(events=parser.parse_args().events)
    configure("warning", "console", "soak")
    with TemporaryDirectory(prefix="hookline-soak-") as folder:
        verdict = _run(plan, Path(folder))
        print(json.dumps(verdict.figures, indent=2))
        for problem in verdict.problems:
            print(problem, file=sys.stderr)
    return 1 if verdict.problems else 0


def _run(plan: Plan, folder: Path) -> Verdict:
    with JvmBroker(os.environ, overrides=BROKER, heap_mb=1024, announce=print) as broker:
        return asyncio.run(soak(plan, broker, os.environ, folder))


if __name__ == "__main__":
    raise SystemExit(main())
