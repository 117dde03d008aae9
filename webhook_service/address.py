"""Which addresses are never called, and every spelling of an address in a URL's host.

Pure: nothing is resolved here.  The table follows the IANA special-purpose registries; an address
that is not in it and not global unicast is refused as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from schemas.errors import ConfigurationError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL_4: Final = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud metadata"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)
#: The first that matches names the kind, so the narrower stands before the wider.
_SPECIAL_6: Final = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard-only"),
        ("100:0:0:1::/64", "reserved"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "reserved"),
        ("fc00::/7", "unique-local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
#: Full stops that name resolution takes for a dot (UTS 46).
_DOTS: Final = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
#: An IPv4 address is one to four numbers; leading ones are single bytes.
_MOST_NUMBERS: Final = 4
_BYTE: Final = 255
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_LOOPBACK: Final = IPv4Address("127.0.0.1")


def networks(texts: Iterable[object]) -> tuple[Network, ...]:
    """The networks an operator allows.

    Raises:
        ConfigurationError: One of them is not a network in CIDR form.
    """
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(str(text)))
        except ValueError as error:
            raise ConfigurationError(
                f"HOOKLINE_WEBHOOK_ALLOW_NETWORKS: {text!r} is not a network such as "
                f"127.0.0.0/8 or fd00::/8: {error}"
            ) from error
    return tuple(found)


def refusal_of(address: Address, allowed: Iterable[Network] = ()) -> str | None:
    """What kind of special address this is, so that it is not called; None if it may be.

    Args:
        allowed: Networks that may be called in spite of their kind.  An IPv4-mapped address is
            allowed with the address that it maps, because that is what the system connects to.
    """
    kind = _kind_of(address)
    if kind is None:
        return None
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    for network in allowed:
        if _within(address, network) or (inner is not None and _within(inner, network)):
            return None
    return kind


def address_in(host: str) -> Address | None:
    """The address that a host spells, in any spelling a resolver would take; None for a name.

    Decimal, octal and hexadecimal numbers, one to four of them, full-width digits and dots, a
    trailing dot, brackets and zones; `localhost` and names below it are the loopback address.
    """
    text = unicodedata.normalize("NFKC", host.strip().translate(_DOTS)).strip("[]")
    if ":" in text:
        return _parsed(text.partition("%")[0])
    text = text.removesuffix(".").lower()
    if text == "localhost" or text.endswith(".localhost"):
        return _LOOPBACK
    return _numbers(text.split("."))


def _kind_of(address: Address) -> str | None:
    """The address's kind in the table; None for ordinary ones."""
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _SPECIAL_4 if address in network), None)
    for network, kind in _SPECIAL_6:
        if address in network:
            return kind
    return None if address in _GLOBAL_6 else "reserved"


def _within(address: Address, network: Network) -> bool:
    """Whether the network holds the address; never across versions."""
    return address.version == network.version and address in network


def _parsed(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _numbers(parts: list[str]) -> Address | None:
    """An IPv4 address as `inet_aton` reads it: the last number fills the bytes that are left."""
    if not 1 <= len(parts) <= _MOST_NUMBERS or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        values = [_number(part) for part in parts]
    except ValueError:
        return None
    *leading, last = values
    if any(value > _BYTE for value in leading) or last >= 256 ** (5 - len(parts)):
        return None
    whole = last
    for index, value in enumerate(leading):
        whole += value << (24 - 8 * index)
    return IPv4Address(whole)


def _number(text: str) -> int:
    """One number as C reads it: `0x` hexadecimal, a leading zero octal, else decimal."""
    if text[:2] in ("0x", "0X"):
        return int(text[2:] or "0", 16)
    return int(text, 8) if text.startswith("0") else int(text)
