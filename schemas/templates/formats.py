"""How dates, instants and numbers are written for people: codes as in strftime, the same everywhere.

Pure.  Names of days and months are English whatever the machine's locale; a format is read once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from schemas.wording import listed, shown

Written = Callable[[Any], str]

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
NAMED: Final[Mapping[str, str]] = {
    "iso": "%Y-%m-%d",
    "rfc2822": "%a, %d %b %Y %H:%M:%S %z",
    "rfc3339": "%Y-%m-%dT%H:%M:%S%:z",
}
_CODE: Final = re.compile(r"%(:z|-?.)", re.DOTALL)
#: As many digits as the largest value that any number can have, and more.
_EXACT: Final = Context(prec=400)


def _offset(colon: str) -> Callable[[datetime], str]:
    def written(value: datetime) -> str:
        text = f"{value:%z}"[:5]
        return f"{text[:3]}{colon}{text[3:]}"

    return written


_OF_DAYS: Final[Mapping[str, Callable[[date], str]]] = {
    "Y": lambda day: f"{day.year:04}",
    "y": lambda day: f"{day.year % 100:02}",
    "m": lambda day: f"{day.month:02}",
    "-m": lambda day: str(day.month),
    "d": lambda day: f"{day.day:02}",
    "-d": lambda day: str(day.day),
    "j": lambda day: f"{day.timetuple().tm_yday:03}",
    "V": lambda day: f"{day.isocalendar().week:02}",
    "B": lambda day: _MONTHS[day.month - 1],
    "b": lambda day: _MONTHS[day.month - 1][:3],
    "A": lambda day: _DAYS[day.weekday()],
    "a": lambda day: _DAYS[day.weekday()][:3],
}
_OF_INSTANTS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "H": lambda at: f"{at.hour:02}",
    "-H": lambda at: str(at.hour),
    "I": lambda at: f"{(at.hour + 11) % 12 + 1:02}",
    "-I": lambda at: str((at.hour + 11) % 12 + 1),
    "M": lambda at: f"{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "f": lambda at: f"{at.microsecond:06}",
    "p": lambda at: "AM" if at.hour < 12 else "PM",  # noqa: PLR2004 - noon
    "z": _offset(""),
    ":z": _offset(":"),
    "Z": lambda at: at.tzname() or "",
}


def date_format(format: str, *, time: bool) -> Written | str:
    """Writes a date (or an instant, if `time`) in a format; or what is wrong with the format."""
    codes = {**_OF_DAYS, **(_OF_INSTANTS if time else {})}
    pieces: list[Written] = []
    at, text = 0, NAMED.get(format, format)
    for found in _CODE.finditer(text):
        code = found[1]
        if code != "%" and code not in codes:
            return _unknown_code(code, codes)
        pieces += [_constant(text[at : found.start()])]
        pieces += [_constant("%") if code == "%" else codes[code]]
        at = found.end()
    if not pieces:
        return (
            f"the format {shown(format)} has no code such as %Y, and is not one of {listed(NAMED)}"
        )
    if text[at:].endswith("%"):
        return f'the format {shown(format)} ends with "%"; the sign itself is written %%'
    pieces += [_constant(text[at:])]
    return lambda value: "".join([piece(value) for piece in pieces])


def _unknown_code(code: str, codes: Mapping[str, object]) -> str:
    if code in _OF_INSTANTS:
        return f"a date has no time of day, so there is no %{code}"
    return f"the code %{code} is unknown; there is {' '.join(f'%{each}' for each in codes)} %%"


def _constant(text: str) -> Written:
    return lambda _: text


def rounded(value: Decimal | float, places: int) -> Decimal:
    """The number with exactly so many digits after the point; a half goes away from zero.

    What is rounded to zero has no sign.
    """
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        return number
    near = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _EXACT)
    return near or near.copy_abs()


def with_signs(value: Decimal, point: str, thousands: str) -> str:
    """A number with another decimal point, and thousands apart: `1.234,50`."""
    grouped = f"{value:,f}" if value.is_finite() else str(value)
    return grouped.translate({ord(","): thousands, ord("."): point})
