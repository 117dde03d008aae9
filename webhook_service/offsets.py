"""What a partition's group commits: the first unfinished offset, and a map of those finished above it.

Pure.  The map goes into the commit's metadata, so that after a crash only what is really unfinished
is sent again.  It is a bitmap, compressed: zlib, then Base64, at most 4,096 bytes by the broker's
limit.  If it would not fit, the map covers less; what it leaves out would be repeated, never lost.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Final

LIMIT: Final = 4_096
#: At this size of the map, or this many offsets under it, nothing more should be received: 1,000
#: more offsets need at most 170 bytes, so what arrives until then still fits.
CROWDED_BYTES: Final = 2_560
CROWDED_SPAN: Final = 60_000
_MARK: Final = "z1:"


class Progress:
    """How far one partition has come."""

    def __init__(self, offset: int | None, metadata: str = "") -> None:
        """Start from what was committed; None if nothing was."""
        self._before = decode(offset, metadata) if offset is not None else frozenset()
        self._before_end = max(self._before, default=-1) + 1
        self._open: list[int] = []
        self._done: set[int] = set()
        self._end = offset
        self._changed = False
        self._bytes = 0

    @property
    def end(self) -> int | None:
        """The offset after the last one received; None before anything is known."""
        return self._end

    @property
    def crowded(self) -> bool:
        """Whether nothing more should be received until the first unfinished one is finished."""
        if not self._open or self._end is None:
            return False
        return self._bytes >= CROWDED_BYTES or self._end - self._open[0] >= CROWDED_SPAN

    def receive(self, offset: int) -> bool:
        """Note that a record came; False if it was finished before a crash: leave it alone."""
        self._end = offset + 1
        if offset < self._before_end and offset in self._before:
            self._changed = True
            return False
        self._open.append(offset)
        return True

    def finish(self, offset: int) -> None:
        """Note that a received record is finished."""
        self._done.add(offset)
        self._changed = True

    def was_finished(self, offset: int) -> bool:
        """Whether the committed map says that this offset is finished."""
        return offset in self._before

    def position(self) -> tuple[int, str] | None:
        """What to commit now, offset and metadata; None if nothing changed since `committed`."""
        if not self._changed or self._end is None:
            return None
        if self._done:
            self._open = [offset for offset in self._open if offset not in self._done]
            self._done.clear()
        first = self._open[0] if self._open else self._end
        carried = self._before if self._before_end > self._end else frozenset()
        metadata = ""
        if carried or self._end - first != len(self._open):
            metadata = encode(first, self._end, self._open, carried)
        self._bytes = len(metadata)
        return first, metadata

    def committed(self) -> None:
        """The position was committed; until something finishes there is nothing to commit."""
        self._changed = bool(self._done)


def encode(
    offset: int, end: int, unfinished: Sequence[int], carried: frozenset[int] = frozenset()
) -> str:
    """The metadata for a position.

    Args:
        offset: The position: the first unfinished offset.
        end: The offset after the last one received; from there on nothing is finished but `carried`.
        unfinished: The offsets between that are not finished, rising.
        carried: Finished ones beyond `end`, known from an earlier commit.
    """
    span = max(end, max(carried, default=-1) + 1) - offset
    while span > 0:
        bits = _bitmap(offset, min(end - offset, span), span, unfinished, carried)
        if not any(bits):
            return ""
        text = _MARK + base64.b64encode(zlib.compress(bits, 6)).decode()
        if len(text) <= LIMIT:
            return text
        span //= 2
    return ""


def _bitmap(
    offset: int, received: int, span: int, unfinished: Sequence[int], carried: frozenset[int]
) -> bytes:
    """One bit an offset, lowest first: set for what is received and finished, or carried."""
    whole = (1 << max(received, 0)) - 1
    bits = bytearray(whole.to_bytes((span + 7) >> 3, "little"))
    for each in unfinished:
        place = each - offset
        if place < span:
            bits[place >> 3] &= ~(1 << (place & 7)) & 0xFF
    for each in carried:
        place = each - offset
        if 0 <= place < span:
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def decode(offset: int, metadata: str) -> frozenset[int]:
    """The finished offsets that a commit's metadata names; none if it is not ours or is damaged."""
    if not metadata.startswith(_MARK):
        return frozenset()
    try:
        data = base64.b64decode(metadata.removeprefix(_MARK), validate=True)
        unpacker = zlib.decompressobj()
        bits = unpacker.decompress(data, 1 << 20)
    except (binascii.Error, ValueError, zlib.error):
        return frozenset()
    return frozenset(
        offset + (place << 3) + bit
        for place, byte in enumerate(bits)
        if byte
        for bit in range(8)
        if byte >> bit & 1
    )
