"""Sends one request, hardened: vetted address at dial time, one deadline, capped answer, no redirects.

Connections are kept alive.  A request is sent again, on a fresh connection, only if nothing of it
was sent on the kept one; whatever else goes wrong is an outcome, and a retry's business.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Self

from schemas.errors import IllegalStepError
from webhook_service.address import Network
from webhook_service.connection import Connection, Lost, Reply
from webhook_service.dial import Dialer, ForbiddenAddressError, NoSuchHostError, Origin
from webhook_service.outcome import Answer, ErrorClass, NoAnswer
from webhook_service.render import Request
from webhook_service.tunnel import Proxy
from webhook_service.wire import request_bytes, target_of

#: Idle connections are dropped after this long, before the usual receiver drops them (5 s at the
#: least), so that a request seldom meets a connection that is being closed.
KEEP_ALIVE_S: Final = 4.0


class Sender:
    """An HTTP client for strangers' endpoints.

    Connections are kept alive per host, without a limit of their own: each lane has its
    concurrency, and none can take another's connections.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        body_cap: int = 16 * 1024,
        proxy: Proxy | None = None,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
            allowed: Networks that may be called although they are special.
            body_cap: Bytes of an answer's body that are read, at most.
            proxy: Every connection goes through it, if there is one.
        """
        self._allowed = tuple(allowed)
        self._proxy = proxy
        self._cap = body_cap
        self._dialer: Dialer | None = None
        self._idle: dict[Origin, deque[Connection]] = {}
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self) -> Self:
        """Be ready to send."""
        self._dialer = Dialer(self._allowed, proxy=self._proxy)
        return self

    async def close(self) -> None:
        """Close every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._open:
            connection.abort()
        self._open.clear()
        self._idle.clear()
        if self._dialer is not None:
            self._dialer.close()
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn

    async def send(
        self, request: Request, signature: Sequence[tuple[str, str]], deadline: timedelta
    ) -> Answer | NoAnswer:
        """Send a request and read its answer, all within the deadline.

        Args:
            signature: The headers of this attempt, in addition to the request's own.
        """
        loop = asyncio.get_running_loop()
        begun = connected = loop.time()
        until = begun + deadline.total_seconds()
        try:
            target = target_of(request.url)
            data = request_bytes(request, signature)
        except ValueError as error:
            return NoAnswer("webhook", str(error), 0.0, 0.0)
        origin = Origin(target.tls, target.host, target.port, request.tls)
        connection, waiter = self._asked(origin, data, begun, until)
        if connection is None or waiter is None:
            try:
                async with asyncio.timeout_at(until):
                    connection = await self._dialled(origin)
            except _FAILURES as error:
                took = (loop.time() - begun) * 1e3
                return NoAnswer(*_classified(error, deadline), took, took)
            connected = loop.time()
            waiter = connection.ask(data, until)
            if waiter is None:
                self._drop(connection)
                took = (connected - begun) * 1e3
                return NoAnswer("connection", _CLOSED, took, took)
        try:
            reply = await waiter
        except BaseException:
            self._drop(connection)
            raise
        ended = loop.time()
        took, total = (connected - begun) * 1e3, (ended - begun) * 1e3
        if isinstance(reply, Lost):
            self._drop(connection)
            return _unknown(reply, deadline, took, total)
        self._keep(origin, connection, ended)
        return Answer(*reply, took, total)

    # ------------------------------------------------------------------------- the connections

    async def _dialled(self, origin: Origin) -> Connection:
        if self._dialer is None:
            raise IllegalStepError("a sender sends after its start")
        loop = asyncio.get_running_loop()
        connection = await self._dialer.connect(origin, lambda: Connection(loop, self._cap))
        self._open.add(connection)
        return connection

    def _asked(
        self, origin: Origin, data: bytes, now: float, until: float
    ) -> tuple[Connection | None, asyncio.Future[Reply | Lost] | None]:
        """An idle connection that took the request, the one used last; none if none did."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if now - connection.idle_since < KEEP_ALIVE_S:
                waiter = connection.ask(data, until)
                if waiter is not None:
                    return connection, waiter
            self._drop(connection)
        return None, None

    def _keep(self, origin: Origin, connection: Connection, now: float) -> None:
        """Keep a connection for the next request, if nothing is left on it."""
        if not connection.is_usable:
            self._drop(connection)
            return
        connection.idle_since = now
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = deque()
        idle.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEEP_ALIVE_S, self._swept)

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.abort()

    def _swept(self) -> None:
        """Close what was idle for too long; once a while, whatever the number of connections."""
        loop = asyncio.get_running_loop()
        self._sweep = None
        oldest = loop.time() - KEEP_ALIVE_S
        for origin, idle in list(self._idle.items()):
            while idle and (idle[0].idle_since <= oldest or not idle[0].is_usable):
                self._drop(idle.popleft())
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._sweep = loop.call_later(KEEP_ALIVE_S, self._swept)


def _unknown(lost: Lost, deadline: timedelta, connect_ms: float, total_ms: float) -> NoAnswer:
    """What is said of a request that was sent and has no answer."""
    text = _TIMEOUT.format(deadline=deadline.total_seconds()) if _is_timeout(lost) else lost.error
    return NoAnswer(lost.error_class, text, connect_ms, total_ms, unknown=True)


def _is_timeout(lost: Lost) -> bool:
    return lost.error_class == "timeout"


_TIMEOUT: Final = "no complete answer within {deadline:g} s"
_CLOSED: Final = "the endpoint closed the connection before the request was sent"
#: What may go wrong with a dial without anything of ours being wrong.
_FAILURES: Final = (TimeoutError, OSError, ssl.SSLError, ssl.CertificateError)
#: The first that fits decides; `cause` is the error in words.
_CLASSES: Final[tuple[tuple[tuple[type[BaseException], ...], ErrorClass, str], ...]] = (
    ((TimeoutError,), "timeout", _TIMEOUT),
    ((ForbiddenAddressError,), "forbidden-address", "{cause}"),
    ((NoSuchHostError,), "dns", "{cause}"),
    ((ssl.SSLError, ssl.CertificateError), "tls", "no TLS connection: {cause}"),
    ((OSError,), "connection", "no connection: {cause}"),
)


def _classified(error: BaseException, deadline: timedelta) -> tuple[ErrorClass, str]:
    """One stable word, and a sentence."""
    for kinds, word, text in _CLASSES:
        if isinstance(error, kinds):
            return word, text.format(cause=_text(error), deadline=deadline.total_seconds())
    raise IllegalStepError(f"{type(error).__name__} is not classified") from error


def _text(error: BaseException) -> str:
    """The error in words, one line."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words).splitlines()[0][:200]
