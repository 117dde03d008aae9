"""What a value looks like inside a text, and standing alone in JSON.

Pure.  Null is nothing, decimals keep the digits of their scale, instants are RFC 3339: in UTC, or
with the offset of the zone that they were put in.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from schemas.json_form import dumps

_NONE: Final = timedelta()
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Digits:
    """A number that is to be one in JSON, with exactly these digits."""

    text: str


def text_of(value: Any) -> str:
    """A value inside a text."""
    say = _SAID.get(value.__class__)
    return say(value) if say is not None else json_of(value)


def json_of(value: Any) -> str:
    """A value as JSON text."""
    return dumped(plain_of(value)).decode()


def dumped(value: Any) -> bytes:
    """The JSON text of what `plain_of` gave, or of a value made of it."""
    try:
        return dumps(value)
    except TypeError:  # half a Unicode character, which no text of Kafka's can hold
        return dumps(_mended(value))


def plain_of(value: Any) -> Any:
    """A value as `dumps` takes it, when it stands alone in JSON."""
    match value:
        case Digits(text=text):
            return orjson.Fragment(text)
        case datetime():
            return instant(value)
        case list() | tuple():
            return [plain_of(each) for each in value]
        case _:
            return value


def instant(value: datetime) -> str:
    """RFC 3339 to the microsecond: in the zone that it was put in by its name, else in UTC.

    Before time zones, offsets had seconds, which RFC 3339 cannot say: such an instant is said in UTC.
    """
    zoned = isinstance(value.tzinfo, ZoneInfo) and not (value.utcoffset() or _NONE) % _MINUTE
    own = value if zoned else value.astimezone(UTC)
    text = own.isoformat(timespec="microseconds")
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def whole_text(value: str) -> str:
    """The text, with half Unicode characters replaced, so that it can be encoded."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _mended(value: Any) -> Any:
    match value:
        case str():
            return whole_text(value)
        case list() | tuple():
            return [_mended(each) for each in value]
        case Mapping():
            return {_mended(key): _mended(each) for key, each in value.items()}
        case _:
            return value


def _listed(values: list[Any] | tuple[Any, ...]) -> str:
    return ", ".join(text_of(each) for each in values if each is not None)


_SAID: Mapping[type, Callable[[Any], str]] = {
    str: lambda value: value,
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: "{:f}".format,
    Digits: lambda value: value.text,
    datetime: instant,
    date: date.isoformat,
    UUID: str,
    bytes: lambda value: base64.b64encode(value).decode(),
    list: _listed,
    tuple: _listed,
}
