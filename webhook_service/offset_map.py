"""The map of finished offsets as a commit's metadata: at most 4,095 bytes, for the broker's limit.

Pure.  It is written in the shorter of two ways: as the lengths of the runs of unfinished and finished
offsets in turn, which suits few unfinished ones however far apart, or as one bit an offset, which
suits many that are close together.  `worst_bytes` says how long it can become at most, so that
whoever receives stops before it would not fit.  If it ever did not, it would cover less; what it
leaves out would be repeated, never lost.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

LIMIT: Final = 4_095
#: The forms: runs or bits, as they are or compressed.
_RUNS, _RUNS_PACKED, _BITS, _BITS_PACKED = "r1:", "rz:", "b1:", "z1:"
#: Runs that are longer are written as bits as well, to see which is shorter.
_SHORT: Final = 1_024
#: What is unpacked of damaged metadata at most.
_MOST: Final = 1 << 16


class Finished:
    """The finished offsets that a map names.

    Attributes:
        end: From there on it names none.
    """

    __slots__ = ("_edges", "end")

    def __init__(self, edges: Sequence[int]) -> None:
        """Take the map in.

        Args:
            edges: Where a run of unfinished offsets begins, then of finished ones, and so on,
                rising; the last is the end of the last run of finished ones.
        """
        self._edges = edges
        self.end = edges[-1] if edges else 0

    def __contains__(self, offset: int) -> bool:
        """Whether it names this offset."""
        place = bisect_right(self._edges, offset)
        return place > 0 and place % 2 == 0

    def edges_from(self, offset: int) -> Sequence[int]:
        """Its runs from an offset on, beginning with unfinished ones (perhaps none)."""
        if offset >= self.end:
            return ()
        place = bisect_right(self._edges, offset)
        start = (offset,) if place % 2 else (offset, offset)
        return (*start, *self._edges[place:])


def _pairs(edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of unfinished offsets."""
    return zip(edges[0::2], edges[1::2], strict=False)


NOTHING: Final = Finished(())


def encode(offset: int, end: int, unfinished: Sequence[int], carried: Finished = NOTHING) -> str:
    """The metadata for a position.

    Args:
        offset: The position: the first unfinished offset.
        end: The offset after the last one received; from there on nothing is finished but `carried`.
        unfinished: The offsets between that are not finished, rising.
        carried: Known from an earlier commit; counts from `end` on.
    """
    edges = _edges_of(offset, end, unfinished, carried)
    text = _text_of(edges)
    while len(text) > LIMIT:
        edges = edges[: len(edges) // 4 * 2 + 1]
        text = _text_of(edges)
    return text


def _edges_of(offset: int, end: int, unfinished: Sequence[int], carried: Finished) -> list[int]:
    """The runs, as `Finished` takes them."""
    edges = [offset]
    stop = offset
    for each in unfinished:
        if each != stop:
            edges += (stop, each)
        stop = each + 1
    ahead = carried.edges_from(end)
    if ahead and stop == end:
        edges += ahead[1:]
    elif ahead:
        edges += (stop, *ahead)
    else:
        edges += (stop, end)
    return _without_empty(edges)


def _without_empty(edges: list[int]) -> list[int]:
    """Runs that touch made one, and no unfinished run at the end."""
    kept = edges[:1]
    for edge in edges[1:]:
        if len(kept) > 1 and kept[-1] == edge:
            kept.pop()
        else:
            kept.append(edge)
    return kept if len(kept) % 2 else kept[:-1]


def _text_of(edges: Sequence[int]) -> str:
    """The shorter way to write it; nothing if nothing is finished."""
    if len(edges) < 3:  # noqa: PLR2004 - begin, end of the unfinished, end of the finished
        return ""
    lengths = [stop - start for start, stop in pairwise(edges)]
    text = _packed(_varints(lengths), _RUNS, _RUNS_PACKED)
    return text if len(text) <= _SHORT else min(text, _bits_text(edges), key=len)


def _bits_text(edges: Sequence[int]) -> str:
    first, end = edges[0], edges[-1]
    bits = (1 << (end - first)) - 1
    for start, stop in _pairs(edges):
        bits ^= ((1 << (stop - start)) - 1) << (start - first)
    return _packed(bits.to_bytes((end - first + 7) >> 3, "little"), _BITS, _BITS_PACKED)


def _packed(data: bytes, plain: str, packed: str) -> str:
    """As Base64, compressed if that is shorter."""
    short = zlib.compress(data, 6)
    mark, data = (packed, short) if len(short) < len(data) else (plain, data)
    return mark + base64.b64encode(data).decode()


def _varints(numbers: Sequence[int]) -> bytes:
    """Each number in groups of seven bits, lowest first; all but the last group are marked."""
    data = bytearray()
    for number in numbers:
        left = number
        while left > 0x7F:  # noqa: PLR2004 - seven bits
            data.append(left & 0x7F | 0x80)
            left >>= 7
        data.append(left)
    return bytes(data)


def worst_bytes(span: int, unfinished: int) -> int:
    """How long the metadata can be at most.

    Args:
        span: Offsets from the position on that it covers.
        unfinished: How many of them are not finished; never more while nothing is received.
    """
    # Each unfinished offset is at most one run, with a finished one behind it.  A length takes one
    # byte, and one more for each 7 bits; since all of them together are the span, only so many can.
    runs = 2 * min(unfinished, (span + 1) // 2) + sum(span >> 7 * more for more in range(1, 5))
    bits = _text_bytes((span + 7) >> 3)
    # What is short as runs is not tried as bits.
    return min(_text_bytes(runs), max(bits, _SHORT))


def _text_bytes(count: int) -> int:
    """How long a text of so many bytes is."""
    return len(_RUNS) + (count + 2) // 3 * 4


def decode(offset: int, metadata: str) -> Finished:
    """The map in a commit's metadata; an empty one if it is not ours or is damaged."""
    mark = metadata[: len(_RUNS)]
    try:
        data = base64.b64decode(metadata[len(_RUNS) :], validate=True)
        if mark in {_RUNS_PACKED, _BITS_PACKED}:
            data = zlib.decompressobj().decompress(data, _MOST)
    except (binascii.Error, ValueError, zlib.error):
        return NOTHING
    if mark in {_RUNS, _RUNS_PACKED}:
        return _from_runs(offset, data)
    return _from_bits(offset, data) if mark in {_BITS, _BITS_PACKED} else NOTHING


def _from_runs(offset: int, data: bytes) -> Finished:
    edges, number, shift = [offset], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last group of a number
            edges.append(edges[-1] + number)
            number = shift = 0
    return Finished(edges) if len(edges) % 2 and len(edges) > 1 else NOTHING


def _from_bits(offset: int, data: bytes) -> Finished:
    text = "".join(f"{byte:08b}"[::-1] for byte in data).rstrip("0")
    if not text:
        return NOTHING
    edges, place, wanted = [offset], 0, "1"
    while (place := text.find(wanted, place)) >= 0:
        edges.append(offset + place)
        wanted = "0" if wanted == "1" else "1"
    return Finished([*edges, offset + len(text)])
