"""An event of which only what somebody asked for has been read; its head is, when it is looked at.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, cast

from schemas.records import Event

#: Reads a head from bytes, beginning at an index.
ReadHead = Callable[[bytes, int], Mapping[str, Any]]


class Glimpse(Event):
    """An `Event` in every respect; what is left out at first are ids, version, instant and actor.

    Attributes:
        head: What reads them, of which bytes and from where; known to succeed.
    """

    __slots__ = ("head",)

    head: tuple[ReadHead, bytes, int]

    def __getattr__(self, name: str) -> Any:
        """What was left out: asked for here only as long as its place is empty."""
        if name not in PUT:
            raise AttributeError(name)
        read, data, start = self.head
        values = read(data, start)
        for field, value in values.items():
            PUT[field](self, value)
        return values[name]

    def __eq__(self, other: object) -> bool:
        """As events compare: how one was read is no part of it."""
        if not isinstance(other, Event):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in PUT)

    __hash__ = Event.__hash__


def put(of: type, name: str) -> Callable[[object, Any], None]:
    """What sets a field of a frozen record of slots, past its own refusal to be changed."""
    return cast("Callable[[object, Any], None]", getattr(of, name).__set__)


#: What sets each field of an event, in order.
PUT = {each.name: put(Event, each.name) for each in fields(Event)}
