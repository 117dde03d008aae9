"""What follows from an event: its CloudEvents headers, and which fields changed.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from schemas import headers
from schemas.records import Event
from schemas.wire import uuid_text


def event_headers(event: Event, source_uri: str) -> tuple[tuple[str, bytes], ...]:
    """The record headers of an event: CloudEvents 1.0, Kafka binding, binary mode.

    Args:
        source_uri: `ce_source`: the service that publishes, as a URI reference.
    """
    return (
        _CONTENT_TYPE,
        _SPECVERSION,
        (headers.CE_ID, uuid_text(event.event_id)),
        _source_header(source_uri),
        _type_header(event.entity, event.operation),
        (headers.CE_TIME, _utc_text(event.occurred_at)),
        (headers.CE_SUBJECT, event.entity_id.encode()),
    )


_CONTENT_TYPE = (headers.CONTENT_TYPE, headers.AVRO)
_SPECVERSION = (headers.CE_SPECVERSION, b"1.0")


@lru_cache(256)
def _source_header(source_uri: str) -> tuple[str, bytes]:
    """The publisher, of which a process has one."""
    return headers.CE_SOURCE, source_uri.encode()


@lru_cache(256)
def _type_header(entity: str, operation: str) -> tuple[str, bytes]:
    """The type of an event, of which there are few."""
    return headers.CE_TYPE, f"crm.{entity}.{operation}".encode()


def _utc_text(at: datetime) -> bytes:
    """An instant as RFC 3339 says it, in half of the time that `isoformat` takes."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    day = at.year, at.month, at.day
    return b"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ" % (
        *day,
        at.hour,
        at.minute,
        at.second,
        at.microsecond,
    )


def changed_fields(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[str, ...]:
    """The names of top-level fields whose values differ, sorted.

    A field that one side lacks counts as null there; so does the whole record before a creation
    and after a deletion.
    """
    old, new = before or {}, after or {}
    return tuple(sorted(name for name in {*old, *new} if not _same(old.get(name), new.get(name))))


def _same(old: object, new: object) -> bool:
    """Whether two values are equal, and true is not 1: custom attributes hold either."""
    if old != new or isinstance(old, bool) != isinstance(new, bool):
        return False
    match old, new:
        case Mapping(), Mapping():
            return all(_same(value, new[name]) for name, value in old.items())
        case list(), list():
            return all(map(_same, old, new))
        case _:
            return True
