"""The gateway's HTTP face: what is asked of headers and bodies, and how answers look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from producers.gateway.admission import Admission
from producers.gateway.auth import Tokens
from producers.gateway.intake import RETRY_AFTER_S, Accepted, Intake
from producers.gateway.refusal import (
    BUSY,
    CONTENT_TYPE,
    FAILED,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
    TOO_SLOW,
    UNSUPPORTED,
    Headers,
    Refusal,
)
from runtime.logs import get_logger
from runtime.metrics import counter, histogram

log = get_logger(__name__)
requests_total = counter(
    "hookline_gateway_requests_total", "Requests answered by the gateway, by status.", ("status",)
)
request_seconds = histogram(
    "hookline_gateway_request_seconds", "From a request's headers to its answer, in seconds."
)

KEY_HEADER = "Idempotency-Key"
MAX_KEY = 255
REPEATED_HEADER = "Idempotency-Replayed"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Door:
    """What a request must satisfy before its body is looked at.

    Attributes:
        entities: Those that can be published.
        body_bytes: The largest body.
        body_time: In which the whole body must have arrived.
    """

    entities: tuple[str, ...]
    tokens: Tokens
    admission: Admission
    body_bytes: int
    body_time: timedelta


def app_of(door: Door, intake: Intake, openapi: bytes) -> web.Application:
    """The application: two routes, and one shape for everything that goes wrong."""

    async def publish(request: web.Request) -> web.StreamResponse:
        entity = request.match_info["entity"]
        refusal = _refusal_by_headers(door, entity, request)
        if refusal is not None:
            return refused(refusal)
        with door.admission.admit(request.content_length or door.body_bytes) as admitted:
            if not admitted:
                return refused(_busy())
            body = await _body(door, request)
            if isinstance(body, Refusal):
                return refused(body)
            return answer(await intake.accept(entity, request.headers.get(KEY_HEADER), body))

    async def describe(_: web.Request) -> web.Response:
        return web.Response(body=openapi, content_type="application/json")

    app = web.Application(middlewares=[_accounted, _in_one_shape(door.entities)])
    app.router.add_post("/events/{entity}", publish)
    app.router.add_get("/openapi.json", describe, allow_head=False)
    return app


def answer(outcome: Accepted | Refusal) -> web.Response:
    """An outcome in HTTP."""
    if isinstance(outcome, Refusal):
        return refused(outcome)
    headers = {REPEATED_HEADER: "true"} if outcome.repeated else None
    return web.Response(
        status=202, body=outcome.body, content_type="application/json", headers=headers
    )


def refused(refusal: Refusal) -> web.Response:
    """A refusal in HTTP."""
    response = web.Response(
        status=refusal.kind.status, body=refusal.body, headers=dict(refusal.headers)
    )
    response.headers["Content-Type"] = CONTENT_TYPE
    return response


def _refusal_by_headers(door: Door, entity: str, request: web.Request) -> Refusal | None:
    """Why a request is refused before its body is read, if it is."""
    return (
        door.tokens.refusal(request.headers.get("Authorization"))
        or _unknown_entity(door, entity)
        or _unsupported(request)
        or _bad_key(request)
        or _too_large(door, request.content_length or 0)
    )


def _unknown_entity(door: Door, entity: str) -> Refusal | None:
    if entity in door.entities:
        return None
    known = ", ".join(door.entities)
    return Refusal(NOT_FOUND, f"there is no entity {entity[:60]!r}; there are {known}")


def _unsupported(request: web.Request) -> Refusal | None:
    """JSON in UTF-8 as it is, and nothing else."""
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        detail = f"Content-Encoding {encoding[:40]!r} is not taken: send the body as it is"
        return Refusal(UNSUPPORTED, detail, headers=(("Accept-Encoding", "identity"),))
    given = request.headers.get("Content-Type", "")
    charset = (request.charset or "utf-8").lower() if given else "utf-8"
    if request.content_type == "application/json" and given and charset in {"utf-8", "utf8"}:
        return None
    found = repr(given[:80]) if given else "missing"
    return Refusal(UNSUPPORTED, f"Content-Type is {found}; send application/json in UTF-8")


def _bad_key(request: web.Request) -> Refusal | None:
    """A key is one header of a bounded length."""
    keys = request.headers.getall(KEY_HEADER, [])
    if len(keys) > 1:
        return Refusal(MALFORMED, f"{KEY_HEADER} stands {len(keys)} times; send it once")
    if keys and not (0 < len(keys[0]) <= MAX_KEY and keys[0].isascii() and keys[0].isprintable()):
        detail = f"{KEY_HEADER} must be 1 to {MAX_KEY} printable ASCII characters; a UUID is fine"
        return Refusal(MALFORMED, detail)
    return None


def _too_large(door: Door, size: int) -> Refusal | None:
    if size <= door.body_bytes:
        return None
    return Refusal(TOO_LARGE, f"the body takes more than the {door.body_bytes} bytes allowed")


def _busy() -> Refusal:
    detail = "too many requests are under way; try again in a moment"
    return Refusal(BUSY, detail, headers=(("Retry-After", str(RETRY_AFTER_S)),))


async def _body(door: Door, request: web.Request) -> bytes | Refusal:
    """The body, if it comes in time and is not too large."""
    received = bytearray()
    try:
        async with asyncio.timeout(door.body_time.total_seconds()):
            async for chunk in request.content.iter_any():
                received += chunk
                if refusal := _too_large(door, len(received)):
                    return refusal
    except TimeoutError:
        within = door.body_time.total_seconds()
        return Refusal(TOO_SLOW, f"the body was not complete after {within:g} s", headers=_CLOSE)
    return bytes(received)


_CLOSE: Headers = (("Connection", "close"),)


@web.middleware
async def _accounted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and time every answer."""
    began = time.monotonic()
    response = await handler(request)
    requests_total.labels(str(response.status)).inc()
    request_seconds.observe(time.monotonic() - began)
    log.debug("gateway.answered", method=request.method, path=request.path, status=response.status)
    return response


def _in_one_shape(entities: tuple[str, ...]) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Whatever goes wrong is answered as problem+json."""

    @web.middleware
    async def in_one_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"{request.method[:40]} is not allowed here; allowed: {allowed}"
            return refused(Refusal(METHOD_NOT_ALLOWED, detail, headers=(("Allow", allowed),)))
        except web.HTTPNotFound:
            known = ", ".join(f"/events/{entity}" for entity in entities)
            detail = f"there is nothing at {request.path[:80]!r}; there are {known}, /openapi.json"
            return refused(Refusal(NOT_FOUND, detail))
        except web.HTTPException as error:
            return refused(Refusal(MALFORMED, error.text or error.reason))
        except ConnectionError:
            raise  # the caller is gone: there is nobody to answer
        except Exception:
            log.exception("gateway.failed", path=request.path)
            return refused(Refusal(FAILED, "an unexpected error; it has been logged"))

    return in_one_shape
