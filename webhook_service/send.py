"""Sends one request, hardened: vetted address at dial time, one deadline, capped answer, no redirects.

aiohttp's parser and protocol read the answers; its session, which does much more than a delivery
needs, costs four times the CPU of all that is here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final, Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError

from schemas.errors import IllegalStepError
from webhook_service.address import Network
from webhook_service.dial import Dialer, ForbiddenAddressError, NoSuchHostError, Origin
from webhook_service.outcome import Answer, ErrorClass, NoAnswer
from webhook_service.render import Request
from webhook_service.wire import message_of, opening_of, target_of

#: Idle connections are dropped after this long, before the usual receiver drops them (5 s at the
#: least), so that a request seldom meets a connection that is being closed.
KEEP_ALIVE_S: Final = 4.0
_SWITCHING_PROTOCOLS: Final = 101
_FIRST_FINAL: Final = 200


class Sender:
    """An HTTP client for strangers' endpoints.

    Connections are kept alive per host, without a limit of their own: each lane has its
    concurrency, and none can take another's connections.
    """

    def __init__(self, allowed: Sequence[Network] = (), body_cap: int = 16 * 1024) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
            allowed: Networks that may be called although they are special.
            body_cap: Bytes of an answer's body that are read, at most.
        """
        self._allowed = tuple(allowed)
        self._cap = body_cap
        self._dialer: Dialer | None = None
        self._idle: dict[Origin, deque[tuple[ResponseHandler, float]]] = {}
        self._open: set[ResponseHandler] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self) -> Self:
        """Be ready to send."""
        self._dialer = Dialer(self._allowed)
        return self

    async def close(self) -> None:
        """Close every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
        lost = [closed for each in self._open if (closed := each.closed) is not None]
        for connection in self._open:
            connection.abort()
        if lost:
            await asyncio.wait(lost)
        self._open.clear()
        self._idle.clear()
        if self._dialer is not None:
            self._dialer.close()

    async def send(
        self, request: Request, signature: Sequence[tuple[str, str]], deadline: timedelta
    ) -> Answer | NoAnswer:
        """Send a request and read its answer, all within the deadline.

        Args:
            signature: The headers of this attempt, in addition to the request's own.
        """
        loop = asyncio.get_running_loop()
        begun = connected = loop.time()
        connection: ResponseHandler | None = None
        try:
            origin, head = _opening(request.method, request.url, request.headers)
            async with asyncio.timeout(deadline.total_seconds()):
                connection = self._kept(origin, begun)
                if connection is None:
                    connection = await self._dialled(origin)
                    connected = loop.time()
                _write(connection, head, signature, request)
                status, headers, body, whole = await self._read(connection)
        except _FAILURES as error:
            self._drop(connection)
            word, text = _classified(error, deadline)
            ended = loop.time()
            reached = connected if connection is not None else ended
            return NoAnswer(word, text, (reached - begun) * 1e3, (ended - begun) * 1e3)
        except BaseException:
            self._drop(connection)
            raise
        ended = loop.time()
        self._keep(origin, connection, ended, whole=whole)
        return Answer(
            status, headers, body, whole, (connected - begun) * 1e3, (ended - begun) * 1e3
        )

    async def _read(self, connection: ResponseHandler) -> tuple[int, dict[str, str], bytes, bool]:
        """The final answer, its body up to the cap, and whether that was all of it."""
        while True:
            message, content = await connection.read()
            if message.code >= _FIRST_FINAL or message.code == _SWITCHING_PROTOCOLS:
                break
        headers = {name.lower(): value for name, value in message.headers.items()}
        if content.at_eof():
            return message.code, headers, b"", True
        parts: list[bytes] = []
        room = self._cap + 1
        while room > 0:
            part = await content.read(room)
            if not part:
                return message.code, headers, b"".join(parts), True
            parts.append(part)
            room -= len(part)
        return message.code, headers, b"".join(parts)[: self._cap], False

    # ------------------------------------------------------------------------- the connections

    async def _dialled(self, origin: Origin) -> ResponseHandler:
        if self._dialer is None:
            raise IllegalStepError("a sender sends after its start")
        connection = await self._dialer.connect(origin)
        self._open.add(connection)
        return connection

    def _kept(self, origin: Origin, now: float) -> ResponseHandler | None:
        """A connection that is idle and can be used, the one used last."""
        idle = self._idle.get(origin)
        while idle:
            connection, since = idle.pop()
            if now - since < KEEP_ALIVE_S and _is_usable(connection):
                return connection
            self._drop(connection)
        return None

    def _keep(
        self, origin: Origin, connection: ResponseHandler, now: float, *, whole: bool
    ) -> None:
        """Keep a connection for the next request, if nothing is left on it."""
        if not whole or not _is_usable(connection):
            self._drop(connection)
            return
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = deque()
        idle.append((connection, now))
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEEP_ALIVE_S, self._swept)

    def _drop(self, connection: ResponseHandler | None) -> None:
        if connection is not None:
            self._open.discard(connection)
            connection.abort()

    def _swept(self) -> None:
        """Close what was idle for too long; once a while, whatever the number of connections."""
        loop = asyncio.get_running_loop()
        self._sweep = None
        oldest = loop.time() - KEEP_ALIVE_S
        for origin, idle in list(self._idle.items()):
            while idle and (idle[0][1] <= oldest or not _is_usable(idle[0][0])):
                self._drop(idle.popleft()[0])
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._sweep = loop.call_later(KEEP_ALIVE_S, self._swept)


def _is_usable(connection: ResponseHandler) -> bool:
    """Whether it is open and nothing was received that nobody asked for."""
    return connection.is_connected() and not connection.should_close


@lru_cache(maxsize=4_096)
def _opening(method: str, url: str, headers: tuple[tuple[str, str], ...]) -> tuple[Origin, bytes]:
    """Where a request goes, and its first lines: the same for all deliveries of a webhook."""
    target = target_of(url)
    opening = opening_of(method, target, headers)
    return Origin(target.tls, target.host, target.port), opening


def _write(
    connection: ResponseHandler,
    head: bytes,
    signature: Sequence[tuple[str, str]],
    request: Request,
) -> None:
    """The whole request in one piece."""
    if connection.transport is None:
        raise ConnectionResetError("the endpoint closed the connection")
    connection.transport.write(message_of(head, signature, request))


#: What may go wrong without anything of ours being wrong.
_FAILURES: Final = (TimeoutError, OSError, aiohttp.ClientError, HttpProcessingError, ValueError)
#: The first that fits decides; `cause` is the error in words.
_CLASSES: Final[tuple[tuple[tuple[type[BaseException], ...], ErrorClass, str], ...]] = (
    ((TimeoutError,), "timeout", "no complete answer within {deadline:g} s"),
    ((ForbiddenAddressError,), "forbidden-address", "{cause}"),
    ((NoSuchHostError,), "dns", "{cause}"),
    ((ssl.SSLError, ssl.CertificateError), "tls", "no TLS connection: {cause}"),
    (
        (aiohttp.ServerDisconnectedError,),
        "connection",
        "the endpoint closed the connection without an answer",
    ),
    ((aiohttp.ClientPayloadError,), "protocol", "the answer's body ended early or is malformed"),
    ((HttpProcessingError,), "protocol", "the answer is not HTTP: {cause}"),
    ((OSError,), "connection", "no connection, or it was lost: {cause}"),
    ((aiohttp.ClientError,), "protocol", "the answer is not HTTP: {cause}"),
    ((ValueError,), "webhook", "{cause}"),
)


def _classified(error: BaseException, deadline: timedelta) -> tuple[ErrorClass, str]:
    """One stable word, and a sentence."""
    for kinds, word, text in _CLASSES:
        if isinstance(error, kinds):
            return word, text.format(cause=_text(error), deadline=deadline.total_seconds())
    raise IllegalStepError(f"{type(error).__name__} is not classified") from error


def _text(error: BaseException) -> str:
    """The error in words, one line."""
    inner = getattr(error, "os_error", None) or error
    words = getattr(inner, "strerror", None) or getattr(inner, "message", None) or str(inner)
    return (str(words) or type(inner).__name__).splitlines()[0][:200]
