"""Relative dates: the event's day and instant, in the workflow's time zone, over every odd night."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from workflow_service.language.relative import day_of, instant_of, relative_of, span_of, zone_of

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("said", "now", "zone", "day"),
    [
        ("today", "2026-01-01T23:30:00Z", "UTC", date(2026, 1, 1)),
        ("today", "2026-01-01T23:30:00Z", BERLIN, date(2026, 1, 2)),
        ("today", "2026-01-02T01:30:00Z", "America/New_York", date(2026, 1, 1)),
        ("today + 7d", "2026-01-01T12:00:00Z", "UTC", date(2026, 1, 8)),
        ("today - 7d", "2026-01-01T12:00:00Z", "UTC", date(2025, 12, 25)),
        ("today + 2w", "2026-01-01T12:00:00Z", "UTC", date(2026, 1, 15)),
        ("today + 1mo", "2026-01-31T12:00:00Z", "UTC", date(2026, 2, 28)),
        ("today + 1mo", "2028-01-31T12:00:00Z", "UTC", date(2028, 2, 29)),
        ("today - 1mo", "2026-03-31T12:00:00Z", "UTC", date(2026, 2, 28)),
        ("today + 1y", "2028-02-29T12:00:00Z", "UTC", date(2029, 2, 28)),
        ("today - 12mo", "2026-01-15T12:00:00Z", "UTC", date(2025, 1, 15)),
        ("today + 9000y", "2026-01-15T12:00:00Z", "UTC", None),
        ("today - 999999d", "2026-01-15T12:00:00Z", "UTC", None),
    ],
)
def test_days(said: str, now: str, zone: str, day: date | None) -> None:
    relative = relative_of(said)

    assert relative is not None
    assert day_of(relative, at(now), zone_of(zone)) == day


@pytest.mark.parametrize(
    ("said", "now", "zone", "instant"),
    [
        ("now", "2026-01-01T12:00:00Z", BERLIN, "2026-01-01T12:00:00Z"),
        ("now + 90min", "2026-01-01T12:00:00Z", BERLIN, "2026-01-01T13:30:00Z"),
        ("now - 36h", "2026-01-01T12:00:00Z", BERLIN, "2025-12-31T00:00:00Z"),
        # the clocks go forward in Berlin on 2026-03-29
        ("now + 24h", "2026-03-28T11:00:00Z", BERLIN, "2026-03-29T11:00:00Z"),
        ("now + 1d", "2026-03-28T11:00:00Z", BERLIN, "2026-03-29T10:00:00Z"),
        ("today", "2026-03-29T11:00:00Z", BERLIN, "2026-03-28T23:00:00Z"),
        ("today + 1d", "2026-03-29T11:00:00Z", BERLIN, "2026-03-29T22:00:00Z"),
        # 02:30 is not shown on that day
        ("now + 1d", "2026-03-28T01:30:00Z", BERLIN, "2026-03-29T01:30:00Z"),
        # nor is midnight in Sao Paulo on 2018-11-04
        ("today", "2018-11-04T12:00:00Z", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        # Toronto went from 23:30 to 00:30
        ("today + 1d", "1919-03-30T20:00:00Z", "America/Toronto", "1919-03-31T04:30:00Z"),
        # Apia had no 30 December 2011
        ("today + 1d", "2011-12-30T05:00:00Z", "Pacific/Apia", "2011-12-30T10:00:00Z"),
        # midnight comes twice in Havana: the first one counts
        ("today", "2025-11-02T12:00:00Z", "America/Havana", "2025-11-02T04:00:00Z"),
        ("today + 9000y", "2026-01-01T12:00:00Z", "UTC", None),
        ("now + 9000y", "2026-01-01T12:00:00Z", "UTC", None),
        ("now + 999999h", "9999-01-01T12:00:00Z", "UTC", None),
    ],
)
def test_instants(said: str, now: str, zone: str, instant: str | None) -> None:
    relative = relative_of(said)

    assert relative is not None
    expected = None if instant is None else at(instant)
    assert instant_of(relative, at(now), zone_of(zone)) == expected


@pytest.mark.parametrize("text", ["Today", "today + d", "today 7d", "now + 1s", "tomorrow", ""])
def test_other_texts_are_no_relative_dates(text: str) -> None:
    assert relative_of(text) is None


def test_spans():
    assert span_of("7d") == (7, "d")
    assert span_of("12 h") == (12, "h")
    assert span_of("-1d") is None
    assert span_of("1s") is None
