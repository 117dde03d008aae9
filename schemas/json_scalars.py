"""Scalars from JSON, strictly: each reader takes exactly what the JSON Schema of its kind says.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from schemas.types import FieldType, ListType, MapType, RecordType, ScalarType, UnionType
from schemas.wire import MisfitError

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})?", re.ASCII
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
#: How much of a value a message shows.
_SHOWN = 60
#: Digits before the point of the largest `int`.
_INT_DIGITS = 20
#: A JSON number is binary: 0.0007 may arrive as 0.0007000000000000001.  More than this is a digit.
_NOISE = Decimal("1e-12")


def _text(type_: ScalarType, value: object) -> str:
    if not isinstance(value, str) or (type_.kind == "enum" and value not in type_.symbols):
        raise TypeError
    value.encode()  # a lone surrogate is a UnicodeEncodeError, a ValueError
    return value


def _int(type_: ScalarType, value: object) -> int:
    if isinstance(value, float | Decimal):
        exact = Decimal(value)
        # 3.0 is a whole number to JSON; the bound keeps 1e999999 from being written out.
        if exact.is_finite() and exact.adjusted() < _INT_DIGITS and exact == int(exact):
            value = int(exact)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    bound = 1 << (type_.bits - 1)
    if not -bound <= value < bound:
        message = f"{type_.bits} bits hold {-bound} to {bound - 1}"
        raise MisfitError(message)
    return value


def _decimal(type_: ScalarType, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TypeError
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError
    fits = number.quantize(Decimal(1).scaleb(-type_.scale))
    noise = abs(number) * _NOISE if isinstance(value, float) else 0
    if abs(fits - number) > noise:
        message = f"more than {type_.scale} digits after the point"
        raise MisfitError(message)
    if len(fits.as_tuple().digits) > type_.precision:
        message = f"more than {type_.precision - type_.scale} digits before the point"
        raise MisfitError(message)
    return fits


def _bool(_: ScalarType, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _date(_: ScalarType, value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise TypeError
    return date.fromisoformat(value)


def _datetime(_: ScalarType, value: object) -> datetime:
    if not isinstance(value, str) or not _DATETIME.fullmatch(value):
        raise TypeError
    instant = datetime.fromisoformat(value.upper())
    if instant.tzinfo is None:
        message = "it says no offset from UTC; add Z or +01:00"
        raise MisfitError(message)
    return instant.astimezone(UTC)


def _uuid(_: ScalarType, value: object) -> uuid.UUID:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise TypeError
    return uuid.UUID(value)


def _float(_: ScalarType, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError
    return float(value)


def _bytes(_: ScalarType, value: object) -> bytes:
    if not isinstance(value, str):
        raise TypeError
    return base64.b64decode(value, validate=True)


READERS: Mapping[str, Callable[[ScalarType, object], Any]] = {
    "text": _text,
    "enum": _text,
    "int": _int,
    "decimal": _decimal,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
    "uuid": _uuid,
    "float": _float,
    "bytes": _bytes,
}

_WORDS: Mapping[str, str] = {
    "text": "text",
    "bool": "true or false",
    "date": "a date like 2026-01-31",
    "datetime": "a date and time with its offset, like 2026-01-31T09:30:00Z",
    "uuid": "a UUID",
    "float": "a number",
    "bytes": "Base64 text",
}


def expected(type_: FieldType) -> str:
    """What a field takes, for people."""
    match type_:
        case ScalarType(kind="enum"):
            words = f"one of {', '.join(type_.symbols)}"
        case ScalarType(kind="int"):
            words = f"a whole number of {type_.bits} bits"
        case ScalarType(kind="decimal"):
            words = f"a number with at most {type_.scale} digits after the point"
        case ScalarType():
            words = _WORDS[type_.kind]
        case ListType():
            words = f"a list, each item {expected(type_.item)}"
        case UnionType():
            words = " or ".join(expected(member) for member in type_.members)
        case RecordType() | MapType():
            words = "an object"
    return f"{words} or null" if type_.nullable else words


def found(value: object) -> str:
    """A value as a message shows it: its kind, and itself if it is short."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            long = len(value) > _SHOWN
            return f"text of {len(value)} characters" if long else repr(value)
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case Decimal():
            return str(value)[:_SHOWN]
        case _:
            return repr(value)[:_SHOWN]
