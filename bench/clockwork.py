"""Reading the clocks: wall time, CPU time and resident memory of this and other processes."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(slots=True)
class Spent:
    """What a piece of work took: seconds on the wall and seconds of this process's CPU."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure the block; the figures are there when it ends."""
    spent = Spent()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield spent
    finally:
        spent.wall_s = time.perf_counter() - wall
        spent.cpu_s = time.process_time() - cpu


def cpu_of(pid: int) -> float:
    """CPU seconds a process has used so far, its own and the kernel's for it."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def resident_mb(pid: int) -> float:
    """Resident memory in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """Median over the rounds of ours divided by bare."""
    return statistics.median(ours / bare for ours, bare in pairs)


def machine() -> dict[str, object]:
    """What the figures were taken on, and how busy it was."""
    return {
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }
