"""Metrics, declared once: name with unit, kind, and a sentence; one registry per process."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from schemas.errors import IllegalStepError

#: The process's metrics; what `/metrics` shows.
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

CONTENT_TYPE = CONTENT_TYPE_LATEST
#: From a loopback answer (1 ms) to the longest deadline of a delivery, each about twice the last.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_NAME = re.compile(r"hookline_[a-z0-9]+(_[a-z0-9]+)*")


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Counter:
    """Something that only grows; its name ends in `_total`."""
    return Counter(_checked(name, help, "_total"), help, labels, registry=REGISTRY)


def gauge(name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
    """Something that goes up and down; its name ends in what is counted or in the unit."""
    return Gauge(_checked(name, help, ""), help, labels, registry=REGISTRY)


def histogram(
    name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS
) -> Histogram:
    """A distribution; its name ends in the unit, `_seconds` unless the buckets say otherwise."""
    ending = "_seconds" if buckets is SECONDS else ""
    return Histogram(_checked(name, help, ending), help, labels, registry=REGISTRY, buckets=buckets)


def render() -> bytes:
    """All metrics in Prometheus' text form, of content type `CONTENT_TYPE`."""
    return generate_latest(REGISTRY)


def _checked(name: str, help: str, ending: str) -> str:
    """The name, if it and the sentence are as they should be."""
    if not _NAME.fullmatch(name) or not name.endswith(ending):
        raise IllegalStepError(f"a metric is called hookline_…{ending}, got {name!r}")
    if not help.endswith("."):
        raise IllegalStepError(f"the help of {name} is a sentence and ends in a full stop")
    return name
