"""The CloudEvents headers of an event."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest

from schemas.events import event_headers
from tests.strategies import event_of


@pytest.mark.parametrize(
    ("occurred_at", "text"),
    [
        pytest.param(
            datetime(2026, 5, 4, 12, tzinfo=UTC), b"2026-05-04T12:00:00.000000Z", id="UTC"
        ),
        pytest.param(
            datetime(2026, 1, 1, 3, 4, 5, 60, tzinfo=timezone(timedelta(hours=5, minutes=45))),
            b"2025-12-31T21:19:05.000060Z",
            id="another zone",
        ),
        pytest.param(
            datetime(987, 6, 5, tzinfo=UTC), b"0987-06-05T00:00:00.000000Z", id="long ago"
        ),
    ],
)
def test_an_event_says_what_it_is_as_cloudevents_does(occurred_at, text):
    event = dataclasses.replace(
        event_of("lead", Random(0)),
        operation="updated",
        entity_id="číslo 7",
        occurred_at=occurred_at,
    )

    assert event_headers(event, "/crm") == (
        ("content-type", b"application/avro"),
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event.event_id).encode()),
        ("ce_source", b"/crm"),
        ("ce_type", b"crm.lead.updated"),
        ("ce_time", text),
        ("ce_subject", "číslo 7".encode()),
    )
