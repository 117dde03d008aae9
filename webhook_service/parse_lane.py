"""How much a webhook is asked for at a time, and when it is left alone, out of its manifest.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, get_args

from webhook_service.parse_values import Read, Reader, found
from webhook_service.rate import Rate, parse_rate
from webhook_service.webhook import Breaker, Ordering

ORDERINGS: Final = get_args(Ordering)
CONCURRENCY: Final = (1, 1_000)
FAILURES: Final = (1, 1_000)
PROBES: Final = (1, 100)
WINDOW: Final = (timedelta(seconds=1), timedelta(hours=1))
OPEN_FOR: Final = (timedelta(milliseconds=100), timedelta(hours=1))
DISABLE_AFTER: Final = (timedelta(minutes=1), timedelta(days=30))


def lane_of(reader: Reader, _content: Mapping[str, Any]) -> Mapping[str, Read]:
    """How each key of this part is read."""
    return {
        "concurrency": lambda value: reader.number("concurrency", value, *CONCURRENCY),
        "rate_limit": lambda value: _rate(reader, value),
        "breaker": lambda value: _breaker(reader, value),
        "ordering": lambda value: reader.one_of("ordering", value, ORDERINGS),
        "disable_after": lambda value: _disable_after(reader, value),
    }


def _rate(reader: Reader, value: object) -> Rate | None:
    if value is None or value == "none":
        return None
    if not isinstance(value, str):
        reader.bad("rate_limit", f"is {found(value)}; a rate such as 50/s or 600/min is expected")
        return None
    try:
        return parse_rate(value)
    except ValueError as error:
        reader.bad("rate_limit", str(error))
        return None


def _breaker(reader: Reader, value: object) -> Breaker | None:
    if value is None or value is False or value == "off":  # some YAML readers take off as false
        return None
    content = reader.mapping("breaker", value, tuple(Breaker.model_fields))
    reads: Mapping[str, Read] = {
        "failures": lambda each: reader.number("breaker.failures", each, *FAILURES),
        "share": lambda each: _share(reader, each),
        "window": lambda each: reader.duration("breaker.window", each, *WINDOW),
        "least": lambda each: reader.number("breaker.least", each, *FAILURES),
        "open_for": lambda each: reader.duration("breaker.open_for", each, *OPEN_FOR),
        "longest": lambda each: reader.duration("breaker.longest", each, *OPEN_FOR),
        "probes": lambda each: reader.number("breaker.probes", each, *PROBES),
    }
    values = {key: read(content[key]) for key, read in reads.items() if key in content}
    breaker = Breaker(**values)
    if breaker.longest < breaker.open_for:
        reader.bad(
            "breaker.longest", "is shorter than breaker.open_for; it is the upper bound of it"
        )
    return breaker


def _share(reader: Reader, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        reader.bad("breaker.share", f"is {found(value)}; above 0 to 1 is allowed")
        return 1.0
    return float(value)


def _disable_after(reader: Reader, value: object) -> timedelta | None:
    if value is None or value == "never":
        return None
    if isinstance(value, timedelta | str):
        return reader.duration("disable_after", value, *DISABLE_AFTER)
    reader.bad("disable_after", f"is {found(value)}; a duration such as 5d is expected, or never")
    return None
