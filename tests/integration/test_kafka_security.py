"""TLS and SASL against a node that asks for them: PLAIN, SCRAM, OAUTHBEARER, from settings."""

from __future__ import annotations

import base64
import datetime as dt
import gc
import ipaddress
import json
import os
import threading
import urllib.parse
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runtime.kafka import KafkaBroker
from runtime.local_broker import JvmBroker
from runtime.local_broker.jvm import free_ports
from runtime.settings import Settings
from schemas.errors import BrokerError, ConfigurationError
from tests.kafka_rig import Remembers, member, publish, receive, topic

pytestmark = pytest.mark.kafka

USER, PASSWORD = "hook", "line-secret"
MODULES = {
    "plain": f'plain.PlainLoginModule required user_{USER}="{PASSWORD}"',
    "scram-sha-256": "scram.ScramLoginModule required",
    "scram-sha-512": "scram.ScramLoginModule required",
    "oauthbearer": "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=x",
}


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1: the authority's file, and key with certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    authority, store = folder / "ca.pem", folder / "node.pem"
    authority.write_bytes(public)
    store.write_bytes(private + public)
    return authority, store


class Node:
    """A node with a SASL listener and one for SASL over TLS."""

    def __init__(self, folder: Path) -> None:
        inner, tls = free_ports(2)
        self.tls = f"127.0.0.1:{tls}"
        self.authority, store = _certificate(folder)
        listeners = (
            f"INNER://127.0.0.1:{inner},SASL_PLAINTEXT://127.0.0.1:{{port}},"
            f"SASL_SSL://127.0.0.1:{tls}"
        )
        overrides = {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{{controller_port}}",
            "advertised.listeners": listeners,
            "inter.broker.listener.name": "INNER",
            "listener.security.protocol.map": (
                "INNER:PLAINTEXT,CONTROLLER:PLAINTEXT,"
                "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
        }
        for listener in ("sasl_plaintext", "sasl_ssl"):
            prefix = f"listener.name.{listener}"
            overrides[f"{prefix}.sasl.enabled.mechanisms"] = ",".join(MODULES).upper()
            for mechanism, module in MODULES.items():
                overrides[f"{prefix}.{mechanism}.sasl.jaas.config"] = (
                    f"org.apache.kafka.common.security.{module};"
                )
        scram = [
            part
            for name in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for part in ("--add-scram", f"{name}=[name={USER},password={PASSWORD}]")
        ]
        self.broker = JvmBroker(os.environ, overrides=overrides, format_options=scram)


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[Node]:
    made = Node(tmp_path_factory.mktemp("node"))
    try:
        with made.broker:
            yield made
    except ConfigurationError as error:
        pytest.skip(str(error))


def secured(servers: str, **changes: object) -> Settings:
    return Settings.model_validate(
        {
            "kafka_bootstrap_servers": servers,
            "kafka_security_protocol": "SASL_PLAINTEXT",
            "kafka_session_timeout_ms": 6_000,
            "kafka_request_timeout_ms": 5_000,
            **changes,
        }
    )


async def goes_through(settings: Settings) -> None:
    """Admin, publisher, transactional publisher and consumer all get in."""
    async with topic(settings) as name:
        await publish(settings, name, b"secured")
        publisher = KafkaBroker(settings).transactional_publisher(f"{name}-tx")
        await publisher.start()
        await publisher.close()
        async with member(settings, name, name, listener=Remembers()) as consumer:
            assert await receive(consumer, 1) == [b"secured"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_user_and_password_let_every_client_in(node, mechanism):
    await goes_through(
        secured(
            node.broker.bootstrap_servers.split(",")[0],
            kafka_sasl_mechanism=mechanism,
            kafka_sasl_username=USER,
            kafka_sasl_password=PASSWORD,
        )
    )


async def test_a_wrong_password_is_refused_in_words_that_do_not_show_it(node):
    settings = secured(
        node.broker.bootstrap_servers,
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username=USER,
        kafka_sasl_password="wrong-secret",
    )

    with pytest.raises(BrokerError) as failure:
        await KafkaBroker(settings).publisher().start()

    assert node.broker.bootstrap_servers in str(failure.value)
    assert "wrong-secret" not in str(failure.value)


async def test_sasl_over_tls_trusts_the_authority_given(node):
    await goes_through(
        secured(
            node.tls,
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="SCRAM-SHA-512",
            kafka_sasl_username=USER,
            kafka_sasl_password=PASSWORD,
            kafka_ssl_ca_file=node.authority,
        )
    )


async def test_a_certificate_of_an_unknown_authority_is_refused(node):
    settings = secured(
        node.tls,
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username=USER,
        kafka_sasl_password=PASSWORD,
        kafka_request_timeout_ms=2_000,
    )

    with pytest.raises(BrokerError, match="Kafka at 127"):
        await KafkaBroker(settings).publisher().start()
    with warnings.catch_warnings():
        # The client leaves the sockets of failed handshakes to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class _Tokens(BaseHTTPRequestHandler):
    """A token endpoint of the client credentials flow; the node takes unsigned tokens."""

    asked: list[tuple[str, dict[str, list[str]]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append((self.headers["Authorization"], urllib.parse.parse_qs(body)))
        now = int(dt.datetime.now(dt.UTC).timestamp())
        claims = {"sub": USER, "iat": now, "exp": now + 600}
        parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
        token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        answer = json.dumps({"access_token": f"{token}.", "expires_in": 600}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def token_url() -> Iterator[str]:
    _Tokens.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Tokens) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        serving.join()


async def test_oauthbearer_fetches_its_token_by_client_credentials(node, token_url):
    await goes_through(
        secured(
            node.broker.bootstrap_servers,
            kafka_sasl_mechanism="OAUTHBEARER",
            kafka_oauth_token_url=token_url,
            kafka_oauth_client_id="us:er",
            kafka_oauth_client_secret="s3cret",
            kafka_oauth_scope="kafka",
        )
    )

    authorization, form = _Tokens.asked[0]
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"us%3Aer:s3cret"
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka"]}
