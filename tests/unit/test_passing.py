"""Expressions that go past values: what they match is whole, and what they leave to others."""

from __future__ import annotations

import pytest

from schemas.passing import expression

REF = {
    "type": "record",
    "name": "Ref",
    "namespace": "crm",
    "fields": [{"name": "id", "type": "string"}, {"name": "name", "type": ["null", "string"]}],
}
RUN = [["null", REF], ["null", "boolean"], ["null", "long"], "int"]


def test_one_match_ends_where_the_last_value_ends():
    match = expression(RUN, {}).match

    found = match(b"..\x02\x04id\x02\x06Ada\x02\x01\x02\x80\x80\x01\x7f and more", 2)

    assert found.end() == 18


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x04\x04id\x00\x00\x00\x00", id="no such branch"),
        pytest.param(b"\x02\x03id\x00\x00\x00\x00", id="a negative length"),
        pytest.param(b"\x02\x80\x01" + b"x" * 64 + b"\x00\x00\x00\x00", id="a long text"),
        pytest.param(b"\x02\x04id\x00\x02\x02\x00\x00", id="a truth value of 2"),
        pytest.param(b"\x00\x00\x00" + b"\x80" * 5 + b"\x01", id="a number of six bytes"),
        pytest.param(b"\x02\x04i", id="the end too early"),
    ],
)
def test_what_is_damaged_or_long_is_not_matched(data):
    assert expression(RUN, {}).match(data) is None


@pytest.mark.parametrize(
    "types",
    [
        pytest.param(["string"], id="a text alone is passed more cheaply without"),
        pytest.param([*RUN, {"type": "array", "items": "string"}], id="a list has no bound"),
    ],
)
def test_there_is_no_expression_where_it_would_not_pay_or_cannot_be(types):
    assert expression(types, {}) is None
