"""What the demo concludes from what it expected and saw."""

from __future__ import annotations

import pytest

from console.demo.expectations import Count, Tally
from console.demo.totals import total


@pytest.mark.parametrize(
    ("count", "holds"),
    [
        pytest.param(Count("x", 3, 3, "y"), True, id="as many"),
        pytest.param(Count("x", 3, 4, "y"), False, id="too many"),
        pytest.param(Count("x", 3, 4, "y", at_least=True), True, id="at least as many"),
        pytest.param(Count("x", 3, 2, "y", at_least=True), False, id="too few"),
    ],
)
def test_a_count_holds_if_it_is_as_expected(count, holds):
    assert count.holds is holds


def test_what_was_missed_and_what_does_not_add_up_is_missing():
    tally = Tally([Count("events", 2, 2, "t"), Count("actions", 2, 1, "t")], ["a dead letter"])

    assert tally.missing == ["a dead letter", "actions: expected 2, observed 1 (t)"]


def test_a_counter_is_summed_over_its_labels():
    text = '# HELP a_total A.\na_total{outcome="x"} 2.0\na_total{outcome="y"} 1.0\nab_total 7.0\n'

    assert total(text, "a_total") == 3.0
    assert total(text, "ab_total") == 7.0
    assert total(text, "none_total") == 0.0
