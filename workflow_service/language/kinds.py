"""What operators need to know of a field's type: its kind, how its values and operands are read.

Pure.  An operand is typed once, when a workflow is compiled; a value is normalised each time it is
looked at, to the same form, so that plain Python comparisons are right: decimals are numbers
(`100` is `100.0000`), texts are NFC, addresses are without case and without their labels.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar, assert_never

from schemas.types import FieldType, ListType, MapType, RecordType, ScalarType, UnionType
from schemas.wording import found, listed, unknown
from workflow_service.language.operators import Kind
from workflow_service.language.workflow import Value

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"([Zz]|[-+][0-9]{2}:[0-9]{2})"
)
#: More digits than a double holds exactly must be written as text.
_EXACT_DIGITS = 15
#: Slots that are kept, so that many conditions on one type share one.
_KEPT = 1_024
T = TypeVar("T")


class Mistyped(Exception):  # noqa: N818 - not an error of ours: the message for a problem
    """An operand that a field's type does not take; says what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A field's type as conditions see it.

    Attributes:
        what: For people: "a decimal number".
        operand: Types an operand, or raises `Mistyped`.
        normalise: Brings a value (never null) to the form that operands have; None: as it is.  A
            value that nothing can be compared with becomes null.
        python: The class of its values, by which a value of a union finds its slot.
        item: What operands are compared with, where that is a part of the value: the elements of
            a list, the texts of addresses.
    """

    kind: Kind
    what: str
    operand: Callable[[Any], Any]
    normalise: Callable[[Any], Any] | None
    python: type
    item: Slot | None = None

    @property
    def taken(self) -> Slot:
        """The slot that operands are of."""
        return self.item or self


@lru_cache(maxsize=_KEPT)
def folded(slot: Slot) -> Slot | None:
    """The slot in which texts that differ only in case are the same; None if it holds no text."""
    match slot.kind:
        case "text":
            return replace(slot, operand=_folded_text, normalise=_folded)
        case "addresses":
            return slot
        case "elements":
            item = folded(slot.taken)
            return None if item is None else _elements(item)
        case _:
            return None


def slots_of(type_: FieldType) -> tuple[Slot, ...]:
    """The slots of a type: one, or for a union (custom attributes) one for each member."""
    if isinstance(type_, UnionType):
        return tuple(_slot(member) for member in type_.members)
    return (_slot(type_),)


def _slot(type_: FieldType) -> Slot:
    match type_:
        case ScalarType():
            slot = _scalar(type_)
        case ListType(item=item):
            slot = _list(item)
        case RecordType():
            inner = listed(type_.fields)
            slot = _opaque(f"a record; compare one of its fields: {inner}", dict)
        case MapType():
            slot = _opaque("a map; compare one of its entries by code", dict)
        case UnionType():
            slot = _opaque("one of several types", object)
        case _:
            assert_never(type_)
    return slot


def _list(item: FieldType) -> Slot:
    if isinstance(item, ScalarType) and item.kind != "bytes":
        return _elements(_scalar(item))
    if isinstance(item, RecordType) and {"value", "label"} == set(item.fields):
        return Slot("addresses", "a list of addresses", _address, _addresses, list, _FOLDED)
    return replace(_opaque("a list of records", list), kind="records")


def _opaque(what: str, python: type) -> Slot:
    return Slot("opaque", what, _refused, None, python)


@lru_cache(maxsize=_KEPT)
def _elements(item: Slot) -> Slot:
    each = item.normalise

    def normalise(values: list[Any]) -> tuple[Any, ...]:
        return tuple(values) if each is None else tuple(map(each, values))

    return Slot("elements", f"a list of {item.what}", item.operand, normalise, list, item)


@lru_cache(maxsize=_KEPT)
def _scalar(type_: ScalarType) -> Slot:
    if type_.kind == "enum":
        return Slot("enum", "an enum", _symbol(type_.symbols), None, str)
    return _SCALARS[type_.kind]


def nfc(value: str) -> str:
    """A text in Unicode's composed form: `é` is one thing, however it was typed."""
    return value if value.isascii() else unicodedata.normalize("NFC", value)


def _folded(value: str) -> str:
    return nfc(nfc(value).casefold())


def _addresses(values: list[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(_folded(each["value"]) for each in values)


def _from_float(value: float) -> Decimal | None:
    """What is not a number has no place in any order, and is unknown as null is."""
    return None if value != value else Decimal(repr(value))  # noqa: PLR0124 - NaN


def _as_uuid(value: object) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def _refused(value: object) -> Value:
    raise Mistyped(f"{found(value)}; there is nothing to compare it with")


def _text(value: object) -> str:
    if not isinstance(value, str):
        hint = f'; write "{value}" in quotes' if isinstance(value, int | float) else ""
        raise Mistyped(f"{found(value)}; a text is expected{hint}")
    return nfc(value)


def _folded_text(value: object) -> str:
    return _folded(_text(value))


def _address(value: object) -> str:
    text = _text(value)
    if not text.strip():
        raise Mistyped("found an empty text, which every address contains")
    return _folded(text)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Mistyped(f"{found(value)}; a whole number is expected")
    return value


def _decimal(value: object) -> Decimal:
    match value:
        case bool():
            pass
        case int():
            return Decimal(value)
        case float() if value == value and abs(value) != float("inf"):  # noqa: PLR0124 - NaN
            number = Decimal(repr(value))
            if len(number.as_tuple().digits) > _EXACT_DIGITS:
                raise Mistyped(f"{found(value)}, which may have been rounded; write it in quotes")
            return number
        case str() if _NUMBER.fullmatch(value):
            return Decimal(value)
    raise Mistyped(f"{found(value)}; a decimal number is expected, as 1000 or 99.95")


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise Mistyped(f"{found(value)}; true or false is expected")
    return value


def _date(value: object) -> date:
    expected = "a date as 2026-01-31 is expected"
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        at = " and this is a date with a time" if _is_datetime(value) else ""
        raise Mistyped(f"{found(value)}{at}; {expected}")
    return _parsed(date.fromisoformat, value, expected)


def _datetime(value: object) -> datetime:
    expected = "a date and time with its offset as 2026-01-31T09:00:00Z is expected"
    if not isinstance(value, str) or not _DATETIME.fullmatch(value):
        raise Mistyped(f"{found(value)}; {expected}")
    return _parsed(_instant, value.upper(), expected)


def _instant(value: str) -> datetime:
    """An instant in UTC, where the first and last days of the calendar may have no place."""
    return datetime.fromisoformat(value).astimezone(UTC)


def _is_datetime(value: object) -> bool:
    return isinstance(value, str) and _DATETIME.fullmatch(value) is not None


def _parsed(parse: Callable[[str], T], value: str, expected: str) -> T:
    try:
        return parse(value)
    except (ValueError, OverflowError):
        raise Mistyped(f"{found(value)}, which the calendar does not have; {expected}") from None


def _uuid(value: object) -> uuid.UUID:
    try:
        return uuid.UUID(str(value))
    except (ValueError, AttributeError, TypeError):
        raise Mistyped(f"{found(value)}; a UUID is expected") from None


def _symbol(symbols: tuple[str, ...]) -> Callable[[Any], str]:
    def operand(value: object) -> str:
        if value not in symbols:
            raise Mistyped(unknown("the value", value, symbols))
        return str(value)

    return operand


_SCALARS: Mapping[str, Slot] = {
    "text": Slot("text", "a text", _text, nfc, str),
    "int": Slot("number", "a whole number", _whole, None, int),
    "decimal": Slot("number", "a decimal number", _decimal, None, Decimal),
    "float": Slot("number", "a number", _decimal, _from_float, float),
    "bool": Slot("bool", "true or false", _bool, None, bool),
    "date": Slot("date", "a date", _date, None, date),
    "datetime": Slot("datetime", "a date and time", _datetime, None, datetime),
    "uuid": Slot("uuid", "a UUID", _uuid, _as_uuid, uuid.UUID),
    "bytes": _opaque("bytes", bytes),
}
_FOLDED = replace(_SCALARS["text"], operand=_folded_text, normalise=_folded)
