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
from webhook_service.auth import Tls
from webhook_service.trust import context_of
from webhook_service.tunnel import Proxy, ProxyError, tunnel

#: Lookups at once; a name server that hangs holds up no more than these.
RESOLVER_THREADS: Final = 32
#: What a lookup found is used again for so long; it is vetted again, too.
REMEMBERED_S: Final = 10.0
MOST_REMEMBERED: Final = 10_000
#: The next address is tried when the one before has not answered for so long (RFC 8305).
NEXT_ADDRESS_S: Final = 0.25

P = TypeVar("P", bound=asyncio.Protocol)
#: A name → its addresses; raises `socket.gaierror` if there are none.
Lookup = Callable[[str], Sequence[str]]


class ForbiddenAddressError(OSError):
    """The name leads to an address that is never called."""


class NoSuchHostError(OSError):
    """The name cannot be resolved."""


class Origin(NamedTuple):
    """What connections are kept for.

    Attributes:
        own: Certificates of a webhook's own, so that no other uses its connections.
    """

    tls: bool
    host: str
    port: int
    own: Tls | None = None


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What a lookup found, and until when that is used."""

    addresses: tuple[str, ...]
    until: float


class Dialer:
    """Opens connections."""

    def __init__(
        self,
        allowed: Sequence[Network],
        lookup: Lookup | None = None,
        *,
        proxy: Proxy | None = None,
    ) -> None:
        """Nothing is opened.

        Args:
            allowed: Networks that may be called although they are special.
            lookup: Finds the addresses of a name, in a thread; the system's resolver by default.
            proxy: Every connection goes through it, if there is one; its own address is not vetted.
        """
        self._allowed = tuple(allowed)
        self._proxy = proxy
        self._lookup = lookup or _resolved
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")
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
        dialled = await self._dialled(addresses, origin.port)
        try:
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, made = await loop.create_connection(
                protocol,
                sock=dialled,
                ssl=context_of(origin.own) if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException as error:
            dialled.close()
            if origin.tls and isinstance(error, ConnectionError):
                raise ssl.SSLError("the endpoint ended the handshake") from error
            raise
        return made

    async def _dialled(self, addresses: Sequence[str], port: int) -> socket.socket:
        """A socket that is connected to one of the addresses, through the proxy if there is one."""
        if self._proxy is None:
            return await _connected(addresses, port)
        near = await self._addresses_of(self._proxy.host)
        failed: OSError = NoSuchHostError("there is no address")
        for address in addresses:
            dialled = await _connected(near, self._proxy.port)
            try:
                await tunnel(dialled, self._proxy, address, port)
            except ProxyError as error:
                dialled.close()
                failed = error
            except BaseException:
                dialled.close()
                raise
            else:
                return dialled
        raise failed

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
            found = await loop.run_in_executor(self._threads, self._lookup, host)
        except (socket.gaierror, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no name"
            raise NoSuchHostError(f"the name cannot be resolved: {reason}") from error
        addresses = tuple(dict.fromkeys(found))
        if len(self._found) >= MOST_REMEMBERED:
            self._found.clear()
        self._found[host] = _Remembered(addresses, loop.time() + REMEMBERED_S)
        return addresses


async def _connected(addresses: Sequence[str], port: int) -> socket.socket:
    return await start_connection(
        [_info(address, port) for address in addresses],
        happy_eyeballs_delay=NEXT_ADDRESS_S,
        interleave=1,
        loop=asyncio.get_running_loop(),
    )


def vet(text: str, allowed: Sequence[Network]) -> None:
    """Refuse an address that is never called.

    Raises:
        ForbiddenAddressError: It is one.
    """
    kind = refusal_of(ip_address(text.partition("%")[0]), allowed)
    if kind is not None:
        raise ForbiddenAddressError(f"{text} is a {kind} address, which is never called")


def _resolved(host: str) -> list[str]:
    """The addresses of a name, by the system."""
    found = socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _info(address: str, port: int) -> tuple[int, int, int, str, tuple[str, int]]:
    """An address as the socket functions want it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)
