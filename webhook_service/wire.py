"""A request as the bytes that go over the wire: what is sent, and what a preview shows.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from webhook_service.render import Request

Pairs = Sequence[tuple[str, str]]


class Target(NamedTuple):
    """Where a URL leads."""

    tls: bool
    host: str
    port: int
    netloc: str
    path: str


def target_of(url: str) -> Target:
    """Where a URL leads, and what is asked for there.

    Raises:
        ValueError: It cannot be called.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("its URL cannot be called; change it")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(tls, parts.hostname, parts.port or (443 if tls else 80), parts.netloc, path)


def opening_of(method: str, target: Target, headers: Pairs) -> bytes:
    """The request line, `Host`, and the headers that are known before an attempt.

    Raises:
        ValueError: A line break would end one of them early, or a character has no place there.
    """
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return _lines(lines)


def message_of(opening: bytes, signature: Pairs, request: Request) -> bytes:
    """The whole request.

    Args:
        opening: As `opening_of` made it of this request.
        signature: The headers of this attempt.

    Raises:
        ValueError: As `opening_of`.
    """
    lines = [f"{name}: {value}" for name, value in signature]
    if request.method != "GET":
        lines.append(f"Content-Length: {len(request.body)}")
    return b"%b%b\r\n%b" % (opening, _lines(lines), request.body)


def request_bytes(request: Request, signature: Pairs) -> bytes:
    """The whole request in one step.

    Raises:
        ValueError: As `opening_of`.
    """
    opening = opening_of(request.method, target_of(request.url), request.headers)
    return message_of(opening, signature, request)


def _lines(lines: Sequence[str]) -> bytes:
    if any(character in line for line in lines for character in "\r\n\0"):
        raise ValueError("a header or the URL holds a line break; change it")
    try:
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")
    except UnicodeEncodeError:
        raise ValueError("a header or the URL holds characters beyond ASCII; change it") from None
