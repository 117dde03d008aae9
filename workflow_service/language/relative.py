"""Days and instants relative to an event, and spans of time, on a calendar in a time zone.

Pure: now is when the event occurred, and the time zone data comes with the program.  What one
event is asked by many workflows is worked out once.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import cast
from zoneinfo import ZoneInfo

from workflow_service.language.workflow import DAY_UNITS, UNITS, Anchor, Relative, Unit

_UNIT = "|".join(UNITS)
_RELATIVE = re.compile(rf"(today|now)(?: *([+-]) *([0-9]{{1,6}}) ?({_UNIT}))?")
_SPAN = re.compile(rf"([0-9]{{1,6}}) ?({_UNIT})")
#: Days and instants that workflows ask for, and moments for which each of them is remembered: the
#: event that all of them look at, and a few before it.
_REMEMBERED = 4_096
_MOMENTS = 8


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The time zones there are: those of the data that the program brings along."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """A time zone that exists."""
    return ZoneInfo(name)


def relative_of(text: str) -> Relative | None:
    """What `today + 7d` and `now - 36h` say; None for any other text."""
    found = _RELATIVE.fullmatch(text)
    if found is None:
        return None
    anchor, sign, amount, unit = found.groups()
    if sign is None:
        return Relative(cast("Anchor", anchor), 0, "d", text)
    number = -int(amount) if sign == "-" else int(amount)
    return Relative(cast("Anchor", anchor), number, cast("Unit", unit), text)


def span_of(text: str) -> tuple[int, Unit] | None:
    """What `7d` and `12h` say; None for any other text."""
    found = _SPAN.fullmatch(text)
    return None if found is None else (int(found[1]), cast("Unit", found[2]))


@lru_cache(maxsize=_REMEMBERED)
def days_of(relative: Relative, zone: ZoneInfo) -> Callable[[datetime], date | None]:
    """The day that is meant, by when it is asked; shared by all who mean the same."""
    return lru_cache(maxsize=_MOMENTS)(lambda now: day_of(relative, now, zone))


@lru_cache(maxsize=_REMEMBERED)
def instants_of(relative: Relative, zone: ZoneInfo) -> Callable[[datetime], datetime | None]:
    """The instant that is meant, by when it is asked; shared by all who mean the same."""
    return lru_cache(maxsize=_MOMENTS)(lambda now: instant_of(relative, now, zone))


def day_of(relative: Relative, now: datetime, zone: ZoneInfo) -> date | None:
    """The day that is meant; None beyond the calendar."""
    return moved_day(now.astimezone(zone).date(), relative.amount, relative.unit)


def instant_of(relative: Relative, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant that is meant, `today` being the first moment of the day; None beyond the calendar."""
    if relative.anchor == "now":
        return moved_instant(now, relative.amount, relative.unit, zone)
    day = day_of(relative, now, zone)
    return None if day is None else _first_moment(day, zone)


def moved_day(day: date, amount: int, unit: Unit) -> date | None:
    """A day so much later; the last of its month where the calendar lacks it."""
    try:
        if unit in ("d", "w"):
            return day + timedelta(days=amount * (7 if unit == "w" else 1))
        months = day.year * 12 + day.month - 1 + amount * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(day.day, last))
    except (ValueError, OverflowError):
        return None


def moved_instant(at: datetime, amount: int, unit: Unit, zone: ZoneInfo) -> datetime | None:
    """An instant so much later: hours pass, days and more are turned over on the calendar."""
    try:
        if unit not in DAY_UNITS:
            return at + timedelta(minutes=amount * (60 if unit == "h" else 1))
        if amount == 0:
            return at
        local = at.astimezone(zone)
        day = moved_day(local.date(), amount, unit)
        if day is None:
            return None
        there = datetime.combine(day, local.time().replace(fold=0), tzinfo=zone)
        return there.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _first_moment(day: date, zone: ZoneInfo) -> datetime | None:
    """When a day begins in a zone: at midnight, or when the clocks have skipped it, after that."""
    try:
        begin = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        if begin.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, time()):
            return begin
        return _after_gap(day, begin, zone)
    except (ValueError, OverflowError):
        return None


def _after_gap(day: date, near: datetime, zone: ZoneInfo) -> datetime:
    """The first second at which the clocks of a zone show a day, or a later one."""
    low, high = near - timedelta(days=1), near + timedelta(days=1)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).date() >= day:
            high = middle
        else:
            low = middle
    return high
