"""The delivery connection against receivers that misbehave, over real sockets.

Each case runs over our own connection and over aiohttp's, and both must come to the same.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
from typing import Any

import pytest

from tests.aiohttp_sender import AiohttpSender
from tests.hostile import (
    CAP,
    DEADLINE,
    GENEROUS,
    OK,
    Sends,
    answering,
    dripping,
    exchange,
    head,
    request,
    resetting,
    sending,
    silent,
    speaking,
)
from tests.hostile_answers import ANSWERS, CHUNKED, told
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.send import Sender


@pytest.fixture(params=[Sender, AiohttpSender], ids=["own", "aiohttp"])
def kind(request: pytest.FixtureRequest) -> Sends:
    chosen: Sends = request.param
    return chosen


PACKED = gzip.compress(bytes(10_000_000))
#: 4 GB of zeros, as brotli writes a repetition.
BROTLI = b"\xff\x3f\xd0\x00" + b"\x00\xe0\xff\xff" * 64


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(silent, id="accepts and never answers"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"), id="a byte of header at a time"),
        pytest.param(dripping(b"HTTP/1.1 200 ", b"O"), id="a byte of the phrase at a time"),
        pytest.param(
            dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"a"),
            id="a byte of body at a time",
        ),
        pytest.param(dripping(CHUNKED, b"1\r\na\r\n"), id="a chunk of one byte at a time"),
        pytest.param(dripping(CHUNKED, b"0"), id="a digit of a chunk's size at a time"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"a"), id="an endless body, slowly"),
        pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="100, slowly"),
        pytest.param(dripping(b"", b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"), id="103, slowly"),
        pytest.param(
            dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", b"a"),
            id="a gigabyte declared, and hardly anything sent",
        ),
    ],
)
async def test_one_deadline_covers_everything(kind, talk):
    result = await exchange(kind, talk, DEADLINE)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "timeout"
    assert result.unknown


async def test_the_deadline_is_said_and_how_long_it_took():
    result = await exchange(Sender, silent, DEADLINE)

    assert isinstance(result, NoAnswer)
    assert "0.4 s" in result.error
    assert result.total_ms >= 400


async def test_a_socket_that_never_accepts_ends_at_the_deadline(kind):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        filling = [socket.socket() for _ in range(8)]
        for each in filling:
            each.setblocking(False)  # noqa: FBT003 - the standard library's signature
            each.connect_ex(("127.0.0.1", port))
        async with sending(kind) as sender:
            result = await sender.send(request(port), (), DEADLINE)
        for each in filling:
            each.close()

    assert isinstance(result, NoAnswer)
    assert result.error_class == "timeout"
    assert not result.unknown


async def test_a_receiver_that_reads_nothing_ends_at_the_deadline(kind):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with speaking(talk) as port, sending(kind) as sender:
        asked = request(port)
        large = type(asked)("POST", asked.url, (), b"a" * 20_000_000, asked.masked)
        result = await sender.send(large, (), DEADLINE)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "timeout"
    assert result.unknown


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 5_000_000, id="endless, no length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n" + b"a" * 5_000_000,
            id="a gigabyte declared",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n" + b"a" * 5_000_000,
            id="the largest length there is declared",
        ),
        pytest.param(told(b"a" * (CAP + 1)), id="a byte more than the cap"),
        pytest.param(CHUNKED + (b"400\r\n" + b"a" * 1024 + b"\r\n") * 2, id="chunked"),
        pytest.param(CHUNKED + b"ffffffff\r\n" + b"a" * 5_000_000, id="one chunk of 4 GB"),
    ],
)
async def test_the_body_is_read_to_the_cap_and_the_connection_closed(kind, data):
    result = await exchange(kind, answering(data))

    assert isinstance(result, Answer)
    assert result.status == 200
    assert result.body == b"a" * CAP
    assert not result.whole


@pytest.mark.parametrize(
    ("data", "body"),
    [
        pytest.param(told(PACKED, b"Content-Encoding: gzip\r\n"), PACKED, id="gzip"),
        pytest.param(told(PACKED, b"Content-Encoding: deflate\r\n"), PACKED, id="deflate"),
        pytest.param(told(BROTLI, b"Content-Encoding: br\r\n"), BROTLI, id="brotli"),
        pytest.param(told(b"\x28\xb5\x2f\xfd" + bytes(64), b"Content-Encoding: zstd\r\n"),
                     b"\x28\xb5\x2f\xfd" + bytes(64), id="zstd"),
        pytest.param(told(PACKED, b"Content-Encoding: gzip, gzip, gzip\r\n"), PACKED, id="nested"),
    ],
)  # fmt: skip
async def test_a_bomb_is_not_unpacked(kind, data, body):
    result = await exchange(kind, answering(data))

    assert isinstance(result, Answer)
    assert result.body == body[:CAP]
    assert result.whole == (len(body) <= CAP)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(kind, status):
    visits = 0

    async def inside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1

    async with speaking(inside) as port:
        head = f"HTTP/1.1 {status} Go\r\nLocation: http://127.0.0.1:{port}/\r\n"
        result = await exchange(kind, answering(f"{head}Content-Length: 0\r\n\r\n".encode()))

    assert isinstance(result, Answer)
    assert result.status == status
    assert visits == 0


@pytest.mark.parametrize(
    ("parts", "expected"),
    [pytest.param(parts, expected, id=id) for id, parts, expected in ANSWERS],
)
async def test_both_understand_an_answer_alike(parts, expected):
    talk = answering(*parts, wait=0.002)
    own, oracle = await exchange(Sender, talk), await exchange(AiohttpSender, talk)

    assert outcome_of(own) == outcome_of(oracle)
    if isinstance(own, Answer):
        assert own.status == expected
    else:
        assert own.error_class == expected, own.error
        assert own.unknown


def outcome_of(result: Answer | NoAnswer) -> object:
    """What must be the same."""
    if isinstance(result, NoAnswer):
        return result.error_class, result.unknown
    return result.status, dict(result.headers), result.body, result.whole


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500, 0.001), id="100"),
        pytest.param(
            dripping(b"", b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n" * 500, 0.001), id="103"
        ),
        pytest.param(
            dripping(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 10_000, 0.001), id="an endless header"
        ),
        pytest.param(
            dripping(CHUNKED, b"1;" + b"x" * 1_000 + b"\r\na\r\n", 0.001), id="chunk extensions"
        ),
    ],
)
async def test_a_flood_is_cut_off_by_its_weight_long_before_the_deadline(kind, talk):
    result = await exchange(kind, talk)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "protocol", result.error
    assert result.unknown


@pytest.mark.parametrize(
    ("first", "word"),
    [
        pytest.param(b"", "connection", id="before the answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: ", "connection", id="in the head"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "protocol", id="in the body"
        ),
        pytest.param(CHUNKED + b"5\r\nhello\r\n", "protocol", id="between chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nshort", "protocol", id="in a body without a length"),
    ],
)
async def test_a_reset_is_called_so(kind, first, word):
    result = await exchange(kind, resetting(first))

    assert isinstance(result, NoAnswer)
    assert result.error_class == word, result.error
    assert result.unknown


async def test_nobody_listening_is_called_so(kind):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with sending(kind) as sender:
            result = await sender.send(request(port), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "connection"
    assert not result.unknown


async def test_a_name_that_does_not_exist_is_called_so(kind):
    async with sending(kind) as sender:
        result = await sender.send(request(80, "does-not-exist.invalid"), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "dns"
    assert not result.unknown


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]"]
)
async def test_a_forbidden_address_is_never_dialled(kind, host):
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1

    async with speaking(talk) as port, sending(kind, allow="") as sender:
        result = await sender.send(request(port, host), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "forbidden-address", result.error
    assert not result.unknown
    assert connections == 0


async def test_an_answer_that_changes_between_check_and_use_does_not_help(kind, monkeypatch):
    """Whatever name resolution says at save: what is dialled is what was vetted at the dial."""
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def lookup(host: str, port: int, *_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    socket.getaddrinfo("rebind.example", 80)  # the check when it was saved
    async with speaking(answering(OK)) as port, sending(kind, allow="") as sender:
        result = await sender.send(request(port, "rebind.example"), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "forbidden-address"


async def test_one_forbidden_address_among_good_ones_refuses_the_name(monkeypatch):
    def lookup(host: str, port: int, *_: object) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("93.184.216.34", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    async with sending(Sender, allow="") as sender:
        result = await sender.send(request(80, "mixed.example"), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert "10.0.0.1 is a private address" in result.error


async def test_proxies_from_the_environment_are_not_used(kind, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    result = await exchange(kind, answering(OK))

    assert isinstance(result, Answer)


async def test_the_bytes_on_the_wire_are_those_that_were_rendered(kind):
    seen = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await head(reader))
        writer.write(OK)
        await writer.drain()

    async with speaking(talk) as port, sending(kind) as sender:
        await sender.send(request(port), (("webhook-id", "m1"),), GENEROUS)

    assert (
        bytes(seen)
        == (
            f"POST /hook HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\ncontent-type: text/plain\r\n"
            "webhook-id: m1\r\nContent-Length: 5\r\n\r\nhello"
        ).encode()
    )


@pytest.mark.parametrize("bad", ["a\r\nX-B: b", "a\nX-B: b", "a\rb", "a\0b", "é"])
async def test_a_header_that_would_break_the_request_is_not_sent(kind, bad):
    async with sending(kind) as sender:
        result = await sender.send(request(80), (("webhook-id", bad),), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "webhook"
    assert not result.unknown


async def test_a_hanging_endpoint_leaves_the_connections_of_others_alone(kind):
    async with speaking(silent) as deaf, speaking(answering(OK)) as port, sending(kind) as sender:
        stuck = [
            asyncio.ensure_future(sender.send(request(deaf), (), GENEROUS)) for _ in range(150)
        ]
        result = await sender.send(request(port), (), GENEROUS)
        for each in stuck:
            each.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)

    assert isinstance(result, Answer)
