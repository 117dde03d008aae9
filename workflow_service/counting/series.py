"""Metrics of single workflows, made when they are asked for, for as many as the settings allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime.metrics import REGISTRY
from workflow_service.counting.tallies import Tally, failures_of


class WorkflowSeries(Collector):
    """What each workflow has said, as series of Prometheus.

    Ten thousand workflows with ten conditions each would be more series than a Prometheus likes, so
    there is a bound; the first by id have series, and a gauge says how many have none.
    """

    def __init__(self, tallies: Callable[[], Mapping[str, Sequence[Tally]]], limit: int) -> None:
        """Read these whenever somebody asks."""
        self._tallies = tallies
        self._limit = limit

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Be among the process's metrics for as long as the block lasts."""
        REGISTRY.register(self)
        try:
            yield
        finally:
            REGISTRY.unregister(self)

    def collect(self) -> Iterator[Metric]:
        """The series as of now."""
        evaluated = CounterMetricFamily(
            "hookline_workflow_evaluated",
            "Events of its entity and operations that a workflow was asked about.",
            labels=["workflow"],
        )
        matched = CounterMetricFamily(
            "hookline_workflow_matched", "Events that a workflow matched.", labels=["workflow"]
        )
        sampled = CounterMetricFamily(
            "hookline_workflow_sampled",
            "Events for which it was looked into why a workflow did not match.",
            labels=["workflow"],
        )
        failed = CounterMetricFamily(
            "hookline_workflow_failed",
            "Sampled events that failed, by the first condition that did.",
            labels=["workflow", "condition"],
        )
        last = GaugeMetricFamily(
            "hookline_workflow_last_match_timestamp_seconds",
            "The minute in which a workflow matched last.",
            labels=["workflow"],
        )
        left_out = GaugeMetricFamily(
            "hookline_workflow_series_left_out", "Workflows without series of their own."
        )
        found = sorted(self._tallies().items())
        left_out.add_metric([], max(len(found) - self._limit, 0))
        for id, tallies in found[: self._limit]:
            evaluated.add_metric([id], sum(each.evaluated for each in tallies))
            matched.add_metric([id], sum(each.matched for each in tallies))
            sampled.add_metric([id], sum(each.sampled for each in tallies))
            last.add_metric([id], max(each.last_match_minute for each in tallies) * 60)
            for condition, count in failures_of(tallies).items():
                failed.add_metric([id, condition], count)
        yield from (evaluated, matched, sampled, failed, last, left_out)
