"""Names whose addresses change between the check and the use, against real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle

import pytest

from webhook_service.address import Network, networks
from webhook_service.dial import Dialer, ForbiddenAddressError, Origin

GOOD = "93.184.216.34"
INSIDE = (["127.0.0.1"], ["::1"], ["0.0.0.0"], ["::ffff:127.0.0.1"], [GOOD, "127.1.1.1"])  # noqa: S104


class TwoFaced:
    """A resolver that gives one answer after the other, and counts how often it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = cycle(answers)
        self.asked = 0

    def __call__(self, host: str) -> Sequence[str]:
        self.asked += 1
        return next(self._answers)


class Counting:
    """A listening socket of loopback that counts who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Counting]:
        def visited(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.visits += 1
            writer.transport.abort()

        server = await asyncio.start_server(visited, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()


def plain(host: str, port: int) -> Origin:
    return Origin(tls=False, host=host, port=port)


@asynccontextmanager
async def dialling(lookup: TwoFaced, allowed: Sequence[Network] = ()) -> AsyncIterator[Dialer]:
    dialer = Dialer(allowed, lookup)
    try:
        yield dialer
    finally:
        dialer.close()


async def test_a_good_answer_at_the_check_does_not_excuse_a_bad_one_at_the_dial():
    lookup = TwoFaced([GOOD], ["127.0.0.1"])
    lookup("rebind.example")  # the check, when the webhook was saved
    async with Counting().open() as inside, dialling(lookup) as dialer:
        with pytest.raises(ForbiddenAddressError, match=r"127\.0\.0\.1"):
            await dialer.connect(plain("rebind.example", inside.port), asyncio.Protocol)

    assert inside.visits == 0


async def test_what_is_connected_to_is_what_was_vetted_and_nothing_is_resolved_in_between():
    lookup = TwoFaced(["127.0.0.1"], ["169.254.169.254"])
    allowed = networks(["127.0.0.0/8"])
    async with Counting().open() as inside, dialling(lookup, allowed) as dialer:
        await dialer.connect(plain("rebind.example", inside.port), asyncio.Protocol)

    assert lookup.asked == 1


async def test_what_was_found_once_is_vetted_again_at_each_dial():
    lookup = TwoFaced([GOOD, "10.0.0.1"])
    async with dialling(lookup) as dialer:
        for _ in range(3):
            with pytest.raises(ForbiddenAddressError, match=r"10\.0\.0\.1"):
                await dialer.connect(plain("rebind.example", 80), asyncio.Protocol)

    assert lookup.asked == 1


async def test_the_answer_changes_while_attempts_are_made_and_none_reaches_inside():
    lookup = TwoFaced(*INSIDE)
    async with Counting().open() as inside, dialling(lookup) as dialer:
        for number in range(20):
            origin = plain(f"{number}.rebind.example", inside.port)
            with pytest.raises(ForbiddenAddressError):
                await dialer.connect(origin, asyncio.Protocol)

    assert lookup.asked == 20
    assert inside.visits == 0


async def test_a_name_never_overrules_an_address_in_the_url():
    lookup = TwoFaced([GOOD])
    async with dialling(lookup) as dialer:
        for host in ("127.1", "0x7f.1", "2130706433", "::1", "::ffff:7f00:1", "localhost.", "0"):
            with pytest.raises(ForbiddenAddressError):
                await dialer.connect(plain(host, 80), asyncio.Protocol)

    assert lookup.asked == 0


async def test_a_resolver_that_fails_is_an_error_of_the_name():
    def lookup(host: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    dialer = Dialer((), lookup)
    try:
        with pytest.raises(OSError, match="try again"):
            await dialer.connect(plain("rebind.example", 80), asyncio.Protocol)
    finally:
        dialer.close()
