"""What follows from an event: its CloudEvents headers, and which fields changed.

Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from schemas import headers
from schemas.records import Event


def event_headers(event: Event, source_uri: str) -> tuple[tuple[str, bytes], ...]:
    """The record headers of an event: CloudEvents 1.0, Kafka binding, binary mode.

    Args:
        source_uri: `ce_source`: the service that publishes, as a URI reference.
    """
    time = event.occurred_at.astimezone(UTC).isoformat(timespec="microseconds")
    return (
        (headers.CONTENT_TYPE, headers.AVRO),
        (headers.CE_SPECVERSION, b"1.0"),
        (headers.CE_ID, str(event.event_id).encode()),
        (headers.CE_SOURCE, source_uri.encode()),
        (headers.CE_TYPE, f"crm.{event.entity}.{event.operation}".encode()),
        (headers.CE_TIME, f"{time[:-6]}Z".encode()),
        (headers.CE_SUBJECT, event.entity_id.encode()),
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
