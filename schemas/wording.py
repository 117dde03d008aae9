"""How problems are worded: what was found, what is allowed, what was probably meant.

Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

#: Longer values are cut in messages.
SHOWN = 80
#: Longer lists of what is allowed are cut, after the nearest name was suggested.
LISTED = 20
#: Longer whole numbers are not written out.
_BITS = 4_000
#: What lies deeper is not written out: it would be cut anyway, and may lie deeper than Python calls.
_DEPTH = 20


def listed(names: Iterable[str]) -> str:
    """Names in a row: `a, b, c`."""
    known = list(names)
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return ", ".join(known[:LISTED]) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean x?)`, or nothing when no name is near; nobody's slip is very long."""
    if len(name) > SHOWN:
        return ""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """One sentence about a name that does not exist."""
    names = list(known)
    said = name if isinstance(name, str) else _plain(name)
    return f"{what} {shown(name)} is unknown{nearest(said, names)}; there is {listed(names)}"


def found(value: object) -> str:
    """What was found, with its type, for a value that should have been something else."""
    match value:
        case None:
            what = "nothing (null)"
        case bool():
            what = "true" if value else "false"
        case int() | float() | Decimal():
            what = f"the number {_digits(value)}"
        case str():
            what = f"the text {shown(value)}"
        case list() | tuple():
            what = f"a list of {len(value)}"
        case dict():
            what = f"a mapping with {listed(map(str, value)) or 'nothing in it'}"
        case _:
            what = shown(value)
    return f"found {what}"


def shown(value: object) -> str:
    """A value as people read it, cut to a bearable length."""
    text = _plain(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _digits(value: float | Decimal) -> str:
    """A number; Python refuses to write out a very long one."""
    if isinstance(value, int) and value.bit_length() > _BITS:
        return f"of about {value.bit_length() * 3 // 10} digits"
    return str(value)


def _plain(value: object, depth: int = _DEPTH) -> str:
    """A value in full, but for what lies too deep."""
    if depth == 0:
        return "…"
    if isinstance(value, list | tuple | frozenset):
        return f"[{', '.join(_plain(item, depth - 1) for item in value)}]"
    if isinstance(value, dict):
        items = (f"{key}: {_plain(item, depth - 1)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    for types, written in _WRITTEN:
        if isinstance(value, types):
            return written(value)
    return str(value)


#: How values of each type are written; the first row that fits counts.
_WRITTEN: tuple[tuple[tuple[type, ...], Callable[[Any], str]], ...] = (
    ((type(None),), lambda _: "null"),
    ((bool,), lambda value: "true" if value else "false"),
    ((str,), lambda value: f'"{value}"'),
    ((int,), _digits),
    ((Decimal,), lambda value: format(value, "f")),
    ((datetime,), lambda value: value.isoformat().replace("+00:00", "Z")),
    ((date,), lambda value: value.isoformat()),
)
