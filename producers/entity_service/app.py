"""The HTTP face of an entity service: create, read, list, patch and delete records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from aiohttp import web

from producers.database import DatabaseError
from producers.entity_service.entity import Entity
from producers.entity_service.outcomes import Changed, Found
from producers.entity_service.precondition import etag_of
from producers.entity_service.records import Records
from producers.entity_service.refusal import FAILED, RETRY_AFTER, UNFIT, refusal_of, unstored
from producers.entity_service.request import (
    JSON,
    MERGE_PATCH,
    Door,
    RefusedError,
    cause_in,
    expected_of,
    json_in,
    page_of,
)
from producers.gateway.app import refused
from producers.gateway.refusal import (
    BUSY,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Refusal,
)
from runtime.logs import get_logger
from runtime.metrics import counter
from schemas.errors import SchemaError
from schemas.json_form import dumps

log = get_logger(__name__)
requests_total = counter(
    "hookline_entity_requests_total",
    "Requests answered, by method and status.",
    ("method", "status"),
)

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
#: The id of the event that a change raised; absent where nothing changed.
EVENT_ID = "X-Event-Id"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Routes:
    """The handlers of one entity's paths."""

    def __init__(
        self, entity: Entity, records: Records, door: Door, on_change: Callable[[], None]
    ) -> None:
        """Serve `entity`.

        Args:
            on_change: Called after each commit: there is an event to be published.
        """
        self._entity = entity
        self._records = records
        self._door = door
        self._on_change = on_change

    def app(self) -> web.Application:
        """The application; a wrong path or method is answered in the same shape as the rest."""
        app = web.Application(middlewares=[_accounted, self._in_one_shape, self._admitted])
        base, one = f"/{self._entity.plural}", f"/{self._entity.plural}/{{id}}"
        app.router.add_get(base, self.list)
        app.router.add_post(base, self.create)
        app.router.add_get(one, self.get)
        app.router.add_patch(one, self.update)
        app.router.add_delete(one, self.delete)
        return app

    async def list(self, request: web.Request) -> web.Response:
        """`GET /leads?after=&limit=`: one page in the order of ids, with the path of the next."""
        after, limit = page_of(request.query)
        found = await self._records.page(after, limit + 1)
        page, more = found[:limit], len(found) > limit
        following = self._page_after(page[-1].record_id, limit) if more else None
        body = {"items": [each.record for each in page], "next": following}
        return web.Response(body=dumps(body), content_type=JSON)

    async def get(self, request: web.Request) -> web.Response:
        """`GET /leads/{id}`."""
        record_id = request.match_info["id"]
        found = await self._records.get(record_id)
        if not isinstance(found, Found):
            raise RefusedError(refusal_of(self._entity, record_id, found))
        etag = etag_of(found.version)
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers={"ETag": etag})
        return _answer(200, found)

    async def create(self, request: web.Request) -> web.Response:
        """`POST /leads`: the body is the record; its `id` may be given."""
        cause = cause_in(request, self._door)
        value = await json_in(request, self._door, JSON)
        outcome = await self._records.create(value, cause)
        if not isinstance(outcome, Changed):
            raise RefusedError(refusal_of(self._entity, "", outcome))
        self._on_change()
        response = _answer(201, outcome)
        response.headers["Location"] = f"/{self._entity.plural}/{outcome.record_id}"
        return response

    async def update(self, request: web.Request) -> web.Response:
        """`PATCH /leads/{id}`: the body is a merge patch."""
        cause, expected = cause_in(request, self._door), expected_of(request)
        patch = await json_in(request, self._door, JSON, MERGE_PATCH)
        record_id = request.match_info["id"]
        outcome = await self._records.update(record_id, patch, expected, cause)
        if isinstance(outcome, Changed):
            self._on_change()
        elif not isinstance(outcome, Found):
            raise RefusedError(refusal_of(self._entity, record_id, outcome))
        return _answer(200, outcome)

    async def delete(self, request: web.Request) -> web.Response:
        """`DELETE /leads/{id}`."""
        cause, expected = cause_in(request, self._door), expected_of(request)
        record_id = request.match_info["id"]
        outcome = await self._records.delete(record_id, expected, cause)
        if not isinstance(outcome, Changed):
            raise RefusedError(refusal_of(self._entity, record_id, outcome))
        self._on_change()
        return web.Response(status=204, headers={EVENT_ID: str(outcome.event_id)})

    def _page_after(self, record_id: str, limit: int) -> str:
        return f"/{self._entity.plural}?{urlencode({'after': record_id, 'limit': limit})}"

    @web.middleware
    async def _admitted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Bodies are read within a budget of memory."""
        door = self._door
        share = request.content_length or door.body_bytes if request.can_read_body else 0
        with door.admission.admit(share) as admitted:
            if not admitted:
                return refused(Refusal(BUSY, "too much is under way", headers=RETRY_AFTER))
            return await handler(request)

    @web.middleware
    async def _in_one_shape(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whatever goes wrong is answered as a problem document, and never with a stack trace."""
        try:
            return await handler(request)
        except RefusedError as error:
            return refused(error.refusal)
        except web.HTTPException as error:
            return refused(self._by_status(request, error))
        except (DatabaseError, SchemaError) as error:
            log.warning("entity.record_refused", method=request.method, error=str(error))
            changing = request.method not in {"GET", "HEAD"}
            return refused(_not_the_callers(error, changing=changing))
        except Exception:
            log.exception("entity.request_failed", method=request.method)
            return refused(Refusal(FAILED, "the service failed; its log says where"))

    def _by_status(self, request: web.Request, error: web.HTTPException) -> Refusal:
        """What the router refuses by itself."""
        base = f"/{self._entity.plural}"
        if isinstance(error, web.HTTPMethodNotAllowed):
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"{request.method[:20]} is not taken here; {allowed} are"
            return Refusal(METHOD_NOT_ALLOWED, detail, headers=(("Allow", allowed),))
        if isinstance(error, web.HTTPNotFound):
            detail = (
                f"there is nothing at {request.path[:80]!r}; there are {base} and {base}/{{id}}"
            )
            return Refusal(NOT_FOUND, detail)
        return Refusal(MALFORMED, error.reason)


@web.middleware
async def _accounted(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    method = request.method if request.method in METHODS else "other"
    requests_total.labels(method, response.status).inc()
    return response


def _not_the_callers(error: DatabaseError | SchemaError, *, changing: bool) -> Refusal:
    """A failure that an operator mends."""
    if isinstance(error, SchemaError):
        return Refusal(UNFIT, str(error))
    return unstored(error, changing=changing)


def _answer(status: int, outcome: Changed | Found) -> web.Response:
    """A record, with its version as entity tag."""
    headers = {"ETag": etag_of(outcome.version)}
    if isinstance(outcome, Changed):
        headers[EVENT_ID] = str(outcome.event_id)
    return web.Response(
        status=status, body=dumps(outcome.record), content_type=JSON, headers=headers
    )
