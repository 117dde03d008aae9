"""Which fields of a record count as changed."""

from decimal import Decimal

import pytest

from schemas.events import changed_fields


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        pytest.param({"a": 1}, {"a": 1}, (), id="nothing"),
        pytest.param({"b": 1, "a": 1}, {"b": 2, "a": 2}, ("a", "b"), id="sorted"),
        pytest.param(None, {"a": 1, "b": None}, ("a",), id="a creation: what is not null"),
        pytest.param({"a": 1, "b": None}, None, ("a",), id="a deletion: what was not null"),
        pytest.param({}, {"a": None}, (), id="a missing field is null"),
        pytest.param({"a": Decimal("1.0")}, {"a": Decimal("1.00")}, (), id="equal decimals"),
        pytest.param({"a": True}, {"a": 1}, ("a",), id="true is not 1"),
        pytest.param(
            {"a": {"x": Decimal(1)}}, {"a": {"x": True}}, ("a",), id="1 is not true in a map"
        ),
        pytest.param({"a": [{"x": 0}]}, {"a": [{"x": False}]}, ("a",), id="nor in a list"),
        pytest.param({"a": [{"x": [1]}]}, {"a": [{"x": [1]}]}, (), id="equal and nested"),
        pytest.param({"a": [1, 2]}, {"a": [2, 1]}, ("a",), id="order in a list counts"),
    ],
)
def test_a_field_changed_if_its_value_differs(before, after, changed):
    assert changed_fields(before, after) == changed
