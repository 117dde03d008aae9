"""Regular expressions that match the bytes of values which nobody looks at, a run of fields at once.

Pure: no clock, no I/O.  One match goes past ten fields in the time in which Python's own steps go
past two.  What an expression matches is well formed, and ends where the match does; what it does not
match (a text of 64 bytes or more, a number of ten) may still be, and is left to those steps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from schemas.avro import Avro, Schema, resolved

#: Longer texts are not matched: each length is a branch of the expression.
_LONGEST = 63
#: A branch or symbol of a higher number takes two bytes.
_MOST = 64
#: Depth of records in records, unions counted.
_DEEPEST = 8
#: What the steps in Python would cost, in those of a text: a run of less is not worth a match.
_WORTH = 5
_SCALARS: Mapping[str, tuple[bytes, int]] = {
    "int": (rb"[\x80-\xff]{0,4}+[\x00-\x7f]", 1),
    "long": (rb"[\x80-\xff]{0,8}+[\x00-\x7f]", 3),
    "null": (b"", 0),
    "boolean": (rb"[\x00\x01]", 1),
    "float": (b".{4}", 0),
    "double": (b".{8}", 0),
}


def expression(fields: Sequence[Avro], named: Mapping[str, Schema]) -> re.Pattern[bytes] | None:
    """What matches values of these types one after the other; None: it would not pay, or cannot be.

    Args:
        named: The types that are referred to by name.
    """
    whole = _joined([pattern_of(each, named) for each in fields])
    if whole is None or whole[1] < _WORTH:
        return None
    return _compiled(whole[0])


@lru_cache(maxsize=64)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    """Compiling takes some milliseconds a text; the same runs come with many sets of fields."""
    return re.compile(pattern, re.DOTALL)


def pattern_of(
    schema: Avro, named: Mapping[str, Schema], depth: int = _DEEPEST
) -> tuple[bytes, int] | None:
    """The pattern of a value and its cost; None for one that has no bound or nests too deeply."""
    match resolved(schema, named):
        case _ if not depth:
            return None
        case list() as branches:
            return _union(branches, named, depth - 1)
        case {"type": "record", "fields": fields}:
            return _joined([pattern_of(field["type"], named, depth - 1) for field in fields])
        case {"type": "enum", "symbols": symbols} if len(symbols) <= _MOST:
            return b"[" + b"".join(map(_twice, range(len(symbols)))) + b"]", 1
        case {"type": "string" | "bytes"}:
            return _text(), 2
        case {"type": "fixed", "size": size}:
            return b".{%d}" % int(size), 0
        case {"type": str() as name}:
            return _SCALARS.get(name)
        case _:
            return None


def _joined(parts: Sequence[tuple[bytes, int] | None]) -> tuple[bytes, int] | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return b"".join(pattern for pattern, _ in known), sum(cost for _, cost in known)


def _union(
    branches: Sequence[Avro], named: Mapping[str, Schema], depth: int
) -> tuple[bytes, int] | None:
    """Each branch behind its number; atomic, for no two begin alike."""
    parts = [pattern_of(member, named, depth) for member in branches]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len(parts) > _MOST:
        return None
    ways = b"|".join(_twice(index) + pattern for index, (pattern, _) in enumerate(known))
    return b"(?>" + ways + b")", 1 + max((cost for _, cost in known), default=0)


@lru_cache(maxsize=1)
def _text() -> bytes:
    """A short text: for each length its byte and as many others."""
    ways = (_twice(size) + b".{%d}" % size for size in range(_LONGEST + 1))
    return b"(?>" + b"|".join(ways) + b")"


def _twice(number: int) -> bytes:
    """A small number that is not negative as the byte that says it."""
    return rb"\x%02x" % (2 * number)
