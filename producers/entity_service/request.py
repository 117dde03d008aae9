"""Reads what a request says: its body within bounds, its precondition, the page it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from producers.cause import Cause, cause_of
from producers.entity_service.precondition import Expected, expected_in
from producers.entity_service.refusal import RETRY_AFTER, UNREADY
from producers.gateway.admission import Admission
from producers.gateway.refusal import (
    MALFORMED,
    TOO_LARGE,
    TOO_SLOW,
    UNSUPPORTED,
    Refusal,
)
from producers.gateway.strict_json import Parsed, loads

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
MAX_PAGE = 200
DEFAULT_PAGE = 50


class RefusedError(Exception):
    """Ends a request; the middleware answers with the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        """Carry the refusal."""
        super().__init__(refusal.detail)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Door:
    """What a request must satisfy before its body is looked at.

    Attributes:
        body_bytes: The largest body.
        body_time: In which the whole body must have arrived.
        why_not: Why changes are not taken yet; empty when they are.
    """

    admission: Admission
    body_bytes: int
    body_time: timedelta
    why_not: Callable[[], str]


def cause_in(request: web.Request, door: Door) -> Cause:
    """The cause of the change that is asked for, if changes are taken at all."""
    cause, problems = cause_of(request.headers)
    if cause is None:
        raise RefusedError(Refusal(MALFORMED, "; ".join(problems)))
    why_not = door.why_not()
    if why_not:
        raise RefusedError(Refusal(UNREADY, why_not, headers=RETRY_AFTER))
    return cause


async def json_in(request: web.Request, door: Door, *types: str) -> object:
    """The body's JSON.

    Args:
        types: The content types that are taken.
    """
    _require_type(request, types)
    body = await _body(request, door)
    if not body.strip():
        raise RefusedError(Refusal(MALFORMED, "the body is empty: send a JSON object"))
    parsed = loads(body)
    if not isinstance(parsed, Parsed):
        raise RefusedError(parsed)
    return parsed.value


async def _body(request: web.Request, door: Door) -> bytes:
    """The body, within its bounds of size and time."""
    limit, seconds = door.body_bytes, door.body_time.total_seconds()
    large = Refusal(TOO_LARGE, f"the body has more than {limit} bytes, which is the limit")
    if (request.content_length or 0) > limit:
        raise RefusedError(large)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise RefusedError(large)
    except TimeoutError:
        slow = Refusal(TOO_SLOW, f"the body did not arrive within {seconds:g} s")
        raise RefusedError(slow) from None
    return bytes(body)


def expected_of(request: web.Request) -> Expected:
    """The versions that may be changed."""
    given = ",".join(request.headers.getall("If-Match", [])) or None
    expected = expected_in(given)
    if expected is None:
        detail = (
            f'If-Match is {str(given)[:80]!a}; expected an ETag like "3", quotes included, or *'
        )
        raise RefusedError(Refusal(MALFORMED, detail))
    return expected


def page_of(query: Mapping[str, str]) -> tuple[str, int]:
    """After which id a page begins, and how long it may be."""
    unknown = sorted(query.keys() - {"after", "limit"})
    if unknown:
        detail = f"{unknown[0][:40]!a} is not a parameter here; after and limit are"
        raise RefusedError(Refusal(MALFORMED, detail))
    text = query.get("limit", str(DEFAULT_PAGE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= MAX_PAGE):
        detail = f"limit is {text[:40]!a}; expected a whole number from 1 to {MAX_PAGE}"
        raise RefusedError(Refusal(MALFORMED, detail))
    return query.get("after", ""), int(text)


def _require_type(request: web.Request, types: tuple[str, ...]) -> None:
    """JSON as it is: a form, which any web page may send, is not taken."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedError(Refusal(UNSUPPORTED, "Content-Encoding is not taken: send plain JSON"))
    given = request.headers.get("Content-Type", "")
    if not given or request.content_type not in types:
        found = f"{given[:80]!a}" if given else "missing"
        detail = f"Content-Type is {found}; send {' or '.join(types)}"
        raise RefusedError(Refusal(UNSUPPORTED, detail))
