"""The pipes of templates: one table of what each takes, what it gives and how it is done.

Pure.  Whatever can make a text longer is bounded after each step.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from schemas.templates.bounds import bounded, joined
from schemas.templates.formats import date_format, rounded, with_signs
from schemas.templates.lists import inner_field
from schemas.templates.pipe import (
    TEXT,
    Apply,
    Arguments,
    Made,
    Pipe,
    either,
    kind_of,
    members_of,
    name_of,
    nullable,
)
from schemas.templates.texts import Digits, json_of, text_of, whole_text
from schemas.types import FieldType, Kind, ListType, ScalarType
from schemas.wording import shown

_MOST_PLACES: Final = 12
_EMPTY: Final[tuple[object, ...]] = ("", [], (), {})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _to_text(apply: Apply) -> Pipe:
    """A pipe that makes a longer or other text of a text."""
    return Pipe(
        "without arguments",
        ("text",),
        lambda _type, _: Made(TEXT, lambda value: bounded(apply(value))),
    )


def _place_value(_: FieldType, arguments: Arguments) -> Made | str:
    places, *signs = arguments or (2,)
    if not isinstance(places, int) or not 0 <= places <= _MOST_PLACES:
        return f"decimal takes 0 to {_MOST_PLACES} digits after the point, not {places}"
    if not signs:
        number = ScalarType("decimal", precision=38, scale=places)
        return Made(number, lambda value: rounded(value, places))
    point, thousands = str(signs[0]), str(signs[1]) if len(signs) > 1 else ""
    return Made(TEXT, lambda value: with_signs(rounded(value, places), point, thousands))


def _number(type_: FieldType, _: Arguments) -> Made:
    def digits(value: Any) -> Any:
        if not isinstance(value, Decimal):
            return value
        return Digits(f"{value:f}") if value.is_finite() else str(value)

    return Made(type_, digits)


def _date(type_: FieldType, arguments: Arguments) -> Made | str:
    written = date_format(str(arguments[0]), time=kind_of(type_) == "instant")
    return written if isinstance(written, str) else Made(TEXT, written)


def _in_zone(type_: FieldType, arguments: Arguments) -> Made | str:
    name = str(arguments[0])
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, a directory
        return f"the time zone {shown(name)} is unknown; there is UTC, Europe/Berlin, …"

    def moved(value: datetime) -> datetime:
        try:
            return value.astimezone(zone)
        except OverflowError:  # the first or last day that a calendar here can say
            return value

    return Made(type_, moved)


def _unix(_: FieldType, arguments: Arguments) -> Made | str:
    unit = {"s": 1_000_000, "ms": 1_000}.get(str(arguments[0]) if arguments else "s")
    if unit is None:
        return f"unix counts in s or ms, not in {shown(arguments[0])}"

    def counted(value: datetime) -> int:
        since = value - _EPOCH
        return (
            since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds
        ) // unit

    return Made(ScalarType("int"), counted)


def _default(type_: FieldType, arguments: Arguments) -> Made:
    (other,) = arguments
    kind: Kind = "bool" if isinstance(other, bool) else "int" if isinstance(other, int) else "text"

    def chosen(value: Any) -> Any:
        return other if value is None or value in _EMPTY else value

    return Made(either([type_, ScalarType(kind)]), chosen, empty_too=True)


def _truncate(type_: FieldType, arguments: Arguments) -> Made | str:
    (most,) = arguments
    if not isinstance(most, int) or most < 1:
        return f"truncate takes a number of characters from 1 on, not {most}"
    return Made(type_, lambda value: value if len(value) <= most else value[: most - 1] + "…")


def _join(type_: FieldType, arguments: Arguments) -> Made | str:
    item = type_.item if isinstance(type_, ListType) else type_
    if not any(isinstance(each, ScalarType) for each in members_of(item)):
        return (
            f'the elements are each {name_of(item)}; choose a field of it: field("…") | join(", ")'
        )
    sign = str(arguments[0]) if arguments else ", "

    return Made(TEXT, lambda values: joined(sign, map(text_of, values)))


def _field(type_: FieldType, arguments: Arguments) -> Made | str:
    if not isinstance(type_, ListType):
        return "field is for lists of records"
    inside = inner_field(type_.item, str(arguments[0]))
    if isinstance(inside, str):
        return inside
    inner, read = inside
    return Made(ListType(nullable(inner)), lambda values: [read(each) for each in values])


def _element(index: int) -> Pipe:
    def make(type_: FieldType, _: Arguments) -> Made:
        item = type_.item if isinstance(type_, ListType) else type_
        return Made(nullable(item), lambda values: values[index] if values else None)

    return Pipe("without arguments", ("list",), make)


def _yes_no(_: FieldType, arguments: Arguments) -> Made:
    yes, no = map(str, arguments)
    return Made(TEXT, lambda value: yes if value else no)


def _count(_: FieldType, _arguments: Arguments) -> Made:
    return Made(ScalarType("int"), len)


def _json(_: FieldType, _arguments: Arguments) -> Made:
    return Made(TEXT, lambda value: bounded(json_of(value)), empty_too=True)


PIPES: Final[Mapping[str, Pipe]] = {
    "default": Pipe('default("-")', (), _default, ("any",), 1),
    "upper": _to_text(str.upper),
    "lower": _to_text(str.lower),
    "trim": _to_text(str.strip),
    "truncate": Pipe("truncate(100)", ("text",), _truncate, ("number",), 1),
    "decimal": Pipe(
        'decimal(2) or decimal(2, ",", ".")', ("number",), _place_value, ("number", "text", "text")
    ),
    "number": Pipe("without arguments", ("number",), _number),
    "date": Pipe('date("%d.%m.%Y")', ("date", "instant"), _date, ("text",), 1),
    "in_zone": Pipe('in_zone("Europe/Berlin")', ("instant",), _in_zone, ("text",), 1),
    "unix": Pipe('unix or unix("ms")', ("instant",), _unix, ("text",)),
    "yes_no": Pipe('yes_no("yes", "no")', ("true or false",), _yes_no, ("text", "text"), 2),
    "first": _element(0),
    "last": _element(-1),
    "count": Pipe("without arguments", ("list",), _count),
    "field": Pipe('field("name")', ("list",), _field, ("text",), 1),
    "join": Pipe('join(", ")', ("list",), _join, ("text",)),
    "json": Pipe("without arguments", (), _json),
    "url": _to_text(lambda value: quote(whole_text(value), safe="")),
    "html": _to_text(html.escape),
}
