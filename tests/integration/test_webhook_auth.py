"""How a webhook shows who it is, over real sockets: tokens, certificates, and the operator's proxy."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from runtime.settings import Settings
from tests.certificates import authority, signed
from tests.delivery_rig import BODIES, action_for, person_event, webhook
from webhook_service.clients import sending
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.render import Request, request_of

ALLOWED = {"HOOKLINE_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8"}
SIGNATURE = (("webhook-id", "1"),)
DEADLINE = timedelta(seconds=5)


@asynccontextmanager
async def serving(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """A server on a free port; its address."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def client(**changes: str):
    return sending(Settings.from_env(ALLOWED | changes), time.monotonic)


def request(url: str, **changes: Any) -> Request:
    event = person_event(1)
    made = request_of(webhook("w", url, **changes), action_for(event, "w"), event, BODIES)
    assert isinstance(made, Request)
    return made


class Tokens:
    """A token endpoint, and a receiver that accepts the newest token only."""

    def __init__(self) -> None:
        self.fetched: list[dict[str, str]] = []
        self.authorizations: list[str | None] = []
        self.seen: list[str | None] = []
        self.answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}
        self.status = 200
        self.valid = 0
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def token(self, request: web.Request) -> web.Response:
        self.fetched.append({k: str(v) for k, v in (await request.post()).items()})
        self.authorizations.append(request.headers.get("authorization"))
        self.asked.set()
        await self.go.wait()
        self.valid += 1
        return web.json_response(
            {"access_token": f"t{self.valid}", **self.answer}, status=self.status
        )

    async def hook(self, request: web.Request) -> web.Response:
        token = request.headers.get("authorization")
        self.seen.append(token)
        return web.Response(status=200 if token == f"Bearer t{self.valid}" else 401)


@pytest.fixture
async def tokens() -> AsyncIterator[tuple[Tokens, str, str]]:
    made = Tokens()
    async with serving(made.token) as token_url, serving(made.hook) as url:
        yield made, token_url, url


def oauth2(token_url: str, **changes: str) -> dict[str, Any]:
    return {
        "oauth2": {
            "token_url": f"{token_url}/token",
            "client_id": "me:1",
            "client_secret": "s3cret/ü"[:-1] + "+",
            "scope": "hooks",
            **changes,
        }
    }


async def test_a_token_is_fetched_once_for_all_who_wait_for_it(tokens):
    server, token_url, url = tokens
    server.go.clear()
    made = request(url, auth=oauth2(token_url))

    async with client() as sender:
        sends = [asyncio.create_task(sender.send(made, SIGNATURE, DEADLINE)) for _ in range(20)]
        await server.asked.wait()
        server.go.set()
        answers = await asyncio.gather(*sends)

    assert [answer.status for answer in answers] == [200] * 20
    assert server.fetched == [{"grant_type": "client_credentials", "scope": "hooks"}]
    pair = base64.b64decode(server.authorizations[0].removeprefix("Basic ")).decode()
    assert pair == "me%3A1:s3cret%2F%2B"


async def test_one_who_gives_up_does_not_take_the_token_from_the_others(tokens):
    server, token_url, url = tokens
    server.go.clear()
    made = request(url, auth=oauth2(token_url))

    async with client() as sender:
        hasty = await sender.send(made, SIGNATURE, timedelta(milliseconds=50))
        waiting = asyncio.create_task(sender.send(made, SIGNATURE, DEADLINE))
        server.go.set()
        answer = await waiting

    assert isinstance(hasty, NoAnswer)
    assert hasty.error_class == "token"
    assert isinstance(answer, Answer)


async def test_a_token_that_is_being_fetched_does_not_hold_up_a_stop(tokens):
    server, token_url, url = tokens
    server.go.clear()
    made = request(url, auth=oauth2(token_url))

    async with client() as sender:
        hasty = await sender.send(made, SIGNATURE, timedelta(milliseconds=50))
    server.go.set()

    assert isinstance(hasty, NoAnswer)
    assert all("AuthorizedSender._fetch" not in repr(task) for task in asyncio.all_tasks())


async def test_a_refused_token_is_fetched_anew_once_and_the_request_sent_again(tokens):
    server, token_url, url = tokens
    made = request(url, auth=oauth2(token_url, client_auth="body", audience="crm"))

    async with client() as sender:
        await sender.send(made, SIGNATURE, DEADLINE)
        server.valid = 7  # what was handed out is worth nothing any more
        answer = await sender.send(made, SIGNATURE, DEADLINE)

    assert answer.status == 200
    assert server.seen == ["Bearer t1", "Bearer t1", "Bearer t8"]
    assert server.fetched[1] == {
        "grant_type": "client_credentials",
        "scope": "hooks",
        "audience": "crm",
        "client_id": "me:1",
        "client_secret": "s3cret/+",
    }


async def test_a_receiver_that_refuses_every_token_gets_two_requests_and_no_more(tokens):
    server, token_url, _ = tokens
    seen: list[str] = []

    async def never(request: web.Request) -> web.Response:
        seen.append(request.headers["authorization"])
        return web.Response(status=401)

    async with serving(never) as url, client() as sender:
        answer = await sender.send(request(url, auth=oauth2(token_url)), SIGNATURE, DEADLINE)

    assert answer.status == 401
    assert seen == ["Bearer t1", "Bearer t2"]
    assert len(server.fetched) == 2


async def test_a_token_that_has_ended_is_fetched_again(tokens):
    server, token_url, url = tokens
    server.answer["expires_in"] = 0
    made = request(url, auth=oauth2(token_url))

    async with client() as sender:
        await sender.send(made, SIGNATURE, DEADLINE)
        await sender.send(made, SIGNATURE, DEADLINE)

    assert server.seen == ["Bearer t1", "Bearer t2"]


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (400, {"error": "invalid_client"}, "answered 400 (invalid_client)"),
        (400, {"error": "s3cret leaks"}, "answered 400"),
        (500, {}, "answered 500"),
        (200, {"access_token": ""}, "no access_token"),
        (200, {"access_token": "a\r\nb: c"}, "no access_token"),
        (200, {"access_token": 7}, "no access_token"),
        (200, {"token_type": "mac"}, "another type"),
        (302, {}, "answered 302"),
    ],
)
async def test_without_a_token_nothing_is_sent_and_the_reason_says_why(
    tokens, status, answer, words
):
    server, token_url, url = tokens
    server.status, server.answer = status, answer

    async with client() as sender:
        got = await sender.send(request(url, auth=oauth2(token_url)), SIGNATURE, DEADLINE)

    assert isinstance(got, NoAnswer)
    assert (got.error_class, words in got.error) == ("token", True), got.error
    assert "s3cret" not in got.error
    assert server.seen == []


async def test_a_token_endpoint_that_fails_is_not_asked_by_every_delivery(tokens):
    server, token_url, url = tokens
    server.status = 503
    made = request(url, auth=oauth2(token_url))

    async with client() as sender:
        for _ in range(10):
            await sender.send(made, SIGNATURE, DEADLINE)

    assert len(server.fetched) == 1


async def test_a_token_endpoint_at_a_forbidden_address_is_not_called(tokens):
    server, token_url, url = tokens
    made = request(url, auth=oauth2(token_url))

    async with sending(Settings.from_env({}), time.monotonic) as sender:
        got = await sender.send(made, SIGNATURE, DEADLINE)

    assert isinstance(got, NoAnswer)
    assert "forbidden-address" in got.error
    assert server.fetched == []


async def test_basic_and_bearer_are_sent_and_never_shown():
    seen: list[str] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(request.headers["authorization"])
        return web.Response()

    async with serving(note) as url, client() as sender:
        for auth in (
            {"basic": {"username": "u", "password": "p4ss"}},
            {"bearer": {"token": "t0ken"}},
        ):
            made = request(url, auth=auth)
            await sender.send(made, SIGNATURE, DEADLINE)
            assert dict(made.masked.headers)["authorization"] == "***"

    assert seen == ["Basic dTpwNHNz", "Bearer t0ken"]


async def test_a_client_certificate_and_an_authority_of_its_own_are_used_for_that_webhook_alone():
    ours, theirs = authority("ours"), authority("theirs")
    server, me = signed(ours), signed(theirs, "me")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(context, server.certificate + server.key)
    context.load_verify_locations(cadata=theirs.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    names: list[Any] = []

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        names.append((request.transport.get_extra_info("peercert") or {}).get("subject"))
        return web.Response()

    known = {"ca": ours.certificate}
    shown = {**known, "certificate": me.certificate, "key": me.key}
    async with serving(note, context) as url, client() as sender:
        with_both = await sender.send(request(url, tls=shown), SIGNATURE, DEADLINE)
        with_one = await sender.send(request(url, tls=known), SIGNATURE, DEADLINE)
        with_none = await sender.send(request(url), SIGNATURE, DEADLINE)
        wrong = {"ca": theirs.certificate}
        with_wrong = await sender.send(request(url, tls=wrong), SIGNATURE, DEADLINE)

    assert isinstance(with_both, Answer), with_both
    assert isinstance(with_one, Answer), with_one
    assert names == [((("commonName", "me"),),), None]
    assert [one.error_class for one in (with_none, with_wrong)] == ["tls", "tls"]


def load(context: ssl.SSLContext, pem: str) -> None:
    """What the server shows, by way of a file that is gone at once."""
    from webhook_service.trust import _load  # noqa: PLC0415

    _load(context, pem.encode())


@asynccontextmanager
async def proxying(answer: bytes | None = None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A proxy that makes tunnels, or answers as it is told; its address, and what it was asked."""
    asked: list[bytes] = []
    busy: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(4_096):
            writer.write(part)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        if answer is not None:
            writer.write(answer)
            writer.close()
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        up, down = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for each in (pump(reader, down), pump(up, writer)):
            task = asyncio.create_task(each)
            busy.add(task)
            task.add_done_callback(busy.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://me:p%40ss@127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        if busy:
            await asyncio.wait(busy, timeout=5)


async def test_the_proxy_is_asked_for_the_vetted_address_never_for_the_name():
    async def note(request: web.Request) -> web.Response:
        return web.Response(text=request.host)

    async with serving(note) as url, proxying() as (proxy, asked):
        named = url.replace("127.0.0.1", "localhost")
        async with client(HOOKLINE_WEBHOOK_PROXY_URL=proxy) as sender:
            answer = await sender.send(request(named), SIGNATURE, DEADLINE)

    assert isinstance(answer, Answer), answer
    assert answer.body.startswith(b"localhost:")
    assert asked[-1].startswith(b"CONNECT 127.0.0.1:")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in asked[-1]


async def test_tls_goes_through_the_tunnel_to_the_receiver_itself():
    ours = authority()
    server = signed(ours)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(context, server.certificate + server.key)

    async def note(request: web.Request) -> web.Response:
        return web.Response()

    async with (
        serving(note, context) as url,
        proxying() as (proxy, _),
        client(HOOKLINE_WEBHOOK_PROXY_URL=proxy) as sender,
    ):
        made = request(url, tls={"ca": ours.certificate})
        answer = await sender.send(made, SIGNATURE, DEADLINE)

    assert isinstance(answer, Answer), answer


async def test_a_forbidden_target_is_refused_before_the_proxy_is_asked():
    async with proxying() as (proxy, asked):
        env = {"HOOKLINE_WEBHOOK_PROXY_URL": proxy}
        async with sending(Settings.from_env(env), time.monotonic) as sender:
            got = await sender.send(request("http://127.0.0.1:9/"), SIGNATURE, DEADLINE)

    assert isinstance(got, NoAnswer)
    assert got.error_class == "forbidden-address"
    assert asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy answered 407"),
        (b"HTTP/1.1 200 OK\r\n\r\nsmuggled", "more than its answer"),
        (b"nonsense\r\n\r\n", "not HTTP"),
        (b"", "not HTTP"),
        (b"x" * 20_000, "not HTTP"),
    ],
)
async def test_what_a_proxy_does_wrong_is_named_and_nothing_is_sent(answer, words):
    async with proxying(answer) as (proxy, _), client(HOOKLINE_WEBHOOK_PROXY_URL=proxy) as sender:
        got = await sender.send(request("http://127.0.0.1:9/"), SIGNATURE, DEADLINE)

    assert isinstance(got, NoAnswer)
    assert (got.error_class, words in got.error) == ("connection", True), got.error
    assert not getattr(got, "unknown", False)
