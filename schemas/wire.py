"""The pieces that compiled readers and writers call: numbers, instants, decimals, ids as bytes.

Pure: no clock, no I/O.  Avro 1.12, "Binary Encoding"; numbers are zig-zag, then 7 bits a byte.
Each of these refuses what no writer produces; the bounds keep a corrupt length from costing
more than the record has bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID, SafeUUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = EPOCH.toordinal()
#: Wide enough for every decimal a schema may name; nothing is ever rounded in it.
EXACT = Context(prec=200)
#: The largest byte that does not say that another one follows.
_SEVEN = 127
_LONGEST_SHIFT = 63
#: Numbers below these take so many bytes: lengths of texts, days since the epoch.
_TWO_BYTES, _THREE_BYTES = 1 << 14, 1 << 21
_SHORT = tuple(bytes((first,)) for first in range(_SEVEN + 1))
#: Present-day instants in microseconds take 8 bytes of 7 bits: the fast path for them.
_EIGHT = 0x0080808080808080
_CONTINUED = 0x8080808080808080
#: The years that a datetime can say, in microseconds since the epoch.
_FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_UUID_BYTES = 16
_UNKNOWN = SafeUUID.unknown
_set = object.__setattr__


class MisfitError(ValueError):
    """A value that does not fit; the message says why, the caller adds where."""


def rest(b: bytes, p: int, n: int) -> tuple[int, int]:
    """The unsigned number whose first byte was `n`, above 127; and where it ends."""
    n &= 127
    shift = 7
    while True:
        c = b[p]
        p += 1
        n |= (c & 127) << shift
        if c <= _SEVEN:
            break
        shift += 7
        if shift > _LONGEST_SHIFT:
            message = "a number goes on for more than 10 bytes"
            raise MisfitError(message)
    if n >> 64:
        message = "a number has more than 64 bits"
        raise MisfitError(message)
    return n, p


def length(b: bytes, p: int, n: int) -> tuple[int, int]:
    """Twice the length whose first byte was `n`, odd or above 127; and where it ends."""
    if n > _SEVEN:
        n, p = rest(b, p, n)
    if n & 1:
        message = f"a length of {-(n + 1) // 2}"
        raise MisfitError(message)
    return n, p


def text(b: bytes, p: int) -> tuple[str, int]:
    """A string of any length, and where it ends."""
    n, p = length(b, p + 1, b[p])
    e = p + (n >> 1)
    return b[p:e].decode(), e


def count(b: bytes, p: int) -> tuple[int, int]:
    """How many items the next block has, and where they begin."""
    n = b[p]
    p += 1
    if n > _SEVEN:
        n, p = rest(b, p, n)
    if n & 1:  # negative: the block's size in bytes follows
        n = (n + 1) // 2
        size = b[p]
        p += 1
        if size & 129:
            size, p = length(b, p, size)
    else:
        n >>= 1
    if n > len(b) - p:
        message = f"a block of {n} items in {len(b) - p} bytes"
        raise MisfitError(message)
    return n, p


def signed(n: int) -> int:
    """Undo the zig-zag."""
    return (n >> 1) ^ -(n & 1)


def whole(n: int, bits: int) -> int:
    """Undo the zig-zag of a number that must fit."""
    if n >> bits:
        message = f"a number has more than {bits} bits"
        raise MisfitError(message)
    return (n >> 1) ^ -(n & 1)


@lru_cache(4096)
def _instant8(raw: bytes) -> datetime:
    """The instant in 8 bytes that form one number: their 7-bit groups are closed up in 3 steps."""
    x = int.from_bytes(raw, "little") & ~_CONTINUED
    x = (x & 0x007F007F007F007F) | ((x & 0x7F007F007F007F00) >> 1)
    x = (x & 0x00003FFF00003FFF) | ((x & 0x3FFF00003FFF0000) >> 2)
    x = (x & 0x000000000FFFFFFF) | ((x & 0x0FFFFFFF00000000) >> 4)
    return EPOCH + timedelta(0, 0, (x >> 1) ^ -(x & 1))


def instant(b: bytes, p: int) -> tuple[datetime, int]:
    """A timestamp in microseconds, and where it ends."""
    raw = b[p : p + 8]
    if int.from_bytes(raw, "little") & _CONTINUED == _EIGHT:
        return _instant8(raw), p + 8
    n = b[p]
    p += 1
    if n > _SEVEN:
        n, p = rest(b, p, n)
    return EPOCH + timedelta(0, 0, (n >> 1) ^ -(n & 1)), p


@lru_cache(1024)
def day(n: int) -> date:
    """The date so many days (zig-zag) from the epoch."""
    return date.fromordinal(whole(n, 32) + EPOCH_ORDINAL)


@lru_cache(4096)
def decimal(raw: bytes, precision: int, scale: int) -> Decimal:
    """A decimal from its unscaled bytes."""
    n = int.from_bytes(raw, "big", signed=True)
    if not -(10**precision) < n < 10**precision:
        message = f"a decimal of more than {precision} digits"
        raise MisfitError(message)
    return Decimal(n).scaleb(-scale, EXACT)


@lru_cache(256)
def uuid_of(raw: bytes) -> UUID:
    """A UUID from its 36 characters; an event's id is often also what it correlates with."""
    value = bytes.fromhex(raw.decode("ascii").replace("-", ""))
    if len(value) != _UUID_BYTES:
        message = "a UUID has 32 hexadecimal digits and 4 dashes"
        raise MisfitError(message)
    made = UUID.__new__(UUID)  # past a constructor that would parse the text again, at 2 µs each
    _set(made, "int", int.from_bytes(value))
    _set(made, "is_safe", _UNKNOWN)
    return made


def number(v: int) -> bytes:
    """A whole number as zig-zag, 7 bits a byte."""
    z = (v << 1) ^ (v >> 63)
    if z < _TWO_BYTES:
        return _SHORT[z] if z <= _SEVEN else bytes((z & 127 | 128, z >> 7))
    if z < _THREE_BYTES:
        return bytes((z & 127 | 128, z >> 7 & 127 | 128, z >> 14))
    out = bytearray()
    while z > _SEVEN:
        out.append(z & 127 | 128)
        z >>= 7
    out.append(z)
    return bytes(out)


@lru_cache(1024)
def days(ordinal: int) -> bytes:
    """A date as bytes, from its ordinal; most lie within a few years."""
    return number(ordinal - EPOCH_ORDINAL)


def micros(v: datetime) -> bytes:
    """An instant as bytes: present-day ones take 8, whose 7 bits each are spread in 3 steps.

    None is remembered: that would cost as much again, and most come once.
    """
    if v.tzinfo is not UTC and v.utcoffset() is None:
        message = "is a datetime without an offset from UTC; give an aware one"
        raise MisfitError(message)
    since = v - EPOCH
    n = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    z = (n << 1) ^ (n >> 63)
    if not 1 << 49 <= z < 1 << 56:
        if not _FIRST <= n <= _LAST:
            message = "is before the year 1 or after 9999 in UTC"
            raise MisfitError(message)
        return number(n)
    z = (z & 0x0FFFFFFF) | ((z & 0x00FFFFFFF0000000) << 4)
    z = (z & 0x00003FFF00003FFF) | ((z & 0x0FFFC0000FFFC000) << 2)
    z = (z & 0x007F007F007F007F) | ((z & 0x3F803F803F803F80) << 1)
    return (z | _EIGHT).to_bytes(8, "little")


def fitting(v: Decimal | int, precision: int, scale: int) -> Decimal:
    """The same decimal with exactly `scale` digits after the point."""
    n = int(EXACT.scaleb(Decimal(v), scale))
    made = Decimal(n).scaleb(-scale, EXACT)
    if made != v:
        message = f"has more than {scale} digits after the point"
        raise MisfitError(message)
    if not -(10**precision) < n < 10**precision:
        message = f"has more than {precision - scale} digits before the point"
        raise MisfitError(message)
    return made


def unscaled(v: Decimal | int, precision: int, scale: int) -> bytes:
    """A decimal's unscaled bytes, their length in front."""
    try:
        return _unscaled(v, precision, scale)
    except TypeError as error:  # a signaling NaN has no hash
        message = f"is {v}; expected a finite decimal"
        raise MisfitError(message) from error


@lru_cache(4096)
def _unscaled(v: Decimal | int, precision: int, scale: int) -> bytes:
    """The same of a decimal that has a hash."""
    if not Decimal(v).is_finite():
        message = f"is {v}; expected a finite decimal"
        raise MisfitError(message)
    n = int(EXACT.scaleb(fitting(v, precision, scale), scale))
    raw = n.to_bytes((n.bit_length() + 8) // 8, "big", signed=True)
    return number(len(raw)) + raw


def uuid_text(v: UUID) -> bytes:
    """A UUID's 36 characters."""
    return _uuid_text(v.int)


@lru_cache(4096)
def _uuid_text(n: int) -> bytes:
    """An event's id comes three times: as itself, as what it correlates with, and in a header."""
    h = f"{n:032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}".encode()


def complete(
    given: Mapping[str, Any], known: tuple[str, ...], defaults: Mapping[str, Any]
) -> Mapping[str, Any]:
    """A record with the defaults of what was left out; refuses what is unknown or missing."""
    unknown = [repr(name) for name in given if name not in known]
    if unknown:
        message = f"{', '.join(unknown)} is no field here; the fields are {', '.join(known)}"
        raise MisfitError(message)
    missing = [name for name in known if name not in given and name not in defaults]
    if missing:
        message = f"{', '.join(missing)} is missing"
        raise MisfitError(message)
    return {**defaults, **given}
