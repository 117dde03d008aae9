"""The registry over REST, against a real HTTP server that speaks the protocol."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runtime.registry import RestRegistry
from schemas.avro import named_schema
from schemas.errors import BrokerError, ConfigurationError, SchemaError
from schemas.framing import Fingerprint, SchemaId
from tests.registry_server import PASSWORD, USERNAME, RegistryServer
from tests.strategies import CATALOG

LEAD = CATALOG.event("lead")


class Impatient:
    """A clock on which a wait takes no time."""

    def __init__(self) -> None:
        self.waits: list[timedelta] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 31, tzinfo=UTC)

    async def sleep(self, wait: timedelta) -> None:
        self.waits.append(wait)


@pytest.fixture
async def server() -> AsyncIterator[RegistryServer]:
    async with RegistryServer().serving() as serving:
        yield serving


@pytest.fixture
def clock() -> Impatient:
    return Impatient()


@pytest.fixture
async def registry(server: RegistryServer, clock: Impatient) -> AsyncIterator[RestRegistry]:
    made = RestRegistry(server.url, clock=clock)
    await made.start()
    yield made
    await made.close()


async def test_a_schema_is_registered_under_its_records_name_and_asked_for_once(registry, server):
    first = await registry.register(LEAD)
    second = await registry.register(LEAD)

    assert first == second == registry.reference_of(LEAD) == SchemaId(1)
    assert server.subjects == {"crm.LeadEvent": [1]}
    assert server.requests == ["POST /subjects/crm.LeadEvent/versions"]
    assert registry.find(first) == LEAD.text


async def test_a_schema_that_was_not_registered_has_no_reference(registry):
    with pytest.raises(ConfigurationError, match=r"crm\.LeadEvent was not registered"):
        registry.reference_of(LEAD)


async def test_an_id_that_another_wrote_is_found_after_catching_up_and_kept(registry, server):
    number = server.add("theirs", LEAD.text)

    assert registry.find(SchemaId(number)) is None
    assert await registry.catch_up(SchemaId(number))
    assert await registry.catch_up(SchemaId(number))
    assert registry.find(SchemaId(number)) == LEAD.text
    assert server.requests == [f"GET /schemas/ids/{number}"]


async def test_an_id_that_nobody_knows_stays_unknown(registry):
    assert not await registry.catch_up(SchemaId(99))


async def test_a_fingerprint_is_not_its_business(registry, server):
    assert not await registry.catch_up(Fingerprint(b"12345678"))
    assert server.requests == []


async def test_a_registry_that_fails_for_a_while_is_asked_again(registry, server, clock):
    server.failing = 3

    assert await registry.register(LEAD) == SchemaId(1)
    assert clock.waits == sorted(clock.waits)
    assert len(clock.waits) == 3


async def test_a_registry_that_keeps_failing_is_a_broker_error_with_its_words(registry, server):
    server.failing = 100

    with pytest.raises(
        BrokerError, match=r"does not answer .* after 6 tries: 503 the leader is not"
    ):
        await registry.register(LEAD)


async def test_a_registry_that_is_away_is_a_broker_error_that_says_what_to_do(clock):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    registry = RestRegistry(f"http://127.0.0.1:{port}", clock=clock)
    try:
        with pytest.raises(BrokerError, match="start it or correct HOOKLINE_REGISTRY_URL"):
            await registry.register(LEAD)
        with pytest.raises(BrokerError):
            await registry.catch_up(SchemaId(1))
    finally:
        await registry.close()


async def test_a_registry_that_comes_back_is_used(clock):
    server = RegistryServer()
    async with server.serving():
        port = int(server.url.rpartition(":")[2])
    registry = RestRegistry(server.url, clock=clock)
    try:
        with pytest.raises(BrokerError):
            await registry.register(LEAD)
        async with server.serving(port=port):
            assert await registry.register(LEAD) == SchemaId(1)
    finally:
        await registry.close()


async def test_an_incompatible_schema_is_the_operators_with_the_registrys_reason(registry, server):
    server.add("crm.LeadEvent", LEAD.text.replace('"title"', '"subject"'))

    with pytest.raises(ConfigurationError, match=r"incompatible with an earlier .*before\.title"):
        await registry.register(LEAD)


async def test_credentials_are_sent(server, clock):
    server.guarded = True
    registry = RestRegistry(server.url, username=USERNAME, password=PASSWORD, clock=clock)
    try:
        assert await registry.register(LEAD) == SchemaId(1)
    finally:
        await registry.close()


async def test_wrong_credentials_are_the_operators_and_are_not_shown(server, clock):
    server.guarded = True
    registry = RestRegistry(server.url, username="hookline", password="wrong-one", clock=clock)
    try:
        with pytest.raises(ConfigurationError, match="check HOOKLINE_REGISTRY_USERNAME") as caught:
            await registry.register(LEAD)
    finally:
        await registry.close()
    assert "wrong-one" not in str(caught.value)
    assert len(server.requests) == 1


async def test_an_address_that_is_no_registry_is_the_operators(clock):
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry = RestRegistry(f"http://127.0.0.1:{runner.addresses[0][1]}", clock=clock)
    try:
        with pytest.raises(ConfigurationError, match="is it a registry"):
            await registry.register(LEAD)
    finally:
        await registry.close()
        await runner.cleanup()


@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://", "not a url", ""])
def test_an_address_that_is_none_is_the_operators(url):
    with pytest.raises(ConfigurationError, match=r"HOOKLINE_REGISTRY_URL=.* is no address"):
        RestRegistry(url)


def test_credentials_in_the_address_are_refused_and_not_shown():
    with pytest.raises(ConfigurationError, match="HOOKLINE_REGISTRY_PASSWORD") as caught:
        RestRegistry("https://hookline:sesame@registry:8081")

    assert "sesame" not in str(caught.value)


async def test_a_certificate_file_that_is_none_is_the_operators(tmp_path):
    (tmp_path / "ca.pem").write_text("nonsense")
    registry = RestRegistry("https://127.0.0.1:1", ca_file=tmp_path / "ca.pem")

    with pytest.raises(ConfigurationError, match="HOOKLINE_REGISTRY_CA_FILE="):
        await registry.start()


async def test_a_registry_with_a_certificate_is_trusted_by_the_file_only(tmp_path, clock, tls):
    server_side, ca_file = tls

    async def schema(_: web.Request) -> web.Response:
        return web.json_response({"schema": LEAD.text})

    app = web.Application()
    app.router.add_get("/schemas/ids/1", schema)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_side).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    trusting = RestRegistry(url, ca_file=ca_file, clock=clock)
    strange = RestRegistry(url, clock=clock)
    try:
        assert await trusting.catch_up(SchemaId(1))
        with pytest.raises(ConfigurationError, match="certificate"):
            await strange.catch_up(SchemaId(1))
    finally:
        await trusting.close()
        await strange.close()
        await runner.cleanup()


@pytest.fixture
def tls(tmp_path) -> tuple[ssl.SSLContext, object]:
    """A server's TLS context with a certificate of its own, and the file to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(certificate.public_bytes(pem))
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_file, key_file)
    return context, ca_file


async def test_a_schema_that_refers_to_others_is_a_schema_error(clock):
    async def by_id(_: web.Request) -> web.Response:
        reference = {"name": "crm.Ref", "subject": "x", "version": 1}
        return web.json_response({"schema": LEAD.text, "references": [reference]})

    app = web.Application()
    app.router.add_get("/schemas/ids/5", by_id)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry = RestRegistry(f"http://127.0.0.1:{runner.addresses[0][1]}", clock=clock)
    try:
        with pytest.raises(SchemaError, match="schema id 5 refers to others"):
            await registry.catch_up(SchemaId(5))
    finally:
        await registry.close()
        await runner.cleanup()


async def test_two_versions_have_two_ids(registry):
    newer = named_schema(
        LEAD.text.replace(
            '{"name":"title"',
            '{"name":"score","type":["null","long"],"default":null},{"name":"title"',
        )
    )

    assert await registry.register(LEAD) == SchemaId(1)
    assert await registry.register(dataclasses.replace(newer, name=LEAD.name)) == SchemaId(2)
