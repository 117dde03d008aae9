"""How a webhook is called, out of its manifest: how long, how often, or not at all.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, get_args

from webhook_service.durations import duration_text
from webhook_service.parse_values import Read, Reader, found
from webhook_service.webhook import DEFAULT_SCHEDULE, Retry, State

#: `disabled` is what the service makes of a webhook that is gone; a manifest may keep it so.
STATES: Final = get_args(State)
TIMEOUT: Final = (timedelta(milliseconds=100), timedelta(minutes=5))
WAIT: Final = (timedelta(milliseconds=10), timedelta(days=7))
#: Retry topics keep records for 14 days.
LONGEST_SCHEDULE: Final = timedelta(days=10)
MOST_RETRIES: Final = 50


def policy_of(reader: Reader, _content: Mapping[str, Any]) -> Mapping[str, Read]:
    """How each key of this part is read."""
    return {
        "timeout": lambda value: reader.duration("timeout", value, *TIMEOUT),
        "retry": lambda value: _retry(reader, value),
        "state": lambda value: reader.one_of("state", value, STATES),
    }


def _retry(reader: Reader, value: object) -> Retry:
    content = reader.mapping("retry", value, ("schedule", "jitter"))
    jitter = content.get("jitter", Retry().jitter)
    if isinstance(jitter, bool) or not isinstance(jitter, int | float) or not 0 <= jitter <= 1:
        reader.bad("retry.jitter", f"is {found(jitter)}; 0 to 1 are allowed")
        jitter = 0.0
    schedule = _schedule(reader, content["schedule"]) if "schedule" in content else DEFAULT_SCHEDULE
    return Retry(schedule=schedule, jitter=float(jitter))


def _schedule(reader: Reader, value: object) -> tuple[timedelta, ...]:
    place = "retry.schedule"
    if not isinstance(value, list | tuple) or len(value) > MOST_RETRIES:
        reader.bad(place, f"is {found(value)}; a list of up to {MOST_RETRIES} waits is expected")
        return ()
    waits = tuple(
        reader.duration(f"{place}[{index}]", wait, *WAIT) for index, wait in enumerate(value)
    )
    if sum(waits, timedelta()) > LONGEST_SCHEDULE:
        reader.bad(place, f"is longer than {duration_text(LONGEST_SCHEDULE)} in all")
    return waits
