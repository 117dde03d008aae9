"""What can come of a request for a record, each as a value.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from producers.entity_service.entity import Record
from schemas.json_form import JsonProblem

#: Kafka takes 1 MiB a record by default; 48 KiB of it are left to headers and framing.
MAX_EVENT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it is now."""

    record_id: str
    version: int
    record: Record


@dataclass(frozen=True, slots=True)
class Changed:
    """A change that is committed, and its event with it.

    Attributes:
        record: None after a deletion.
    """

    record_id: str
    version: int
    record: Record | None
    event_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such record."""


@dataclass(frozen=True, slots=True)
class Exists:
    """There is a record with this id already."""

    record_id: str


@dataclass(frozen=True, slots=True)
class Stale:
    """The caller has not seen the record's present version."""

    version: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """What was asked for does not fit the schema."""

    problems: tuple[JsonProblem, ...]


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The event would not fit into a record of Kafka."""

    event_bytes: int
