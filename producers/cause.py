"""What a request's headers say about a change: who, by what way, and what it follows from.

The same headers are on every delivery: a receiver that changes records on its account hands them
on as they came, and so continues the chain of workflow actions, which can then be ended.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from producers.change import MAX_HOPS, Origin, default_source, problem_with_hops
from schemas.errors import SchemaError
from schemas.headers import X_CAUSATION_ID, X_CHAIN, X_CORRELATION_ID, X_HOPS
from schemas.links import parse_chain, problem_with
from schemas.records import Source

ACTOR = "X-Actor"
SOURCE = "X-Source"

#: What programs state by values, as `Cause` has it.
_STATED = ("source", "actor", "correlation_id", "causation_id", "hops", "chain")

MAX_ACTOR = 255


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a change comes from, so that a chain of them can be followed and ended.

    Attributes:
        hops: How many workflow actions lie between the first cause and this change.
        chain: Those actions, oldest first, as far as they are known (`schemas.links`).
    """

    source: Source = "api"
    actor: str | None = None
    correlation_id: uuid.UUID | None = None
    causation_id: uuid.UUID | None = None
    hops: int = 0
    chain: tuple[str, ...] = ()

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
            chain=self.chain,
        )


def cause_of(headers: Mapping[str, str]) -> tuple[Cause | None, list[str]]:
    """The cause that headers name, or a sentence for each that cannot be read.

    Without `X-Source` a change that names its cause came by way of a workflow, any other by the
    API; without `X-Hops` the links of the chain are counted.

    Args:
        headers: Upper and lower case make no difference; of headers that repeat the first counts.
    """
    values, problems = _read(headers)
    return (None, problems) if problems else _completed(values)


def cause_from(about: Mapping[str, Any]) -> Cause:
    """The cause that a program states: by headers it was sent (`caused_by`), by values, or both.

    Args:
        about: As `producers.About`; what is stated by itself wins over the headers.

    Raises:
        SchemaError: Something cannot be read, or contradicts the rest.
    """
    headers = about.get("caused_by")
    values, problems = _read(headers) if headers else ({}, [])
    for name in _STATED:
        if (value := about.get(name)) is not None:
            values[name] = value
    if chain := values.get("chain"):
        values["chain"] = tuple(chain)
        if (problem := problem_with(values["chain"])) is not None:
            problems.append(f"chain {problem}")
    cause, more = (None, problems) if problems else _completed(values)
    if cause is None:
        raise SchemaError("; ".join(more))
    return cause


def _read(headers: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values that headers state, and what is wrong with the others."""
    given: dict[str, str] = {}
    for header, text in headers.items():
        given.setdefault(header.lower(), text)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for header, (name, read, expected) in _HEADERS.items():
        if (stated := given.get(header.lower())) is None:
            continue
        try:
            values[name] = read(stated)
        except ValueError as error:
            problems.append(_unreadable(header, stated, expected, error))
    return values, problems


def _completed(values: dict[str, Any]) -> tuple[Cause | None, list[str]]:
    """The cause with what follows from the rest of it."""
    chain: tuple[str, ...] = values.get("chain", ())
    values.setdefault("source", default_source(values.get("causation_id"), chain))
    values.setdefault("hops", len(chain))
    if (problem := problem_with_hops(values["hops"], chain)) is not None:
        return None, [f"{X_HOPS} {problem}"]
    return Cause(**values), []


def _unreadable(header: str, text: str, expected: str | None, error: ValueError) -> str:
    """One sentence about a header; chains say themselves what is wrong with them."""
    return f"{header} is {text[:80]!a}; expected {expected}" if expected else f"{header} {error}"


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


_HEADERS: Mapping[str, tuple[str, Callable[[str], object], str | None]] = {
    ACTOR: ("actor", _actor, f"1 to {MAX_ACTOR} printable characters in UTF-8"),
    SOURCE: ("source", _source, f"one of {', '.join(get_args(Source))}"),
    X_CORRELATION_ID: ("correlation_id", uuid.UUID, "a UUID"),
    X_CAUSATION_ID: ("causation_id", uuid.UUID, "a UUID"),
    X_HOPS: ("hops", _hops, f"a whole number from 0 to {MAX_HOPS}"),
    X_CHAIN: ("chain", parse_chain, None),
}
