"""A lane's settings in JSON's words and back: rate, breaker, ordering.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from webhook_service.durations import duration_text, parse_duration
from webhook_service.rate import parse_rate, rate_text
from webhook_service.webhook import Breaker, Webhook

_TIMES: Final = ("window", "open_for", "longest")


def plain_lane(webhook: Webhook) -> dict[str, Any]:
    """The settings as they are stored."""
    rate, breaker, after = webhook.rate_limit, webhook.breaker, webhook.disable_after
    return {
        "rate_limit": "none" if rate is None else rate_text(rate),
        "breaker": "off" if breaker is None else _plain_breaker(breaker),
        "ordering": webhook.ordering,
        "disable_after": "never" if after is None else duration_text(after),
    }


def lane_from(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What was stored, as fields of a `Webhook`; what was not yet known then is left out.

    Raises:
        ValueError, TypeError: It cannot be read.
    """
    found: dict[str, Any] = {}
    if "rate_limit" in raw:
        text = raw["rate_limit"]
        found["rate_limit"] = None if text == "none" else parse_rate(text)
    if "breaker" in raw:
        found["breaker"] = None if raw["breaker"] == "off" else _breaker_from(raw["breaker"])
    if "ordering" in raw:
        found["ordering"] = raw["ordering"]
    if "disable_after" in raw:
        text = raw["disable_after"]
        found["disable_after"] = None if text == "never" else parse_duration(text)
    return found


def _plain_breaker(breaker: Breaker) -> dict[str, Any]:
    plain = breaker.model_dump()
    return plain | {name: duration_text(plain[name]) for name in _TIMES}


def _breaker_from(plain: Mapping[str, Any]) -> Breaker:
    return Breaker(**{**plain, **{name: parse_duration(plain[name]) for name in _TIMES}})
