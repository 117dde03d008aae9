"""Durations as people write them: `500ms`, `15s`, `1h30m`.

Pure.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_DURATION: Final = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNITS: Final = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def parse_duration(text: str) -> timedelta:
    """`500ms`, `15s`, `5m`, `2h`, `1d` or several of them, largest first: `1h30m`.

    Raises:
        ValueError: It is none of these.
    """
    parts = _DURATION.findall(text)
    units = [unit for _, unit in parts]
    ordered = sorted(set(units), key=list(_UNITS).index)
    if not parts or "".join(number + unit for number, unit in parts) != text or units != ordered:
        raise ValueError(f"{text!r} is not a duration such as 500ms, 15s, 5m, 2h or 1d")
    try:
        return sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())
    except OverflowError:
        raise ValueError(f"{text!r} is too long a duration") from None


def duration_text(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads as this value: `1h30m`."""
    text, rest = "", value
    for unit, size in _UNITS.items():
        number, rest = divmod(rest, size)
        if number:
            text += f"{number}{unit}"
    return text or "0s"
