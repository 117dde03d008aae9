"""Do the hosts of webhooks exist, and may their addresses be called: asked when they are saved."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address

from webhook_service.address import Network, address_in, refusal_of
from webhook_service.url import host_of

#: What a name's look-up may take, seconds.
PATIENCE_S = 10

#: Gives the addresses of a name, or raises OSError.
Resolve = Callable[[str], Awaitable[Iterable[str]]]


async def system_resolver(host: str) -> list[str]:
    """Ask the system."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_S):
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def problem_with_host(url: str, allowed: Iterable[Network], resolve: Resolve) -> str | None:
    """Why deliveries to a well-formed URL would fail; None if nothing speaks against them."""
    host = host_of(url)
    if address_in(host) is not None:
        return None  # its parser has judged it
    try:
        found = await resolve(host)
    except OSError as error:  # TimeoutError is one too
        said = error.strerror or "no answer in time"
        return f"the name {host} cannot be resolved from here: {said}; is it spelt right?"
    networks = tuple(allowed)
    for text in found:
        kind = refusal_of(ip_address(text.partition("%")[0]), networks)
        if kind is not None:
            return (
                f"the name {host} leads to {text}, a {kind} address, which is never called unless "
                "the operator allows its network in HOOKLINE_WEBHOOK_ALLOW_NETWORKS"
            )
    return None
