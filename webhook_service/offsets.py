"""What a partition's group commits: the first unfinished offset, and a map of those finished above it.

Pure.  The map goes into the commit's metadata, so that after a crash only what is really unfinished
is sent again.  `webhook_service.offset_map` writes it; here is what it is made of, and when nothing
more may be received because the map might not fit any more.
"""

from __future__ import annotations

from typing import Final

from webhook_service.offset_map import LIMIT, NOTHING, decode, encode, worst_bytes

#: Offsets from the first unfinished one on.  After a crash all of these are received again, those
#: that are finished only to be passed over: 250,000 take some seconds.
LONGEST_SPAN: Final = 250_000
#: Where there is room for so many more, receiving goes on.
ROOM: Final = 250


class Progress:
    """How far one partition has come."""

    def __init__(self, offset: int | None, metadata: str = "") -> None:
        """Start from what was committed; None if nothing was."""
        self._before = NOTHING if offset is None else decode(offset, metadata)
        self._open: list[int] = []
        self._done: set[int] = set()
        self._end = offset
        self._changed = False

    @property
    def end(self) -> int | None:
        """The offset after the last one received; None before anything is known."""
        return self._end

    @property
    def crowded(self) -> bool:
        """Whether nothing more should be received until some are finished."""
        return self._end is not None and not self._fits(self._end + ROOM, ROOM)

    def has_room(self, offset: int) -> bool:
        """Whether the map is certain to fit once this one is received, whichever finish first."""
        return self._fits(offset + 1, 1)

    def _fits(self, end: int, more: int) -> bool:
        if end <= self._before.end:
            return True  # what the map before had room for
        span = end - (self._open[0] if self._open else end - more)
        unfinished = len(self._open) - len(self._done) + more
        return span <= LONGEST_SPAN and worst_bytes(span, unfinished) <= LIMIT

    def receive(self, offset: int) -> bool:
        """Note that a record came; False if it was finished before a crash: leave it alone."""
        self._end = offset + 1
        if offset in self._before:
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
        return first, encode(first, self._end, self._open, self._before)

    def committed(self) -> None:
        """The position was committed; until something finishes there is nothing to commit."""
        self._changed = bool(self._done)
