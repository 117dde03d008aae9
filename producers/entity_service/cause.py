"""What a request's headers say about a change: who, by what way, and what it follows from.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from producers.change import Origin
from schemas.records import Source

ACTOR = "X-Actor"
SOURCE = "X-Source"
CORRELATION_ID = "X-Correlation-Id"
CAUSATION_ID = "X-Causation-Id"
HOPS = "X-Hops"

MAX_ACTOR = 255
MAX_HOPS = 10_000


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a change comes from, so that a chain of them can be followed and ended.

    Attributes:
        hops: How many workflow actions lie between the first cause and this change.
    """

    source: Source = "api"
    actor: str | None = None
    correlation_id: uuid.UUID | None = None
    causation_id: uuid.UUID | None = None
    hops: int = 0

    def origin(self, version: int, now: datetime) -> Origin:
        """The same for one version of a record."""
        return Origin(
            version=version,
            occurred_at=now,
            source=self.source,
            actor=self.actor,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            hops=self.hops,
        )


def cause_of(headers: Mapping[str, str]) -> tuple[Cause | None, list[str]]:
    """The cause that headers name, or a sentence for each that cannot be read."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for header, (name, read, expected) in _HEADERS.items():
        given = headers.get(header)
        if given is None:
            continue
        try:
            values[name] = read(given)
        except ValueError:
            problems.append(f"{header} is {given[:80]!a}; expected {expected}")
    return (None, problems) if problems else (Cause(**values), [])


def _actor(text: str) -> str:
    text.encode()  # half a surrogate is what bytes that are not UTF-8 became
    if not 0 < len(text) <= MAX_ACTOR or not text.isprintable():
        raise ValueError
    return text


def _source(text: str) -> str:
    if text not in get_args(Source):
        raise ValueError
    return text


def _hops(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:10]) <= MAX_HOPS):
        raise ValueError
    return int(text)


_HEADERS: Mapping[str, tuple[str, Callable[[str], object], str]] = {
    ACTOR: ("actor", _actor, f"1 to {MAX_ACTOR} printable characters in UTF-8"),
    SOURCE: ("source", _source, f"one of {', '.join(get_args(Source))}"),
    CORRELATION_ID: ("correlation_id", uuid.UUID, "a UUID"),
    CAUSATION_ID: ("causation_id", uuid.UUID, "a UUID"),
    HOPS: ("hops", _hops, f"a whole number from 0 to {MAX_HOPS}"),
}
