"""`webhook_service.sign`: Standard Webhooks v1."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook as Reference

from webhook_service.keys import key_of, secret_of
from webhook_service.sign import signature_of, signer_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_matches_the_standard_webhooks_reference_vector():
    signature = signature_of(
        key_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("body", [b"", b"{}", '{"name":"Zoë 😀"}'.encode(), b"a" * 100_000])
def test_signs_as_the_independent_library_does(body):
    sent_at = datetime(2026, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)

    headers = dict(signer_of(SECRET).headers("msg_1", sent_at, body))

    assert headers["webhook-timestamp"] == str(int(sent_at.timestamp()))
    expected = Reference(SECRET).sign("msg_1", sent_at, body.decode())
    assert headers["webhook-signature"] == expected


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "begin with whsec_"),
        ("whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begin with whsec_"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "not Base64"),
        ("whsec_MfKQ9r8G KYqrTwjUPD8ILPZIo2LaLaSw", "not Base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==", "holds 22 bytes; 24 to 64"),
        (secret_of(bytes(65)), "holds 65 bytes; 24 to 64"),
    ],
)
def test_what_is_no_secret_is_refused_without_showing_it(secret, words):
    with pytest.raises(ValueError, match=words) as caught:
        key_of(secret)

    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_keys_come_back_from_their_texts(size):
    assert key_of(secret_of(bytes(range(size)))) == bytes(range(size))
