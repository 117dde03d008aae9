"""Ed25519 (`v1a`), several signatures while a secret is replaced, and schemes of other systems."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from webhook_service.keys import (
    PRIVATE_PREFIX,
    private_of,
    public_key_of,
    secret_of,
    signing_key,
)
from webhook_service.sign import PreviousSecret, Scheme, signature_of, signer_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
OLD, NEW = secret_of(bytes(32)), secret_of(bytes(range(32)))
BODY = '{"name":"Zoë {body} {timestamp}"}'.encode()
#: RFC 8032, 7.1, test 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def test_a_private_key_carries_its_public_half_and_gives_it_out():
    secret = private_of(SEED)

    assert base64.b64decode(secret.removeprefix("whsk_")) == SEED + PUBLIC
    assert public_key_of(secret) == "whpk_" + base64.b64encode(PUBLIC).decode()
    assert public_key_of(PRIVATE_PREFIX + base64.b64encode(SEED).decode()) == public_key_of(secret)
    assert public_key_of(NEW) is None


def test_signs_the_vector_of_rfc_8032():
    signature = signing_key(private_of(SEED)).sign(b"")

    assert signature.hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974")


def test_an_ed25519_signature_verifies_and_one_of_another_body_does_not():
    headers = dict(signer_of(private_of(SEED)).headers("m", NOW, BODY))

    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1a"
    public = Ed25519PublicKey.from_public_bytes(PUBLIC)
    public.verify(base64.b64decode(signature), b"m.%d.%b" % (STAMP, BODY))
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signature), b"m.%d." % STAMP)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("whsk_" + base64.b64encode(bytes(33)).decode(), "33 bytes; 32 or 64"),
        ("whsk_" + base64.b64encode(SEED + bytes(32)).decode(), "do not belong together"),
        ("whsk_é", "not Base64"),
    ],
)
def test_what_is_no_private_key_is_refused_without_showing_it(secret, words):
    with pytest.raises(ValueError, match=words) as caught:
        signing_key(secret)

    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("at", "count"), [(timedelta(0), 2), (timedelta(hours=24), 1), (timedelta(hours=23), 2)]
)
def test_a_replaced_secret_signs_until_its_time_and_then_stops_by_itself(at, count):
    previous = PreviousSecret(secret=OLD, until=NOW + timedelta(hours=24))
    headers = dict(signer_of(NEW, [previous]).headers("m", NOW + at, BODY))

    stamp = int((NOW + at).timestamp())
    expected = [signature_of(bytes(key), "m", stamp, BODY) for key in (range(32), bytes(32))]
    assert headers["webhook-signature"].split() == expected[:count]


def test_kinds_of_secrets_can_overlap():
    previous = PreviousSecret(secret=OLD, until=NOW + timedelta(hours=24))
    headers = dict(signer_of(private_of(SEED), [previous]).headers("m", NOW, BODY))

    assert [each.split(",")[0] for each in headers["webhook-signature"].split()] == ["v1a", "v1"]


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        pytest.param(
            {"header": "X-Hub-Signature-256", "value": "sha256={signature}"},
            {"X-Hub-Signature-256": "sha256=" + hmac.new(b"key", BODY, hashlib.sha256).hexdigest()},
            id="as GitHub",
        ),
        pytest.param(
            {"header": "X-Shop-Hmac", "encoding": "base64"},
            {"X-Shop-Hmac": base64.b64encode(hmac.new(b"key", BODY, "sha256").digest()).decode()},
            id="as Shopify",
        ),
        pytest.param(
            {
                "header": "Pay-Signature",
                "signs": "{timestamp}.{body}",
                "value": "t={timestamp},v1={signature}",
            },
            {
                "Pay-Signature": f"t={STAMP},v1="
                + hmac.new(b"key", b"%d.%b" % (STAMP, BODY), "sha256").hexdigest()
            },
            id="as Stripe",
        ),
        pytest.param(
            {
                "header": "X-Chat-Signature",
                "signs": "v0:{timestamp}:{body}",
                "value": "v0={signature}",
                "timestamp_header": "X-Chat-Request-Timestamp",
            },
            {
                "X-Chat-Request-Timestamp": str(STAMP),
                "X-Chat-Signature": "v0="
                + hmac.new(b"key", b"v0:%d:%b" % (STAMP, BODY), "sha256").hexdigest(),
            },
            id="as Slack",
        ),
        pytest.param(
            {"header": "X-Old", "algorithm": "sha1", "signs": "{id}{body}"},
            {"X-Old": hmac.new(b"key", b"m" + BODY, "sha1").hexdigest()},
            id="with SHA-1 and the id",
        ),
    ],
)
def test_other_schemes_stand_beside_the_standard_one(scheme, expected):
    headers = dict(signer_of(NEW, (), [Scheme(secret="key", **scheme)]).headers("m", NOW, BODY))

    assert "webhook-signature" in headers
    assert {name: headers[name] for name in expected} == expected
