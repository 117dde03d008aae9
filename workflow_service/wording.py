"""How problems are worded: what was found, what is allowed, what was probably meant.

Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

#: Longer values are cut in messages.
SHOWN = 80
#: Longer lists of what is allowed are cut, after the nearest name was suggested.
LISTED = 20


def listed(names: Iterable[str]) -> str:
    """Names in a row: `a, b, c`."""
    known = list(names)
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return ", ".join(known[:LISTED]) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean x?)`, or nothing when no name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """One sentence about a name that does not exist."""
    names = list(known)
    return f"{what} {shown(name)} is unknown{nearest(str(name), names)}; there is {listed(names)}"


def found(value: Any) -> str:
    """What was found, with its type, for a value that should have been something else."""
    match value:
        case None:
            return "found nothing (null)"
        case bool():
            return f"found {'true' if value else 'false'}"
        case int() | float() | Decimal():
            return f"found the number {value}"
        case str():
            return f"found the text {shown(value)}"
        case list() | tuple():
            return f"found a list of {len(value)}"
        case dict():
            return f"found a mapping with {listed(map(str, value)) or 'nothing in it'}"
        case _:
            return f"found {shown(value)}"


def shown(value: Any) -> str:
    """A value as people read it, cut to a bearable length."""
    text = _plain(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _plain(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list() | tuple() | frozenset():
            return "[" + ", ".join(map(_plain, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)
