"""How one setting's text becomes a value, and what is said when it cannot.  Pure."""

from __future__ import annotations

import difflib
import ipaddress
import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

PREFIX = "HOOKLINE_"
#: Longer waits are reached by passing through the largest tier again.
LONGEST_TIER = timedelta(days=7)
LAST_PORT = 65_535
_MS = timedelta(milliseconds=1)


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def _split(value: object) -> object:
    """A list in one variable is separated by commas."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _tiers(value: object) -> object:
    """Retry tiers are whole milliseconds, separated by commas."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(timedelta(milliseconds=int(part)) for part in value.split(","))
    except (ValueError, OverflowError):
        raise ValueError("expected whole milliseconds separated by commas: 1000,60000") from None


def _rising(tiers: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
    """Each tier waits longer than the one before; the topics' names are their milliseconds."""
    if not tiers:
        raise ValueError("at least one tier is needed")
    for tier in tiers:
        if not _MS <= tier <= LONGEST_TIER or tier % _MS:
            raise ValueError(
                f"a tier is 1 to {LONGEST_TIER // _MS} whole milliseconds, got {tier / _MS:g}"
            )
    for shorter, longer in itertools.pairwise(tiers):
        if longer <= shorter:
            raise ValueError(f"tiers rise, got {longer // _MS} after {shorter // _MS}")
    return tiers


def _addresses(servers: tuple[str, ...]) -> tuple[str, ...]:
    """Each one is host:port."""
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) <= LAST_PORT:
            raise ValueError(f"expected host:port, separated by commas, got {server}")
    return servers


def _http_url(value: str) -> str:
    """An http(s) address; credentials in it would end up in logs."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected an address that begins with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("the address holds a user name or password; those have their own settings")
    return value


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    """Each one is a network in CIDR form."""
    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            raise ValueError(
                f"expected networks such as 10.0.0.0/8, separated by commas: {error}"
            ) from None
    return values


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Servers = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_addresses)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_networks)]


def _proxy_url(url: SecretStr) -> SecretStr:
    """`http://` with a host, and nothing behind it; nothing of it is in the message."""
    try:
        parts = urlsplit(url.get_secret_value())
        right = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("expected an address such as http://user:password@proxy.example:3128")
    return url


Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_split)]
Tiers = Annotated[tuple[timedelta, ...], BeforeValidator(_tiers), AfterValidator(_rising)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_proxy_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


def unknown(name: str, known: Mapping[str, str]) -> str:
    """One sentence about a variable that does not exist."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"{name} is not a setting; did you mean {near[0]}?"


def wrong(problem: Mapping[str, Any], hidden: frozenset[str]) -> str:
    """One sentence about a value that is not allowed.

    Args:
        problem: As pydantic lists it.
        hidden: Fields whose values are never shown.
    """
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return str(message)
    field = str(problem["loc"][0])
    shown = "" if field in hidden else f"={problem['input']!r}"
    return f"{variable(field)}{shown}: {message}"
