"""JSON that the gateway reads without guessing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from producers.gateway.refusal import MALFORMED, Refusal
from producers.gateway.strict_json import Parsed, loads


def test_numbers_with_a_point_stay_exact():
    assert loads(b'{"a": 12.340000000000000001, "b": 7}') == Parsed(
        {"a": Decimal("12.340000000000000001"), "b": 7}
    )


def test_whole_numbers_are_integers_however_they_are_written():
    parsed = loads(b"[7.0, 1e3, -20.00, 0e0]")

    assert isinstance(parsed, Parsed)
    assert isinstance(parsed.value, list)
    assert parsed == Parsed([7, 1000, -20, 0])
    assert all(isinstance(number, int) for number in parsed.value)


def test_escapes_of_whole_characters_are_read():
    assert loads(rb'"\ud83d\ude00"') == Parsed("\N{GRINNING FACE}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(b" \n ", "it is empty", id="only white space"),
        pytest.param(b'{"a": \xff}', "byte 6 is 0xff", id="not UTF-8"),
        pytest.param(b'{\n  "a": 1,\n  oops\n}', "line 3, column 3", id="not JSON"),
        pytest.param(b'{"a": 1} x', "line 1, column 10", id="something after the value"),
        pytest.param(b'{"a": 1, "a": 2}', "'a' stands twice", id="a name twice"),
        pytest.param(b'{"x": {"\\u00e9": 1, "\xc3\xa9": 2}}', "stands twice", id="escaped twice"),
        pytest.param(b"[NaN]", "NaN is not a JSON number", id="NaN"),
        pytest.param(b"[-Infinity]", "-Infinity is not", id="infinity"),
        pytest.param(b"[" + b"9" * 5_000 + b"]", "number of 5000 digits", id="huge integer"),
        pytest.param(b"[1e999999999]", "too large or too fine", id="huge exponent"),
        pytest.param(b"[1e-999999999]", "too large or too fine", id="tiny exponent"),
        pytest.param(b"[0." + b"1" * 100 + b"]", "too large or too fine", id="endless fraction"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep arrays"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="deep objects"),
        pytest.param(rb'{"a": ["\ud83d"]}', "half of a surrogate pair", id="half a pair"),
        pytest.param(rb'{"\ude00": 1}', "half of a surrogate pair", id="half a pair in a name"),
        pytest.param("\ufeff{}".encode(), "byte order mark", id="byte order mark"),
        pytest.param("{}".encode("utf-16"), "not UTF-8", id="UTF-16"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(body, said):
    refusal = loads(body)

    assert isinstance(refusal, Refusal)
    assert refusal.kind is MALFORMED
    assert said in refusal.detail
