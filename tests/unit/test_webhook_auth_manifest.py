"""How a webhook shows who it is: what its manifest may say, how it is stored, what is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from schemas.errors import DefinitionError
from tests.certificates import authority, signed
from webhook_service.address import networks
from webhook_service.parse import parse_webhook
from webhook_service.stored import from_spec, hidden_from_spec, masked_spec, plain_spec, to_spec
from webhook_service.webhook import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROOT = authority()
ME = signed(ROOT, "me")
OAUTH2 = {"token_url": "https://id.example/token", "client_id": "me", "client_secret": "s3cret"}
TLS = {"ca": ROOT.certificate, "certificate": ME.certificate, "key": ME.key}


def parsed(**changes: Any) -> Webhook:
    content = {"id": "a", "url": "https://example.com/h", "secret": SECRET, **changes}
    return parse_webhook(content, allowed=networks(["127.0.0.0/8"]))


def problems(**changes: Any) -> dict[str, str]:
    with pytest.raises(DefinitionError) as caught:
        parsed(**changes)
    return {problem.place: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    "changes",
    [
        {"auth": {"basic": {"username": "u", "password": "s3cret"}}},
        {"auth": {"bearer": {"token": "s3cret"}}},
        {"auth": {"oauth2": OAUTH2}},
        {"auth": {"oauth2": {**OAUTH2, "scope": "a b", "audience": "c", "client_auth": "body"}}},
        {"auth": {"oauth2": {**OAUTH2, "token_url": "http://127.0.0.1:1/t"}}},
        {"tls": TLS},
        {"tls": {"ca": ROOT.certificate}},
    ],
    ids=["basic", "bearer", "oauth2", "oauth2 in full", "oauth2 nearby", "tls", "authority"],
)
def test_what_is_stored_is_what_was_said_and_nothing_secret_is_readable(changes):
    webhook = parsed(**changes)
    spec = to_spec(webhook, lambda text: f"sealed:{text[::-1]}")

    assert from_spec(spec, lambda text: text.removeprefix("sealed:")[::-1]) == webhook
    assert parsed(**json.loads(plain_spec(webhook))) == webhook
    for shown in (spec, masked_spec(webhook), repr(webhook), repr(hidden_from_spec(spec))):
        assert "s3cret" not in shown
        assert "PRIVATE KEY" not in shown


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"auth": "basic"}, "auth", "basic and bearer and oauth2 are expected"),
        ({"auth": {}}, "auth", "exactly one is expected"),
        ({"auth": {"bearer": {"token": "a"}, "basic": {}}}, "auth", "has 2 of"),
        ({"auth": {"barer": {"token": "a"}}}, "auth.barer", "did you mean bearer?"),
        ({"auth": {"bearer": {}}}, "auth.bearer.token", "is missing"),
        ({"auth": {"bearer": {"token": "Bearer a"}}}, "auth.bearer.token", "without Bearer"),
        ({"auth": {"bearer": {"token": "a\nb"}}}, "auth.bearer.token", "no bearer token has"),
        ({"auth": {"bearer": {"tokn": "a"}}}, "auth.bearer.tokn", "did you mean token?"),
        ({"auth": {"basic": {"username": "a:b", "password": "c"}}}, "auth.basic.username", "colon"),
        ({"auth": {"oauth2": {**OAUTH2, "token_url": "ftp://a"}}}, "auth.oauth2.token_url", "http"),
        (
            {"auth": {"oauth2": {**OAUTH2, "token_url": "http://id.example/t"}}},
            "auth.oauth2.token_url",
            "is not https://",
        ),
        (
            {"auth": {"oauth2": {**OAUTH2, "token_url": "https://10.0.0.1/t"}}},
            "auth.oauth2.token_url",
            "private",
        ),
        (
            {"auth": {"oauth2": {**OAUTH2, "client_auth": "form"}}},
            "auth.oauth2.client_auth",
            "one of basic, body",
        ),
        (
            {"auth": {"bearer": {"token": "a"}}, "headers": {"Authorization": "b"}},
            "auth",
            "among headers, too",
        ),
        ({"tls": {"ca": "no"}}, "tls.ca", "no certificate in PEM"),
        ({"tls": {"certificate": ME.certificate}}, "tls.key", "is missing"),
        ({"tls": {**TLS, "key": "no"}}, "tls.key", "no private key"),
        ({"tls": {**TLS, "key": signed(ROOT).key}}, "tls.key", "not the key of"),
        ({"tls": TLS, "url": "http://example.com/"}, "tls", "https:// only"),
        ({"tls": {"cert": "a"}}, "tls.cert", "did you mean certificate?"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changes, place, words):
    found = problems(**changes)

    assert words in found[place], found
    assert "s3cret" not in str(found)


def test_an_encrypted_key_is_refused_with_what_to_do():
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret")
    )

    assert "without a passphrase" in problems(tls={**TLS, "key": key.decode()})["tls.key"]


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"signatures": {}}, "signatures", "a list of up to 4"),
        ({"signatures": [{}]}, "signatures[0].header", "is missing"),
        (
            {"signatures": [{"header": "Webhook-Id", "secret": "a"}]},
            "signatures[0].header",
            "set by",
        ),
        ({"signatures": [{"header": "a b", "secret": "a"}]}, "signatures[0].header", "a-b"),
        (
            {"signatures": [{"header": "a", "secret": "a"}], "headers": {"A": "b"}},
            "signatures[0].header",
            "another header",
        ),
        (
            {"signatures": [{"header": "a", "secret": "a", "algorithm": "md5"}]},
            "signatures[0].algorithm",
            "one of sha256, sha1, sha512",
        ),
        (
            {"signatures": [{"header": "a", "secret": "a", "signs": "{timestamp}"}]},
            "signatures[0].signs",
            "does not have {body}",
        ),
        (
            {"signatures": [{"header": "a", "secret": "a", "value": "{signature}{key}"}]},
            "signatures[0].value",
            "{key}, which is not known",
        ),
        (
            {"signatures": [{"header": "a", "secret": "a", "value": "{signature}\r\nb: c"}]},
            "signatures[0].value",
            "line break",
        ),
        (
            {"previous_secrets": [{"secret": SECRET, "until": "2026-01-01"}]},
            "previous_secrets[0].until",
            "time zone",
        ),
        (
            {"previous_secrets": [{"until": "x"}]},
            "previous_secrets[0].secret",
            "a text is expected",
        ),
        ({"secret": "whsk_AAAA"}, "secret", "holds 3 bytes; 32 or 64"),
    ],
)
def test_what_is_wrong_with_signing_is_named_with_its_place(changes, place, words):
    assert words in problems(**changes)[place]
