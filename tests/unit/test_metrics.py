"""runtime.metrics: a metric is declared with a name and a sentence that say what it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime import metrics
from schemas.errors import IllegalStepError


def test_what_is_declared_and_counted_is_rendered():
    seen = metrics.counter("hookline_test_seen_total", "Things seen by this test.", ["kind"])

    seen.labels("good").inc(3)

    families = {
        family.name: family for family in text_string_to_metric_families(metrics.render().decode())
    }
    family = families["hookline_test_seen"]
    assert family.documentation == "Things seen by this test."
    assert {"kind": "good"} in [sample.labels for sample in family.samples if sample.value == 3]


def test_the_process_itself_is_measured():
    assert b"process_resident_memory_bytes" in metrics.render()


@pytest.mark.parametrize(
    ("declare", "name", "help"),
    [
        pytest.param(metrics.counter, "hookline_seen", "A sentence.", id="counters end in total"),
        pytest.param(metrics.histogram, "hookline_wait", "A sentence.", id="waits are in seconds"),
        pytest.param(metrics.gauge, "seen", "A sentence.", id="names begin with hookline"),
        pytest.param(metrics.gauge, "hookline_seen", "no sentence", id="help is a sentence"),
    ],
)
def test_a_careless_declaration_is_our_mistake(
    declare: Callable[[str, str], object], name: str, help: str
):
    with pytest.raises(IllegalStepError):
        declare(name, help)
