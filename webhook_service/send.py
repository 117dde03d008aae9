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
from webhook_service.outbox import Outbox
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
        self._outbox: Outbox | None = None
        self._idle: dict[Origin, deque[Connection]] = {}
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self) -> Self:
        """Be ready to send."""
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._loop)
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
        begun = self._loop.time()
        until = begun + deadline.total_seconds()
        try:
            target = target_of(request.url)
            data = request_bytes(request, signature)
        except ValueError as error:
            return NoAnswer("webhook", str(error), 0.0, 0.0)
        origin = Origin(target.tls, target.host, target.port, request.tls)
        while (connection := self._kept(origin)) is not None:
            reply = await self._asked(origin, connection, data, until)
            if reply is not None:
                return self._result(reply, deadline, begun, begun)
        try:
            async with asyncio.timeout_at(until):
                connection = await self._dialled(origin)
        except _FAILURES as error:
            took = (self._loop.time() - begun) * 1e3
            return NoAnswer(*_classified(error, deadline), took, took)
        connected = self._loop.time()
        reply = await self._asked(origin, connection, data, until)
        return self._result(reply, deadline, begun, connected)

    async def _asked(
        self, origin: Origin, connection: Connection, data: bytes, until: float
    ) -> Reply | Lost | None:
        """What comes of a request on a connection; None if nothing of it was sent."""
        try:
            reply = await connection.ask(data, until)
        except BaseException:
            self._drop(connection)
            raise
        if isinstance(reply, Reply):
            self._keep(origin, connection)
        else:
            self._drop(connection)
        return reply

    def _result(
        self, reply: Reply | Lost | None, deadline: timedelta, begun: float, connected: float
    ) -> Answer | NoAnswer:
        took, total = (connected - begun) * 1e3, (self._loop.time() - begun) * 1e3
        if isinstance(reply, Reply):
            return Answer(*reply, took, total)
        if reply is None:
            return NoAnswer("connection", _CLOSED, took, total)
        text = reply.error
        if reply.error_class == "timeout":
            text = _TIMEOUT.format(deadline=deadline.total_seconds())
        return NoAnswer(reply.error_class, text, took, total, unknown=True)

    # ------------------------------------------------------------------------- the connections

    async def _dialled(self, origin: Origin) -> Connection:
        if self._dialer is None or self._outbox is None:
            raise IllegalStepError("a sender sends after its start")
        loop, outbox = self._loop, self._outbox
        connection = await self._dialer.connect(origin, lambda: Connection(loop, outbox, self._cap))
        self._open.add(connection)
        return connection

    def _kept(self, origin: Origin) -> Connection | None:
        """An idle connection, the one used last."""
        idle = self._idle.get(origin)
        oldest = self._loop.time() - KEEP_ALIVE_S
        while idle:
            connection = idle.pop()
            if connection.idle_since > oldest and connection.usable:
                return connection
            self._drop(connection)
        return None

    def _keep(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection for the next request, if nothing is left on it."""
        if not connection.usable:
            self._drop(connection)
            return
        connection.idle_since = self._loop.time()
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = deque()
        idle.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(KEEP_ALIVE_S, self._swept)

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.abort()

    def _swept(self) -> None:
        """Close what was idle for too long; once a while, whatever the number of connections."""
        self._sweep = None
        oldest = self._loop.time() - KEEP_ALIVE_S
        for origin, idle in list(self._idle.items()):
            while idle and (idle[0].idle_since <= oldest or not idle[0].usable):
                self._drop(idle.popleft())
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._sweep = self._loop.call_later(KEEP_ALIVE_S, self._swept)


_TIMEOUT: Final = "no complete answer within {deadline:g} s"
_CLOSED: Final = "the endpoint closed the connection, or spoke, before the request was sent"
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
