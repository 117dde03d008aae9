"""Sends with a token where a webhook wants one: fetched once for all lanes, and again when refused."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol
from urllib.parse import quote_plus, urlencode

from runtime import metrics
from runtime.logs import get_logger
from webhook_service.auth import OAuth2, basic_of
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.render import USER_AGENT, Masked, Request
from webhook_service.url import masked_url

log = get_logger(__name__)

TOKENS: Final = metrics.counter(
    "hookline_webhook_tokens_total",
    "Requests to token endpoints by what came of them: fetched, or failed.",
    ["outcome"],
)
REFUSED: Final = metrics.counter(
    "hookline_webhook_tokens_refused_total",
    "Deliveries that were sent twice in one attempt, because the token of the first was refused.",
    [],
)
#: For an answer that does not say how long its token lives.
LIFETIME_S: Final = 300.0
#: A token is fetched again so long before it ends; at most a tenth of its life.
MARGIN_S: Final = 60.0
#: For a token, whoever waits for it and for how long.
FETCH_TIME: Final = timedelta(seconds=15)
#: A token endpoint that failed is not asked again sooner, however many deliveries wait for it.
REST_S: Final = 1.0
MOST_KEPT: Final = 10_000
_UNAUTHORIZED: Final = 401
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,16000}")
_ERROR: Final = re.compile(r"[a-z_]{1,40}")


class Sends(Protocol):
    """What is needed of an HTTP client, and no more."""

    async def send(
        self, request: Request, signature: Sequence[tuple[str, str]], deadline: timedelta
    ) -> Answer | NoAnswer:
        """Send a request and read its answer, all within the deadline."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A token, or why there is none, and until when that holds, by the rising clock."""

    token: str
    problem: str
    until: float


class AuthorizedSender:
    """Sends requests, with a token for those that want one.

    A token that is refused (401) is fetched anew, once, and the request goes out again in the same
    attempt, within the same deadline; the log and a metric say so.
    """

    def __init__(self, sender: Sends, token_sender: Sends, seconds: Callable[[], float]) -> None:
        """No token is known yet.

        Args:
            token_sender: Reads whole answers of token endpoints; as hardened as the other.
            seconds: A clock that only rises.
        """
        self._sender = sender
        self._token_sender = token_sender
        self._seconds = seconds
        self._held: dict[OAuth2, _Held] = {}
        self._fetching: dict[OAuth2, asyncio.Task[_Held]] = {}

    async def close(self) -> None:
        """Give up on tokens that are being fetched."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def send(
        self, request: Request, signature: Sequence[tuple[str, str]], deadline: timedelta
    ) -> Answer | NoAnswer:
        """Send a request and read its answer, all within the deadline."""
        if request.oauth2 is None:
            return await self._sender.send(request, signature, deadline)
        begun = self._seconds()
        first = await self._authorized(request, request.oauth2, signature, deadline, begun)
        if not isinstance(first, tuple):
            return first
        answer, token = first
        if not isinstance(answer, Answer) or answer.status != _UNAUTHORIZED:
            return answer
        self._forget(request.oauth2, token)
        REFUSED.inc()
        log.info("delivery.token_refused", url=request.masked.url)
        second = await self._authorized(request, request.oauth2, signature, deadline, begun)
        return second[0] if isinstance(second, tuple) else second

    async def _authorized(
        self,
        request: Request,
        oauth2: OAuth2,
        signature: Sequence[tuple[str, str]],
        deadline: timedelta,
        begun: float,
    ) -> tuple[Answer | NoAnswer, str] | NoAnswer:
        """The answer to one request with a token, and the token."""
        try:
            async with asyncio.timeout(self._left(deadline, begun)):
                held = await self._token(oauth2)
        except TimeoutError:
            held = _Held("", "its endpoint did not answer in time", 0.0)
        spent = self._seconds() - begun
        left = self._left(deadline, begun)
        if held.problem or not left:
            why = held.problem or "it took all of the time"
            return NoAnswer("token", f"no access token: {why}", 0.0, spent * 1e3)
        headers = (("authorization", f"Bearer {held.token}"), *signature)
        answer = await self._sender.send(request, headers, timedelta(seconds=left))
        return replace(answer, total_ms=answer.total_ms + spent * 1e3), held.token

    def _left(self, deadline: timedelta, begun: float) -> float:
        return max(0.0, deadline.total_seconds() - (self._seconds() - begun))

    async def _token(self, oauth2: OAuth2) -> _Held:
        """The token that is held, or one that all who want it wait for together."""
        held = self._held.get(oauth2)
        if held is not None and held.until > self._seconds():
            return held
        task = self._fetching.get(oauth2)
        if task is None:
            task = asyncio.create_task(self._fetch(oauth2))
            self._fetching[oauth2] = task
            task.add_done_callback(lambda _: self._fetching.pop(oauth2, None))
        # One who gives up waiting does not take it from the others.
        return await asyncio.shield(task)

    async def _fetch(self, oauth2: OAuth2) -> _Held:
        answer = await self._token_sender.send(token_request(oauth2), (), FETCH_TIME)
        held = _read(answer, self._seconds())
        TOKENS.labels("failed" if held.problem else "fetched").inc()
        if held.problem:
            log.warning("token.failed", url=masked_url(oauth2.token_url), reason=held.problem)
        if len(self._held) >= MOST_KEPT:
            self._held.clear()
        self._held[oauth2] = held
        return held

    def _forget(self, oauth2: OAuth2, token: str) -> None:
        """Let go of a token that was refused, unless it is another one already."""
        held = self._held.get(oauth2)
        if held is not None and held.token == token:
            del self._held[oauth2]


def token_request(oauth2: OAuth2) -> Request:
    """The request for a token."""
    form = {"grant_type": "client_credentials", "scope": oauth2.scope, "audience": oauth2.audience}
    headers = [
        ("user-agent", USER_AGENT),
        ("accept-encoding", "identity"),
        ("accept", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
    ]
    if oauth2.client_auth == "basic":
        # RFC 6749, 2.3.1: both are form-encoded first.
        user, password = quote_plus(oauth2.client_id), quote_plus(oauth2.client_secret)
        headers.append(("authorization", basic_of(user, password)))
    else:
        form |= {"client_id": oauth2.client_id, "client_secret": oauth2.client_secret}
    body = urlencode({name: value for name, value in form.items() if value}).encode()
    masked = Masked(masked_url(oauth2.token_url), ())
    return Request("POST", oauth2.token_url, tuple(headers), body, masked)


def _read(answer: Answer | NoAnswer, now: float) -> _Held:
    """The token in an answer; nothing of the answer but a stable word is in the problem."""
    if isinstance(answer, NoAnswer):
        return _Held("", f"{answer.error_class}: {answer.error}", now + REST_S)
    try:
        content = json.loads(answer.body) if answer.whole else None
    except (ValueError, RecursionError):
        content = None
    said = content if isinstance(content, dict) else {}
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - the class of success
        error = str(said.get("error", ""))
        word = f" ({error})" if _ERROR.fullmatch(error) else ""
        return _Held("", f"its endpoint answered {answer.status}{word}", now + REST_S)
    token, kind = said.get("access_token"), said.get("token_type", "bearer")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return _Held("", "its endpoint's answer holds no access_token", now + REST_S)
    if str(kind).lower() != "bearer":
        return _Held("", "its endpoint gave a token of another type than bearer", now + REST_S)
    return _Held(token, "", now + _lifetime(said.get("expires_in")))


def _lifetime(said: object) -> float:
    """How long a token is used, in seconds."""
    try:
        seconds = float(said) if isinstance(said, int | float | str) else LIFETIME_S
    except (ValueError, OverflowError):
        seconds = LIFETIME_S
    if not 0 <= seconds < 1e9:  # noqa: PLR2004 - not a number, or no time that makes sense
        seconds = LIFETIME_S
    return seconds - min(MARGIN_S, seconds / 10)
