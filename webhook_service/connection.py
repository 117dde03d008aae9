"""One HTTP/1.1 connection to a stranger: a request goes out, and one bounded answer is read.

llhttp parses.  What is bounded here: the bytes of the head (interim answers included), its
headers, the body's bytes, what all of it may weigh on the wire, and the time until the end of it.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from webhook_service.outbox import Outbox
from webhook_service.outcome import ErrorClass

#: All of an answer before its body, interim answers included; most servers' own bound is smaller.
LONGEST_HEAD: Final = 64 * 1024
MOST_HEADERS: Final = 256
#: A body in chunks may weigh so many times its content, and this much more.
FRAMING: Final = 16
_SWITCHING_PROTOCOLS, _FIRST_FINAL = 101, 200
_TEXT: Final = ("utf-8", "surrogateescape")


class Reply(NamedTuple):
    """An answer.

    Attributes:
        whole: False if the body was longer than the cap.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


class Lost(NamedTuple):
    """There is no answer, or not all of one; the endpoint may have the request all the same."""

    error_class: ErrorClass
    error: str


class RefusedError(Exception):
    """The answer is beyond a bound, or what the parser lets through and nobody should."""


class Connection(asyncio.Protocol):
    """A connection; between two exchanges nothing may arrive on it.

    Attributes:
        idle_since: When the last exchange ended, by the loop's clock.
        usable: Whether it is open, and nothing is left on it.
    """

    __slots__ = (
        "_cap", "_complete", "_descriptor", "_fed", "_framed", "_head", "_headers", "_heard",
        "_in_body", "_loop", "_outbox", "_parser", "_parts", "_sent", "_size", "_timer",
        "_transport", "_waiter", "idle_since", "usable")  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, outbox: Outbox, body_cap: int) -> None:
        """Not connected yet.

        Args:
            outbox: Shared with other connections.
            body_cap: Bytes of an answer's body that are kept, at most.
        """
        self._loop = loop
        self._outbox = outbox
        self._cap = body_cap
        self._transport: asyncio.Transport | None = None
        self.usable = False
        self._waiter: asyncio.Future[Reply | Lost | None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.idle_since = 0.0
        self._parser = HttpResponseParser(self)
        # What aiohttp's client, and most others, let servers get away with.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._begin()

    # --------------------------------------------------------------------------- one exchange

    def ask(self, request: bytes, until: float) -> asyncio.Future[Reply | Lost | None]:
        """Send a request; None comes back if nothing of it was sent: the connection is closed.

        Args:
            until: When the answer must be complete, by the loop's clock.
        """
        self._begin()
        waiter = self._waiter = self._loop.create_future()
        self._timer = self._loop.call_at(until, self._expired)
        self._outbox.put(self, request)
        return waiter

    def write(self, request: bytes) -> None:
        """Let a request go out, unless the other end is known to be closed, or said something."""
        if self._waiter is None:
            return
        if (
            self._transport is None
            or not self.usable
            or not _is_quiet(self._descriptor, self._heard)
        ):
            self._end(None)
            self.abort()
            return
        self._sent = True
        self._transport.write(request)

    def abort(self) -> None:
        """Close it at once; an exchange under way has no outcome any more."""
        self.usable = False
        self._waiter = None
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        self._fed = 0
        self._head = 0
        self._size = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._in_body = False
        self._framed = False
        self._complete = False
        self._sent = False

    def _end(self, outcome: Reply | Lost | None) -> None:
        waiter, self._waiter = self._waiter, None
        self._stop_timer()
        if waiter is not None and not waiter.done():
            waiter.set_result(outcome)

    def _expired(self) -> None:
        self._fail("timeout", "no complete answer")

    def _fail(self, word: ErrorClass, text: str) -> None:
        self._end(Lost(word, text))
        self.abort()

    def _reply(self, *, whole: bool) -> None:
        headers = {
            name.decode(*_TEXT).lower(): value.decode(*_TEXT) for name, value in self._headers
        }
        body = b"".join(self._parts)
        self._end(Reply(self._parser.get_status_code(), headers, body[: self._cap], whole))

    # -------------------------------------------------------------------- what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by class
        self._descriptor = int(transport.get_extra_info("socket").fileno())
        # With TLS there may be session tickets, which are no answer: only the end is listened for.
        tls = transport.get_extra_info("ssl_object") is not None
        self._heard = getattr(select, "POLLRDHUP", 0) if tls else select.POLLIN
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if not self._sent or self._waiter is None:  # nobody asked, or that is complete
            self._end(None)
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.usable = False
        except HttpParserError as error:
            self._malformed(error)
            return
        self._weigh(len(data))

    def eof_received(self) -> None:
        """Nothing more will come; `connection_lost` follows."""
        self.usable = False

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self.usable = False
        self._transport = None
        if self._waiter is None:
            return
        if not self._sent:
            self._end(None)
        elif self._in_body and not self._framed and exc is None:
            self._reply(whole=True)
        elif self._in_body:
            self._fail("protocol", "the answer's body ended early or is malformed")
        elif isinstance(exc, ssl.SSLError):
            self._fail("tls", f"the TLS connection was ended: {exc.reason or exc}")
        elif exc is not None:
            words = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
            self._fail("connection", f"the connection was lost: {words}")
        else:
            self._fail("connection", "the endpoint closed the connection without an answer")

    def _weigh(self, size: int) -> None:
        """Count what came for an answer that is not complete."""
        if self._waiter is None:
            return
        self._fed += size
        most = LONGEST_HEAD + (FRAMING * self._cap if self._in_body else 0)
        if self._fed > most:
            self._fail("protocol", f"the answer is not complete after {most} bytes")

    def _malformed(self, error: HttpParserError) -> None:
        if self._in_body:
            self._fail("protocol", "the answer's body ended early or is malformed")
        else:
            cause = error.__context__ if isinstance(error.__context__, RefusedError) else error
            self._fail("protocol", f"the answer is not HTTP: {str(cause)[:200]}")

    # ------------------------------------------------------------------ what the parser tells

    def on_message_begin(self) -> None:
        """An answer begins: the first, one after an interim one, or one too many."""
        if self._complete:
            self.usable = False

    def on_status(self, phrase: bytes) -> None:
        """The words after the status."""
        self._count(len(phrase))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is only counted."""
        self._count(len(name) + len(value) + 4)
        if b"\0" in value:
            raise RefusedError("a header holds a NUL")
        if self._in_body or self._complete:
            return
        if len(self._headers) >= MOST_HEADERS:
            raise RefusedError(f"it has more than {MOST_HEADERS} headers")
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The body follows, if there is one."""
        if not self._complete:
            self._in_body = True
            self._framed = any(_is_framing(name, value) for name, value in self._headers)

    def on_body(self, part: bytes) -> None:
        """A piece of the body."""
        if self._complete:
            return
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._cap:
            self._complete = True
            self.usable = False
            self._reply(whole=False)
            self.abort()

    def on_message_complete(self) -> None:
        """An answer is complete; an interim one is forgotten."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL and status != _SWITCHING_PROTOCOLS:
            self._headers.clear()
            self._in_body = False
            return
        self._complete = True
        if not self._parser.should_keep_alive():
            self.usable = False
        self._reply(whole=True)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > LONGEST_HEAD:
            raise RefusedError(f"its head is longer than {LONGEST_HEAD} bytes")


def _is_quiet(descriptor: int, heard: int) -> bool:
    """Whether nothing has arrived, not even the end, that the loop has not seen yet."""
    arrived = select.poll()
    arrived.register(descriptor, heard)
    return not arrived.poll(0)


def _is_framing(name: bytes, value: bytes) -> bool:
    """Whether a header says where the body ends."""
    if name.lower() == b"transfer-encoding":
        return value.lower().rstrip().endswith(b"chunked")
    return name.lower() == b"content-length"
