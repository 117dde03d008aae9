"""Goes through the operator's proxy: a tunnel (CONNECT) to an address that was vetted here.

The proxy is never asked to resolve a name, so what it connects to is what was vetted.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from webhook_service.auth import basic_of

#: The head of the proxy's answer; its body is not read.
LONGEST_ANSWER: Final = 16 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy is, and how it knows us."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)


class ProxyError(OSError):
    """The proxy made no tunnel."""


def proxy_of(url: str) -> Proxy:
    """The proxy at an address such as `http://user:password@proxy.example:3128`.

    Raises:
        ValueError: It is no such address; nothing of it is in the message.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 3128
    except ValueError:
        raise ValueError("is not an address such as http://proxy.example:3128") from None
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("is not an address such as http://proxy.example:3128")
    user = None
    if parts.username is not None:
        user = basic_of(unquote(parts.username), unquote(parts.password or ""))
    return Proxy(parts.hostname, port, user)


async def tunnel(sock: socket.socket, proxy: Proxy, address: str, port: int) -> None:
    """Make a tunnel to an address over a connection to the proxy.

    Args:
        sock: Connected to the proxy; must not block.

    Raises:
        ProxyError: It refused, or its answer is not HTTP.
    """
    loop = asyncio.get_running_loop()
    target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    await loop.sock_sendall(sock, "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
    answer = b""
    while _END not in answer:
        part = await loop.sock_recv(sock, 4_096)
        answer += part
        if not part or len(answer) > LONGEST_ANSWER:
            raise ProxyError("the proxy's answer is not HTTP, or it closed the connection")
    status = _STATUS.match(answer)
    if status is None:
        raise ProxyError("the proxy's answer is not HTTP")
    if not status[1].startswith(b"2"):
        raise ProxyError(f"the proxy answered {status[1].decode()}")
    if not answer.endswith(_END):
        raise ProxyError("the proxy sent more than its answer")
