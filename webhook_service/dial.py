"""Connects to strangers: every address is vetted when it is dialled, and dialled as it was vetted."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, NamedTuple, TypeVar

from aiohappyeyeballs import start_connection

from webhook_service.address import Network, address_in, refusal_of

#: Lookups at once; a name server that hangs holds up no more than these.
RESOLVER_THREADS: Final = 32
#: What a lookup found is used again for so long; it is vetted again, too.
REMEMBERED_S: Final = 10.0
MOST_REMEMBERED: Final = 10_000
#: The next address is tried when the one before has not answered for so long (RFC 8305).
NEXT_ADDRESS_S: Final = 0.25

P = TypeVar("P", bound=asyncio.Protocol)


class ForbiddenAddressError(OSError):
    """The name leads to an address that is never called."""


class NoSuchHostError(OSError):
    """The name cannot be resolved."""


class Origin(NamedTuple):
    """What connections are kept for."""

    tls: bool
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What a lookup found, and until when that is used."""

    addresses: tuple[str, ...]
    until: float


class Dialer:
    """Opens connections."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        """Nothing is opened.

        Args:
            allowed: Networks that may be called although they are special.
        """
        self._allowed = tuple(allowed)
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")
        self._trust = ssl.create_default_context()
        self._trust.set_alpn_protocols(["http/1.1"])
        self._found: dict[str, _Remembered] = {}

    def close(self) -> None:
        """Give the threads back."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def connect(self, origin: Origin, protocol: Callable[[], P]) -> P:
        """A connection to one of the host's addresses.

        Raises:
            ForbiddenAddressError: One of them is never called; nothing was dialled.
            NoSuchHostError: There are none.
            OSError: No connection; an `ssl.SSLError` if TLS is what failed.
        """
        loop = asyncio.get_running_loop()
        addresses = await self._addresses_of(origin.host)
        for address in addresses:
            vet(address, self._allowed)
        # The socket is connected to exactly these: nothing resolves a name after the look.
        dialled = await start_connection(
            [_info(address, origin.port) for address in addresses],
            happy_eyeballs_delay=NEXT_ADDRESS_S,
            interleave=1,
            loop=loop,
        )
        try:
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, made = await loop.create_connection(
                protocol,
                sock=dialled,
                ssl=self._trust if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException:
            dialled.close()
            raise
        return made

    async def _addresses_of(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, in the order in which the system prefers them."""
        literal = address_in(host)
        if literal is not None and host != "localhost":
            return (str(literal),)
        loop = asyncio.get_running_loop()
        known = self._found.get(host)
        if known is not None and known.until > loop.time():
            return known.addresses
        try:
            found = await loop.run_in_executor(
                self._threads, socket.getaddrinfo, host, None, 0, socket.SOCK_STREAM
            )
        except (socket.gaierror, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no name"
            raise NoSuchHostError(f"the name cannot be resolved: {reason}") from error
        addresses = tuple(dict.fromkeys(str(address[0]) for *_, address in found))
        if len(self._found) >= MOST_REMEMBERED:
            self._found.clear()
        self._found[host] = _Remembered(addresses, loop.time() + REMEMBERED_S)
        return addresses


def vet(text: str, allowed: Sequence[Network]) -> None:
    """Refuse an address that is never called.

    Raises:
        ForbiddenAddressError: It is one.
    """
    kind = refusal_of(ip_address(text.partition("%")[0]), allowed)
    if kind is not None:
        raise ForbiddenAddressError(f"{text} is a {kind} address, which is never called")


def _info(address: str, port: int) -> tuple[int, int, int, str, tuple[str, int]]:
    """An address as the socket functions want it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)
