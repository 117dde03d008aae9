"""TLS that must not be trusted: expired, of another host, of nobody, of an old version, or none."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.aiohttp_sender import AiohttpSender
from tests.certificates import authority
from tests.hostile import DEADLINE, GENEROUS, OK, Sends, answering, request, sending, speaking
from webhook_service.auth import Tls
from webhook_service.outcome import Answer, NoAnswer
from webhook_service.send import Sender

AUTHORITY = authority()
LONG = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2120, 1, 1, tzinfo=dt.UTC)
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
FUTURE = dt.datetime(2119, 1, 1, tzinfo=dt.UTC), dt.datetime(2120, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(params=[Sender, AiohttpSender], ids=["own", "aiohttp"])
def kind(request: pytest.FixtureRequest) -> Sends:
    chosen: Sends = request.param
    return chosen


def server(
    folder: Path, address: str = "127.0.0.1", valid: Any = LONG, *, trusted: bool = True
) -> ssl.SSLContext:
    """A server's context with a certificate for an address, by the authority or by itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(AUTHORITY._name if trusted else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
    )
    made = builder.sign(AUTHORITY._private if trusted else private, hashes.SHA256())
    file = folder / "tls.pem"
    file.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def over(kind: Sends, context: ssl.SSLContext | None, deadline: Any = GENEROUS) -> Any:
    async with speaking(answering(OK), context) as port, sending(kind) as sender:
        asked = request(port, scheme="https", tls=Tls(ca=AUTHORITY.certificate))
        return await sender.send(asked, (), deadline)


async def test_a_certificate_that_the_authority_vouches_for_is_trusted(kind, tmp_path):
    result = await over(kind, server(tmp_path))

    assert isinstance(result, Answer), result.error
    assert result.status == 200


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({"valid": PAST}, "expired", id="expired"),
        pytest.param({"valid": FUTURE}, "not yet valid", id="not yet valid"),
        pytest.param({"address": "127.0.0.9"}, "IP address mismatch", id="wrong host"),
        pytest.param({"trusted": False}, "self-signed", id="nobody vouches for it"),
    ],
)
async def test_a_certificate_that_is_no_good_is_called_so(kind, tmp_path, more, said):
    result = await over(kind, server(tmp_path, **more))

    assert isinstance(result, NoAnswer)
    assert result.error_class == "tls", result.error
    assert not result.unknown
    assert said in result.error


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_version_is_called_so(kind, tmp_path):
    context = server(tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1

    result = await over(kind, context)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "tls", result.error
    assert not result.unknown


async def test_plain_http_where_tls_is_expected_is_called_so(kind):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with speaking(talk) as port, sending(kind) as sender:
        result = await sender.send(request(port, scheme="https"), (), GENEROUS)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "tls", result.error


async def test_a_handshake_that_never_ends_ends_at_the_deadline(kind):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass

    async with speaking(talk) as port, sending(kind) as sender:
        result = await sender.send(request(port, scheme="https"), (), DEADLINE)

    assert isinstance(result, NoAnswer)
    assert result.error_class == "timeout"
    assert not result.unknown


async def test_a_client_certificate_that_is_wanted_and_not_there_is_called_so(kind, tmp_path):
    """TLS 1.3 says so only after the client has sent its request."""
    context = server(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=AUTHORITY.certificate)

    result = await over(kind, context)

    assert isinstance(result, NoAnswer)
    assert result.error_class in {"tls", "connection"}, result.error


async def test_connections_with_tls_are_kept_alive(tmp_path):
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(5)
            writer.write(OK)
            await writer.drain()

    async with speaking(talk, server(tmp_path)) as port, sending(Sender) as sender:
        asked = request(port, scheme="https", tls=Tls(ca=AUTHORITY.certificate))
        results = [await sender.send(asked, (), GENEROUS) for _ in range(3)]

    assert [result.status for result in results] == [200] * 3
    assert connections == 1
