"""A request as the bytes that go over the wire: what is sent, and what a preview shows.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from webhook_service.render import Request

Pairs = Sequence[tuple[str, str]]

#: What would not end a request line early.
_PATH: Final = re.compile(r"[!-~]+")
_LINE: Final = "%s: %s\r\n".__mod__


class Target(NamedTuple):
    """Where a URL leads."""

    tls: bool
    host: str
    port: int
    netloc: str
    path: str


@lru_cache(maxsize=4_096)
def target_of(url: str) -> Target:
    """Where a URL leads, and what is asked for there.

    Raises:
        ValueError: It cannot be called.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("its URL cannot be called; change it")
    if parts.port == 0:
        raise ValueError("its URL has the port 0; change it")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH.fullmatch(path):
        raise ValueError("its URL holds characters that no URL has; change it")
    return Target(tls, parts.hostname, parts.port or (443 if tls else 80), parts.netloc, path)


def request_bytes(request: Request, signature: Pairs) -> bytes:
    """The whole request in one piece.

    Args:
        signature: The headers of this attempt, after the request's own.

    Raises:
        ValueError: A line break would end a line early, or a character has no place there.
    """
    target = target_of(request.url)
    lines = [
        f"{request.method} {target.path} HTTP/1.1\r\n",
        f"Host: {target.netloc}\r\n",
        *map(_LINE, request.headers),
        *map(_LINE, signature),
    ]
    if request.method != "GET":
        lines.append(f"Content-Length: {len(request.body)}\r\n")
    head = "".join(lines)
    # One look at the whole is cheaper than one at each line.
    breaks = len(lines)
    if head.count("\n") != breaks or head.count("\r") != breaks or "\0" in head:
        raise ValueError("a header or the URL holds a line break; change it")
    if not head.isascii():
        raise ValueError("a header or the URL holds characters beyond ASCII; change it")
    return b"%b\r\n%b" % (head.encode(), request.body)
