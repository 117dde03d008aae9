"""What a webhook's URL must be, so that every parser reads the same host out of it.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from webhook_service.address import Address, Network, address_in, refusal_of

#: Characters of RFC 3986 and no other: no backslash, space or quote that parsers disagree about.
_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
LONGEST: Final = 2_048
_LONGEST_HOST: Final = 253
_EXAMPLE: Final = "https://example.com/hooks"


def problem_with_url(url: str, allowed: Iterable[Network] = ()) -> str | None:
    """Why a webhook may not have this URL; None if it may.

    Args:
        allowed: Networks that may be called although they are special.
    """
    problem = _problem_with_text(url)
    if problem is not None:
        return problem
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"cannot be read: {error}; an address such as {_EXAMPLE} is expected"
    return _problem_with_parts(url, parts, port) or _problem_with_host(
        parts.hostname or "", tuple(allowed)
    )


def _problem_with_parts(url: str, parts: SplitResult, port: int | None) -> str | None:
    """What is wrong with the parts besides the host."""
    if parts.scheme not in ("http", "https"):
        return f"has the scheme {parts.scheme!r}; http:// or https:// is expected"
    if "@" in parts.netloc:
        return "holds a user name or password before @; use an authorization header instead"
    if "#" in url:
        return "holds a fragment (#…), which is never sent; remove it"
    if port == 0:
        return "has the port 0; 1 to 65535 are allowed"
    return None


def host_of(url: str) -> str:
    """The host of a URL that `problem_with_url` accepted: what a resolver is asked for."""
    return urlsplit(url).hostname or ""


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The URL with parameters appended, percent-encoded, after those it has."""
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    if not text:
        return url
    return f"{url}{'&' if '?' in url else '?'}{text}"


def masked_url(url: str) -> str:
    """The URL for logs: without the values of its parameters."""
    base, mark, query = url.partition("?")
    if not mark:
        return url
    names = [pair.partition("=")[0] for pair in query.split("&")]
    return f"{base}?{'&'.join(f'{name}=***' for name in names)}"


def _problem_with_text(url: str) -> str | None:
    """What can be said before the URL is taken apart."""
    if len(url) > LONGEST:
        return f"is {len(url)} characters long; {LONGEST} are allowed"
    if not url.isascii():
        return (
            "holds characters beyond ASCII; write the host in its xn-- form and percent-encode "
            "the rest"
        )
    if not _URL.fullmatch(url) or _BAD_PERCENT.search(url):
        return f"holds characters that no URL has; an address such as {_EXAMPLE} is expected"
    return None


def _problem_with_host(host: str, allowed: tuple[Network, ...]) -> str | None:
    """Why the host is refused: not one, or an address that is never called."""
    if not host:
        return f"has no host; an address such as {_EXAMPLE} is expected"
    address = address_in(host)
    if address is not None:
        kind = refusal_of(address, allowed)
        if kind is None:
            return _problem_with_spelling(host, address)
        return (
            f"leads to {host} ({kind}), which is never called unless the operator "
            "allows its network in HOOKLINE_WEBHOOK_ALLOW_NETWORKS"
        )
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        return f"has the host {host!r}, which is neither a name nor an address"
    if labels[-1].isdigit() or labels[-1].lower().startswith("0x"):
        return f"has the host {host!r}, which looks like an address and is none"
    return None


def _problem_with_spelling(host: str, address: Address) -> str | None:
    """HTTP clients disagree about addresses in unusual spellings, so there is only the usual one."""
    if "%" in host:
        return f"names a zone of one machine: {host}; write {address}"
    if host in (str(address), "localhost") or ":" in host or host.endswith(".localhost"):
        return None
    return f"spells an address as {host}; write {address}"
