"""JSON read without guessing: exact decimals, no repeated names, no NaN, nothing outside Unicode.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from producers.gateway.refusal import MALFORMED, Refusal

#: Avro's largest integer has 19 digits, a decimal here 20 before the point: more is no number of ours.
MAX_DIGITS = 60
#: The largest exponent of a double; beyond it a short text would stand for a huge number.
MAX_EXPONENT = 308

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _NotStrictError(ValueError):
    """What a hook of the decoder found; its message is for the caller."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A JSON value; its numbers are `int`, or `Decimal` if they are not whole."""

    value: object


def loads(body: bytes) -> Parsed | Refusal:
    """The body's JSON value, or why it cannot be read."""
    try:
        return Parsed(_value(body))
    except UnicodeDecodeError as error:
        found = f"byte {error.start} is 0x{body[error.start]:02x}"
        return Refusal(MALFORMED, f"the body is not UTF-8: {found}")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return Refusal(MALFORMED, f"the body is not JSON: {error.msg} at {place}")
    except _NotStrictError as error:
        return Refusal(MALFORMED, f"the body is refused: {error}")
    except RecursionError:
        return Refusal(MALFORMED, "the body is refused: it is nested too deeply")


def _value(body: bytes) -> object:
    """The value; what is wrong with it is raised."""
    if not body.strip():
        raise _NotStrictError("it is empty; send one event, or an array of events")
    text = body.decode("utf-8")
    if text.startswith("\ufeff"):
        raise _NotStrictError("it starts with a byte order mark; send it without")
    value: object = _DECODER.decode(text)
    if _SURROGATE.search(text):
        _refuse_unpaired(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different (RFC 7493): which of two counts is anybody's guess."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise _NotStrictError(f"the name {repeated!a} stands twice in one object")
    return value


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _NotStrictError(f"{digits[:20]}… is a number of {len(digits)} digits")
    return int(digits)


def _decimal(digits: str) -> Decimal | int:
    """Exact; 7.0 is an integer, as JSON Schema has it."""
    value = Decimal(digits) if len(digits) <= MAX_DIGITS else None
    if value is None or (value and abs(value.adjusted()) > MAX_EXPONENT):
        raise _NotStrictError(f"{digits[:20]} is too large or too fine a number")
    whole = value.to_integral_value()
    return int(whole) if whole == value else value


def _constant(name: str) -> None:
    raise _NotStrictError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)


def _refuse_unpaired(value: object) -> None:
    """Refuse half of a surrogate pair: JSON can escape it, UTF-8 cannot hold it."""
    for text in _texts(value):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _NotStrictError(f"{text[:40]!a} has half of a surrogate pair") from error


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value, names included."""
    open_values = [value]
    while open_values:
        match open_values.pop():
            case str() as text:
                yield text
            case dict() as fields:
                open_values += fields.keys()
                open_values += fields.values()
            case list() as items:
                open_values += items
            case _:
                pass
