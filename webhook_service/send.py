"""Sends one request, hardened: vetted address at dial time, one deadline, capped answer, no redirects."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.http import HttpProcessingError
from yarl import URL

from schemas.errors import IllegalStepError
from webhook_service.address import Address, Network, address_in, refusal_of
from webhook_service.outcome import Answer, ErrorClass, NoAnswer
from webhook_service.render import Request
from webhook_service.url import host_of

#: Idle connections are dropped after this long, before the usual receiver drops them (5 s at the
#: least), so that a request seldom meets a connection that is being closed.
KEEP_ALIVE_S = 4.0
#: Lookups at once; a name server that hangs holds up no more than these.
RESOLVER_THREADS = 32
_CHUNK = 64 * 1024


class ForbiddenAddressError(OSError):
    """The name leads to an address that is never called."""


class _Dial:
    """What is known of one request's connection."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0


_DIAL: ContextVar[_Dial] = ContextVar("dial")


class Sender:
    """An HTTP client for strangers' endpoints.

    One pool of connections, kept alive per host and without a limit of its own: each lane has its
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
        self._session: aiohttp.ClientSession | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def start(self) -> Self:
        """Open the client."""
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")
        connector = _Connector(
            resolver=_Resolver(self._threads, self._allowed),
            socket_factory=self._vetted_socket,
            limit=0,
            limit_per_host=0,
            keepalive_timeout=KEEP_ALIVE_S,
            ttl_dns_cache=10,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
            requote_redirect_url=False,
            skip_auto_headers=("accept", "accept-encoding", "user-agent", "content-type"),
            read_bufsize=_CHUNK,
        )
        # Otherwise aiohttp repeats PUT, DELETE and GET by itself when a kept-alive connection
        # turns out to be closed: an attempt that nobody counts.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public way
        return self

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(
        self, request: Request, signature: Sequence[tuple[str, str]], deadline: timedelta
    ) -> Answer | NoAnswer:
        """Send a request and read its answer, all within the deadline.

        Args:
            signature: The headers of this attempt, in addition to the request's own.
        """
        loop = asyncio.get_running_loop()
        dial = _Dial()
        _DIAL.set(dial)
        begun = loop.time()
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                status, headers, body, whole = await self._exchange(request, signature)
        except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
            word, text = _classified(error, deadline)
            return NoAnswer(word, text, dial.seconds * 1e3, (loop.time() - begun) * 1e3)
        total_ms = (loop.time() - begun) * 1e3
        return Answer(status, headers, body, whole, dial.seconds * 1e3, total_ms)

    async def _exchange(
        self, request: Request, signature: Sequence[tuple[str, str]]
    ) -> tuple[int, dict[str, str], bytes, bool]:
        """One request, one answer."""
        if self._session is None:
            raise IllegalStepError("a sender sends after its start")
        response = await self._session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=(*request.headers, *signature),
            data=request.body if request.method != "GET" else None,
            allow_redirects=False,
        )
        try:
            body, whole = await self._body_of(response)
        except BaseException:
            response.close()
            raise
        if whole:
            response.release()
        else:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return response.status, headers, body, whole

    async def _body_of(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        """The body up to the cap, and whether that was all of it."""
        content = response.content
        if content.at_eof():
            return b"", True
        parts: list[bytes] = []
        room = self._cap + 1
        while room > 0:
            part = await content.read(room)
            if not part:
                return b"".join(parts), True
            parts.append(part)
            room -= len(part)
        return b"".join(parts)[: self._cap], False

    def _vetted_socket(self, info: AddrInfoType) -> socket.socket:
        """A socket for exactly this address, if it may be called: the last look before the dial."""
        family, kind, proto, _, address = info
        _vet(str(address[0]), self._allowed)
        made = socket.socket(family, kind, proto)
        made.setblocking(False)  # noqa: FBT003 - the standard library's signature
        return made


class _Connector(aiohttp.TCPConnector):
    """Notes how long a connection took; nearly nothing if it was kept alive."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the base class's signature
    ) -> Connection:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        dial = _DIAL.get()
        try:
            return await super().connect(req, traces, timeout)
        finally:
            dial.seconds = loop.time() - begun


class _Resolver(AbstractResolver):
    """The system's resolver in threads of its own; refuses a name with any forbidden address."""

    def __init__(self, threads: ThreadPoolExecutor, allowed: tuple[Network, ...]) -> None:
        self._threads = threads
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Every address of the name, each vetted."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        results: list[ResolveResult] = []
        for kind, _, proto, _, address in found:
            text = str(address[0])
            _vet(text, self._allowed)
            results.append(
                ResolveResult(
                    hostname=host,
                    host=text,
                    port=port,
                    family=kind,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return results

    async def close(self) -> None:
        """Nothing is held."""


def _vet(text: str, allowed: Sequence[Network]) -> None:
    """Refuse an address that is never called."""
    address: Address = ip_address(text.partition("%")[0])
    kind = refusal_of(address, allowed)
    if kind is not None:
        raise ForbiddenAddressError(f"{text} is a {kind} address, which is never called")


def _classified(error: Exception, deadline: timedelta) -> tuple[ErrorClass, str]:
    """One stable word, and a sentence."""
    found = _forbidden_in(error)
    if found is not None:
        return "forbidden-address", str(found)
    if isinstance(error, aiohttp.InvalidURL):
        return _of_host(error)
    for kinds, word, text in _CLASSES:
        if isinstance(error, kinds):
            return word, text.format(cause=_text(error), deadline=deadline.total_seconds())
    return "connection", f"no connection, or it was lost: {_text(error)}"


#: The first that fits decides; `cause` is the innermost error in words.
_CLASSES: Final[tuple[tuple[tuple[type[Exception], ...], ErrorClass, str], ...]] = (
    ((TimeoutError,), "timeout", "no complete answer within {deadline:g} s"),
    ((aiohttp.ClientConnectorDNSError,), "dns", "the name cannot be resolved: {cause}"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls", "no TLS connection: {cause}"),
    (
        (aiohttp.ServerDisconnectedError,),
        "connection",
        "the endpoint closed the connection without an answer",
    ),
    ((aiohttp.ClientPayloadError,), "protocol", "the answer's body ended early or is malformed"),
    (
        (aiohttp.ClientResponseError, HttpProcessingError, ValueError),
        "protocol",
        "the answer is not HTTP: {cause}",
    ),
)


def _of_host(error: aiohttp.InvalidURL) -> tuple[ErrorClass, str]:
    """An unusual spelling of an address, which the client does not dial whatever it stands for."""
    text = str(error.url)  # of some mistakes the host alone, of others the whole URL
    host = host_of(text) or text
    address = address_in(host)
    kind = None if address is None else refusal_of(address)
    if kind is not None:
        return "forbidden-address", f"{host} is a {kind} address, which is never called"
    return "webhook", f"{host!r} is not a host that can be called; change the URL"


def _forbidden_in(error: BaseException | None) -> ForbiddenAddressError | None:
    """The refusal behind an error, if there is one."""
    for each in (error, getattr(error, "os_error", None), error and error.__cause__):
        if isinstance(each, ForbiddenAddressError):
            return each
    return None


def _text(error: BaseException) -> str:
    """The innermost cause in words; addresses of strangers are fine, bodies never get here."""
    inner = getattr(error, "os_error", None) or error
    words = getattr(inner, "strerror", None) or getattr(inner, "message", None) or str(inner)
    return (str(words) or type(inner).__name__).splitlines()[0][:200]
