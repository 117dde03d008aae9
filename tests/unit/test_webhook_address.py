"""`webhook_service.address`: which addresses are never called, in every spelling."""

# ruff: noqa: RUF001, S104 - unusual digits and special addresses are the subject

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest

from schemas.errors import ConfigurationError
from webhook_service.address import address_in, networks, refusal_of

REFUSED = {
    "unspecified": ["0.0.0.0", "0.0.0.1", "0.255.255.255", "::"],
    "private": ["10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
                "192.168.255.255"],
    "carrier-grade NAT": ["100.64.0.0", "100.100.100.200", "100.127.255.255"],
    "loopback": ["127.0.0.0", "127.0.0.1", "127.255.255.254", "::1"],
    "cloud metadata": ["168.63.129.16"],
    "link-local": ["169.254.0.1", "169.254.169.254", "169.254.170.2", "fe80::1", "febf:ffff::"],
    "reserved": ["192.0.0.1", "192.0.0.192", "240.0.0.1", "254.255.255.255", "2001:1::1",
                 "2001:10::1", "2001:20::1", "5f00::1", "100:0:0:1::1", "4000::1", "8000::1",
                 "fe00::1", "1::1", "200::1", "400::1"],
    "documentation": ["192.0.2.1", "198.51.100.7", "203.0.113.255", "2001:db8::1", "3fff::1"],
    "6to4 relay": ["192.88.99.1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "broadcast": ["255.255.255.255"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a00:1"],
    "IPv4-translated": ["::ffff:0:127.0.0.1"],
    "IPv4-compatible": ["::127.0.0.1", "::8.8.8.8", "::2"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"],
    "discard-only": ["100::1"],
    "Teredo": ["2001::1", "2001:0:53aa:64c:0:0:0:1"],
    "6to4": ["2002:7f00:1::", "2002:c0a8:101::1"],
    "unique-local": ["fc00::1", "fd00:ec2::254", "fdff:ffff::1"],
    "site-local": ["fec0::1", "feff::1"],
}  # fmt: skip
CALLED = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "168.63.129.15", "169.253.255.255", "169.255.0.0",
    "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
    "2000::1", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "3ffe::1",
]  # fmt: skip
LOOPBACK = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0X7F000001", "017700000001",
    "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "0177.1", "127.0.0.01", "127.0.0x0.1", "00177.0.0.1",
    "127.0.0.1.", "１２７.０.０.１", "127。0。0。1", "127｡0｡0｡1", "127．0．0．1", "①②⑦.0.0.1",
    "localhost", "LOCALHOST", "localhost.", "a.localhost", " 127.0.0.1 ",
]  # fmt: skip
NAMES = [
    "example.com", "1.example.com", "127.0.0.1.example.com", "0x7f.example", "a", "256.0.0.1",
    "127.0.0.256", "1.2.3.4.5", "4294967296", "127.0.0", "08.0.0.1", "localhost.example",
    "mylocalhost", "", "1..2",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"), [(text, kind) for kind, texts in REFUSED.items() for text in texts]
)
def test_special_addresses_are_refused_by_their_kind(text, kind):
    assert refusal_of(ip_address(text)) == kind


@pytest.mark.parametrize("text", CALLED)
def test_ordinary_addresses_are_called(text):
    assert refusal_of(ip_address(text)) is None


@pytest.mark.parametrize("host", LOOPBACK)
def test_every_spelling_of_loopback_is_recognised(host):
    found = address_in(host)

    assert found is not None
    assert refusal_of(found) == "loopback"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("[::1]", "::1"),
        ("[::ffff:7f00:1]", "::ffff:127.0.0.1"),
        ("[fe80::1%25eth0]", "fe80::1"),
        ("[fe80::1%eth0]", "fe80::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("2852039166", "169.254.169.254"),
        ("169.254.43518", "169.254.169.254"),
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("10.1", "10.0.0.1"),
        ("192.168.257", "192.168.1.1"),
    ],
)
def test_other_spellings_are_read_as_the_resolver_would(host, address):
    assert address_in(host) == ip_address(address)


@pytest.mark.parametrize("host", [name for name in NAMES if name != "127.0.0"])
def test_names_are_not_addresses(host):
    assert address_in(host) is None


def test_an_allowed_network_opens_its_addresses_and_no_others():
    allowed = networks(["127.0.0.0/8", "fd00::/8"])

    assert refusal_of(ip_address("127.0.0.1"), allowed) is None
    assert refusal_of(ip_address("::ffff:127.0.0.1"), allowed) is None
    assert refusal_of(ip_address("fd00::1"), allowed) is None
    assert refusal_of(ip_address("::1"), allowed) == "loopback"
    assert refusal_of(ip_address("10.0.0.1"), allowed) == "private"
    assert refusal_of(ip_address("::127.0.0.1"), allowed) == "IPv4-compatible"


def test_a_network_that_is_none_is_refused_with_an_example():
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.0/8"):
        networks(["127.0.0.1/8"])


def test_the_table_of_cases_is_as_long_as_promised():
    cases = [*CALLED, *LOOPBACK, *NAMES, *(text for texts in REFUSED.values() for text in texts)]

    assert len(cases) >= 100


def test_short_forms_fill_the_last_bytes():
    assert address_in("1.2") == IPv4Address("1.0.0.2")
    assert address_in("1.65536") == IPv4Address("1.1.0.0")
