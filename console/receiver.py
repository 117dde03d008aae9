"""A webhook receiver for the demo and for trying things out: verifies, remembers, fails on request.

Its own process (`python -m console.receiver`).  It verifies with the `standardwebhooks` library,
which shares no code with Hookline, and knows of a delivery only what arrived over HTTP.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aiohttp import web

from runtime.clock import Clock, SystemClock

#: Answers larger than any sensible event are refused; the default body is usually under 20 kB.
MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it arrived.

    Attributes:
        number: Counted from 1 over all endpoints, in the order of arrival.
        verified: Whether the signature holds for exactly these bytes and is fresh.
        problem: Why not.
        seen_before: Whether this endpoint accepted the same `webhook-id` earlier.
        answered: The status code of the answer.
    """

    number: int
    endpoint: str
    method: str
    received_at: str
    webhook_id: str
    verified: bool
    problem: str | None
    seen_before: bool
    answered: int
    body: object


@dataclass(slots=True)
class Receiver:
    """All endpoints of one receiver, and what came in.

    Attributes:
        secrets: Signing secret per endpoint name; an endpoint without one does not exist.
        failing: The status an endpoint answers with instead of 200, where it is told to fail.
    """

    secrets: Mapping[str, str]
    clock: Clock
    failing: dict[str, int] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    _accepted: set[tuple[str, str]] = field(default_factory=set)

    def take(self, endpoint: str, method: str, headers: Mapping[str, str], body: bytes) -> Arrival:
        """Verify a request, decide on the answer and remember both."""
        webhook_id = headers.get("webhook-id", "")
        problem = verification_problem(self.secrets[endpoint], headers, body)
        answered = 401 if problem else self.failing.get(endpoint, 200)
        arrival = Arrival(
            number=len(self.arrivals) + 1,
            endpoint=endpoint,
            method=method,
            received_at=self.clock.now().isoformat(),
            webhook_id=webhook_id,
            verified=problem is None,
            problem=problem,
            seen_before=(endpoint, webhook_id) in self._accepted,
            answered=answered,
            body=_readable(body),
        )
        self.arrivals.append(arrival)
        if answered == web.HTTPOk.status_code:
            self._accepted.add((endpoint, webhook_id))
        return arrival


def verification_problem(secret: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """Why the independent library does not accept a request; None if it does."""
    # Imported here: the receiver is the only part of Hookline that needs the `demo` extra.
    from standardwebhooks.webhooks import (  # noqa: PLC0415
        Webhook,
        WebhookVerificationError,
    )

    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError) as error:
        return str(error) or type(error).__name__
    return None


def application(receiver: Receiver) -> web.Application:
    """The HTTP face: `/hooks/…` for deliveries, `/control/…` and `/arrivals` for the operator."""

    async def take(request: web.Request) -> web.Response:
        endpoint = _endpoint(request, receiver)
        arrival = receiver.take(endpoint, request.method, request.headers, await request.read())
        _say(arrival)
        answer: dict[str, object] = {
            "verified": arrival.verified,
            "seen_before": arrival.seen_before,
        }
        if arrival.problem:
            answer["problem"] = arrival.problem
        return web.json_response(answer, status=arrival.answered)

    async def control(request: web.Request) -> web.Response:
        endpoint = _endpoint(request, receiver)
        status = _status(await request.read())
        if status == web.HTTPOk.status_code:
            receiver.failing.pop(endpoint, None)
        else:
            receiver.failing[endpoint] = status
        return web.json_response({"endpoint": endpoint, "status": status})

    async def arrivals(request: web.Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        return web.json_response([asdict(one) for one in receiver.arrivals[after:]])

    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"ready": True})

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_route("*", "/hooks/{endpoint}", take)
    app.router.add_put("/control/{endpoint}", control)
    app.router.add_get("/arrivals", arrivals)
    app.router.add_get("/health/ready", ready)
    return app


def _endpoint(request: web.Request, receiver: Receiver) -> str:
    """The endpoint a path names; 404 with what there is."""
    name = request.match_info["endpoint"]
    if name not in receiver.secrets:
        known = ", ".join(sorted(receiver.secrets))
        raise web.HTTPNotFound(text=f"no endpoint {name!r} here; there is {known}\n")
    return name


def _status(body: bytes) -> int:
    """The status that a control request asks for; 400 if it asks for none."""
    try:
        status = json.loads(body)["status"]
    except (ValueError, KeyError, TypeError):
        status = None
    if not isinstance(status, int) or not 200 <= status <= 599:  # noqa: PLR2004
        raise web.HTTPBadRequest(text='send {"status": 200} to accept or {"status": 503} to fail\n')
    return status


def _readable(body: bytes) -> object:
    """The body as JSON, else as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _say(arrival: Arrival) -> None:
    """One line of the receiver's own log; without the body, which may hold personal data."""
    line = {name: value for name, value in asdict(arrival).items() if name != "body"}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m console.receiver", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="loopback port to listen on")
    parser.add_argument("--secrets", type=Path, required=True, help='JSON: {"endpoint": "whsec_…"}')
    options = parser.parse_args(arguments)
    receiver = Receiver(json.loads(options.secrets.read_text()), SystemClock())
    web.run_app(application(receiver), host="127.0.0.1", port=options.port, print=None)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
