"""`webhook_service.send` against receivers that misbehave, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.waiting import until
from webhook_service.address import networks
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.render import Masked, Request
from webhook_service.send import Sender

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CAP = 1024
DEADLINE = timedelta(milliseconds=400)
GENEROUS = timedelta(seconds=20)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def speaking(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that talks as told to everyone who connects; yields its port."""
    talks: set[asyncio.Task[Any]] = set()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def sending(allow: str = "127.0.0.0/8") -> AsyncIterator[Sender]:
    sender = await Sender(networks([allow] if allow else []), CAP).start()
    try:
        yield sender
    finally:
        await sender.close()


def request(
    port: int, host: str = "127.0.0.1", scheme: str = "http", method: str = "POST"
) -> Request:
    url = f"{scheme}://{host}:{port}/hook"
    return Request(method, url, (("content-type", "text/plain"),), b"hello", Masked(url, ()))


async def exchange(talk: Talk, deadline: timedelta = GENEROUS) -> Answer | NoAnswer:
    async with speaking(talk) as port, sending() as sender:
        return await sender.send(request(port), (), deadline)


async def head(reader: asyncio.StreamReader) -> bytes:
    """One whole request: its head, and the five bytes of its body."""
    return await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(5)


def answering(data: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(data)
        await writer.drain()

    return talk


def dripping(first: bytes, drop: bytes) -> Talk:
    """Sends one drop after the other, for ever."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(first)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.wait({asyncio.ensure_future(reader.read(1))}, timeout=0.02)

    return talk


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1024):
        pass


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(silent, id="accepts and never answers"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"), id="a byte of header at a time"),
        pytest.param(
            dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"a"),
            id="a byte of body at a time",
        ),
        pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="a flood of 100"),
    ],
)
async def test_one_deadline_covers_everything(talk):
    result = await exchange(talk, DEADLINE)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "timeout"
    assert "0.4 s" in result.error
    assert result.total_ms >= 400


async def test_a_socket_that_never_accepts_ends_at_the_deadline():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        filling = [socket.socket() for _ in range(8)]
        for each in filling:
            each.setblocking(False)  # noqa: FBT003 - the standard library's signature
            each.connect_ex(("127.0.0.1", port))
        async with sending() as sender:
            result = await sender.send(request(port), (), DEADLINE)
        for each in filling:
            each.close()

    assert isinstance(result, NoAnswer)
    assert result.error_class == "timeout"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 5_000_000, id="endless, no length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n" + b"a" * 5_000_000,
            id="a gigabyte declared",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"a" * 1024
            + b"\r\n" + b"400\r\n" + b"a" * 1024 + b"\r\n",
            id="chunked",
        ),
    ],
)  # fmt: skip
async def test_the_body_is_read_to_the_cap_and_the_connection_closed(data):
    result = await exchange(answering(data))

    assert isinstance(result, Answer)
    assert result.status == 200
    assert result.body == b"a" * CAP
    assert not result.whole


async def test_a_compressed_body_is_not_unpacked():
    packed = b"\x1f\x8b\x08\x00" + bytes(100)
    data = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 104\r\n\r\n" + packed

    result = await exchange(answering(data))

    assert isinstance(result, Answer)
    assert result.body == packed


async def test_a_redirect_is_an_answer_and_not_followed():
    data = b"HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"

    result = await exchange(answering(data))

    assert isinstance(result, Answer)
    assert result.status == 307


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 2OO OK\r\n\r\n", id="a status that is no number"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="bad chunking"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", id="a body that ends early"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n", id="a header of 100 kB"
        ),
    ],
)
async def test_what_is_not_http_is_called_so(data):
    result = await exchange(answering(data))

    assert isinstance(result, NoAnswer)
    assert result.error_class == "protocol", result.error


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="no answer"),
        pytest.param(b"HTTP/1.1 200", id="half a status line"),
    ],
)
async def test_a_connection_that_ends_is_called_so(data):
    result = await exchange(answering(data))

    assert isinstance(result, NoAnswer)
    assert result.error_class == "connection", result.error


async def test_a_reset_is_called_so():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))

    result = await exchange(talk)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "connection", result.error


async def test_nobody_listening_is_called_so():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with sending() as sender:
            result = await sender.send(request(port), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "connection"


async def test_a_name_that_does_not_exist_is_called_so():
    async with sending() as sender:
        result = await sender.send(request(80, "does-not-exist.invalid"), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "dns"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]"]
)
async def test_a_forbidden_address_is_never_dialled(host):
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1

    async with speaking(talk) as port, sending(allow="") as sender:
        result = await sender.send(request(port, host), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "forbidden-address", result.error
    assert connections == 0


async def test_an_answer_that_changes_between_check_and_use_does_not_help(monkeypatch):
    """Whatever name resolution says at save: what is dialled is what was vetted at the dial."""
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def lookup(host: str, port: int, *_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    socket.getaddrinfo("rebind.example", 80)  # the check when it was saved
    async with speaking(answering(OK)) as port, sending(allow="") as sender:
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
    async with sending(allow="") as sender:
        result = await sender.send(request(80, "mixed.example"), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert "10.0.0.1 is a private address" in result.error


async def test_connections_are_kept_alive_and_a_closed_one_is_not_used_again():
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await head(reader)
            writer.write(OK)
            await writer.drain()

    async with speaking(talk) as port, sending() as sender:
        results = []
        for number in range(4):
            results.append(await sender.send(request(port), (), GENEROUS))
            if number % 2:
                await until(lambda: _closed(sender))

    assert [result.status for result in results if isinstance(result, Answer)] == [200] * 4
    assert connections == 2


def _closed(sender: Sender) -> bool:
    """Whether the pool has noticed that its connection was closed."""
    return not any(
        connection.is_usable for idle in sender._idle.values() for connection in idle
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "GET", "DELETE"])
async def test_a_request_on_a_connection_that_closes_is_not_repeated_behind_our_back(method):
    requests = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await reader.readuntil(b"\r\n\r\n")
            requests += 1
            if requests > 1:
                return
            writer.write(OK)
            await writer.drain()

    async with speaking(talk) as port, sending() as sender:
        first = await sender.send(request(port, method=method), (), GENEROUS)
        second = await sender.send(request(port, method=method), (), GENEROUS)

    assert isinstance(first, Answer)
    assert isinstance(second, NoAnswer)
    assert requests == 2


async def test_proxies_from_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    result = await exchange(answering(OK))

    assert isinstance(result, Answer)


async def test_the_bytes_on_the_wire_are_those_that_were_rendered():
    seen = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await head(reader))
        writer.write(OK)
        await writer.drain()

    async with speaking(talk) as port, sending() as sender:
        await sender.send(request(port), (("webhook-id", "m1"),), GENEROUS)

    assert (
        bytes(seen)
        == (
            f"POST /hook HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\ncontent-type: text/plain\r\n"
            "webhook-id: m1\r\nContent-Length: 5\r\n\r\nhello"
        ).encode()
    )


def certificate(tmp_path: Path, name: str, *, expired: bool) -> ssl.SSLContext:
    """A server's TLS context with a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=1) if expired else datetime(2099, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    builder = builder.public_key(key.public_key()).serial_number(1)
    signed = builder.not_valid_before(start).not_valid_after(end).sign(key, hashes.SHA256())
    file = tmp_path / "tls.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize("expired", [True, False], ids=["expired", "self-signed"])
async def test_a_certificate_that_nobody_vouches_for_is_called_so(tmp_path, expired):
    context = certificate(tmp_path, "localhost", expired=expired)
    async with speaking(answering(OK), context) as port, sending() as sender:
        result = await sender.send(request(port, scheme="https"), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "tls", result.error


async def test_plain_http_where_tls_is_expected_is_called_so():
    async with speaking(answering(OK)) as port, sending() as sender:
        result = await sender.send(request(port, scheme="https"), (), DEADLINE)

    assert isinstance(result, NoAnswer)
    assert result.error_class in {"tls", "timeout"}


async def test_a_hanging_endpoint_leaves_the_connections_of_others_alone():
    async with speaking(silent) as deaf, speaking(answering(OK)) as port, sending() as sender:
        stuck = [
            asyncio.ensure_future(sender.send(request(deaf), (), GENEROUS)) for _ in range(150)
        ]
        result = await sender.send(request(port), (), GENEROUS)
        for each in stuck:
            each.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)

    assert isinstance(result, Answer)
