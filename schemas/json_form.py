"""Records as JSON and back: strict on the way in, every problem named with its JSON pointer.

Pure: no clock, no I/O.  On the way out decimals are strings, instants RFC 3339 in UTC with
microseconds, bytes Base64.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

from schemas.json_scalars import READERS, expected, found
from schemas.json_schema import json_schema
from schemas.types import (
    NO_DEFAULT,
    FieldType,
    ListType,
    MapType,
    RecordType,
    ScalarType,
    UnionType,
)
from schemas.wire import MisfitError

__all__ = ["JsonProblem", "dumps", "expected", "from_json", "json_schema", "step", "to_json"]

Fields = Mapping[str, FieldType]


@dataclass(frozen=True, slots=True)
class JsonProblem:
    """One thing wrong with a JSON document.

    Attributes:
        pointer: Where, as RFC 6901 says it: `/after/emails/0/value`; empty for the whole.
        message: What was found and what is allowed.
    """

    pointer: str
    message: str


def from_json(
    fields: RecordType | Fields, value: object, pointer: str = ""
) -> tuple[dict[str, Any] | None, list[JsonProblem]]:
    """Read a record from parsed JSON.

    Fields that may be null, or have a default, may be left out.  Decimals are JSON strings or
    numbers; dates and datetimes are ISO 8601, and a datetime must say its offset from UTC.

    Args:
        pointer: Where the record stands in the document; starts every problem's pointer.

    Returns:
        The whole record, every field present, and no problems; or None and all problems.
    """
    problems: list[JsonProblem] = []
    known = fields.fields if isinstance(fields, RecordType) else fields
    record = _record(known, value, pointer, problems)
    return (None, problems) if problems else (record, [])


def to_json(value: object) -> Any:
    """Any value of a record, or a whole one, as something JSON can say."""
    return orjson.loads(dumps(value))


def dumps(value: object) -> bytes:
    """JSON text of any value of a record, or a whole one; mappings keep their order."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: object) -> object:
    """What orjson does not say the way we want it; the exact class decides where it can."""
    say = _SAID.get(value.__class__)
    if say is not None:
        return say(value)
    for kind, say in _SAID.items():
        if isinstance(value, kind):
            return say(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _instant(value: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    return f"{value.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"


#: How each class is said; datetime stands before date, whose subclass it is.
_SAID: dict[type, Callable[[Any], object]] = {
    datetime: _instant,
    Decimal: "{:f}".format,
    date: date.isoformat,
    bytes: lambda value: base64.b64encode(value).decode(),
    Mapping: dict,
}


def step(pointer: str, name: str | int) -> str:
    """The pointer one level further down."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def _record(
    fields: Fields, value: object, pointer: str, problems: list[JsonProblem]
) -> dict[str, Any] | None:
    """A record's fields; what is unknown or missing is named one by one."""
    if not isinstance(value, Mapping):
        problems.append(JsonProblem(pointer, f"is {found(value)}; expected an object"))
        return None
    for name in value:
        if name not in fields:
            known = ", ".join(fields)
            problems.append(
                JsonProblem(step(pointer, name), f"is not a field here; the fields are {known}")
            )
    record: dict[str, Any] = {}
    for name, type_ in fields.items():
        there = step(pointer, name)
        if name in value:
            record[name] = _value(type_, value[name], there, problems)
        elif type_.optional:
            record[name] = _copy(None if type_.default is NO_DEFAULT else type_.default)
        else:
            problems.append(JsonProblem(there, f"is missing; expected {expected(type_)}"))
    return record


def _copy(default: Any) -> Any:
    """A default that the record may own."""
    return default.copy() if isinstance(default, list | dict) else default


def _value(type_: FieldType, value: object, pointer: str, problems: list[JsonProblem]) -> Any:
    """One value of any type; problems are added to the list."""
    if value is None and type_.nullable:
        return None
    match type_:
        case ScalarType():
            return _scalar(type_, value, pointer, problems)
        case RecordType() if isinstance(value, Mapping):
            return _record(type_.fields, value, pointer, problems)
        case ListType():
            return _list(type_, value, pointer, problems)
        case MapType() if isinstance(value, Mapping):
            return {
                key: _value(type_.values, item, step(pointer, key), problems)
                for key, item in value.items()
            }
        case UnionType():
            return _union(type_, value, pointer, problems)
        case RecordType() | MapType():
            problems.append(JsonProblem(pointer, f"is {found(value)}; expected {expected(type_)}"))
            return None


def _list(type_: ListType, value: object, pointer: str, problems: list[JsonProblem]) -> Any:
    """A list, item by item."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        problems.append(JsonProblem(pointer, f"is {found(value)}; expected {expected(type_)}"))
        return None
    return [
        _value(type_.item, item, step(pointer, index), problems) for index, item in enumerate(value)
    ]


def _union(type_: UnionType, value: object, pointer: str, problems: list[JsonProblem]) -> Any:
    """The most specific member that takes the value: an ISO date is a date, other text is text."""
    for member in sorted(type_.members, key=_generality):
        if isinstance(value, str) and isinstance(member, ScalarType) and member.kind == "decimal":
            continue  # "12" in a custom attribute is text; a number is a decimal
        tried: list[JsonProblem] = []
        read = _value(member, value, pointer, tried)
        if not tried:
            return read
    problems.append(JsonProblem(pointer, f"is {found(value)}; expected {expected(type_)}"))
    return None


def _generality(member: FieldType) -> bool:
    """Text takes any string, so it is tried last."""
    return isinstance(member, ScalarType) and member.kind == "text"


def _scalar(type_: ScalarType, value: object, pointer: str, problems: list[JsonProblem]) -> Any:
    """One scalar."""
    try:
        return READERS[type_.kind](type_, value)
    except (ValueError, TypeError, ArithmeticError, binascii.Error) as error:
        why = f" ({error})" if isinstance(error, MisfitError) else ""
        problems.append(JsonProblem(pointer, f"is {found(value)}; expected {expected(type_)}{why}"))
        return None
