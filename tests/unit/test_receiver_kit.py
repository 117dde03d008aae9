"""The receiver kit for Python: what it accepts, what it refuses, and that it stands alone."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from standardwebhooks.webhooks import Webhook as Reference

from webhook_service.keys import private_of, public_key_of, secret_of
from webhook_service.sign import PreviousSecret, signer_of

FILE = Path(__file__).parents[2] / "receiver" / "python" / "hookline_verify.py"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
AT = NOW.timestamp()
OURS, OTHER = secret_of(bytes(32)), secret_of(bytes(range(32)))
PRIVATE = private_of(bytes(range(32)))
PUBLIC = public_key_of(PRIVATE)
BODY = '{"name":"Zoë"}'.encode()


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hookline_verify", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hookline_verify"] = module
    spec.loader.exec_module(module)
    return module


kit = loaded()


def headers(secret: str = OURS, body: bytes = BODY, **changes: str) -> dict[str, str]:
    made = dict(signer_of(secret).headers("msg_1", NOW, body))
    return made | {name.replace("_", "-"): value for name, value in changes.items()}


@pytest.mark.parametrize(
    ("secret", "keys"),
    [(OURS, OURS), (OURS, [OTHER, OURS]), (PRIVATE, PUBLIC), (PRIVATE, [OURS, PUBLIC])],
    ids=["one", "several", "public", "both kinds"],
)
def test_what_hookline_signs_is_accepted(secret, keys):
    message = kit.verify(BODY, headers(secret), keys, now=AT)

    assert (message.id, message.timestamp) == ("msg_1", int(AT))


def test_either_secret_is_accepted_while_one_is_replaced():
    previous = PreviousSecret(secret=OURS, until=NOW + timedelta(hours=1))
    made = dict(signer_of(PRIVATE, [previous]).headers("msg_1", NOW, BODY))

    assert kit.verify(BODY, made, OURS, now=AT) == kit.verify(BODY, made, PUBLIC, now=AT)


def test_what_another_library_signs_is_accepted():
    made = headers(webhook_signature=Reference(OURS).sign("msg_1", NOW, BODY.decode()))

    assert kit.verify(BODY, made, OURS, now=AT).id == "msg_1"


def test_names_of_headers_may_be_in_any_case():
    made = {name.title(): value for name, value in headers().items()}

    assert kit.verify(BODY, made, OURS, now=AT).id == "msg_1"


@pytest.mark.parametrize("age", [-300, 0, 300])
def test_clocks_may_be_five_minutes_apart(age):
    assert kit.verify(BODY, headers(), OURS, now=AT + age).id == "msg_1"


@pytest.mark.parametrize(
    ("body", "changes", "words", "at"),
    [
        (b"{}", {}, "no signature", 0),
        (BODY, {"webhook_id": "msg_2"}, "no signature", 0),
        (BODY, {"webhook_timestamp": str(int(AT) + 1)}, "no signature", 0),
        (BODY, {}, "301 s old", 301),
        (BODY, {}, "301 s in the future", -301),
        (BODY, {"webhook_timestamp": "soon"}, "not a number", 0),
        (BODY, {"webhook_timestamp": "-1"}, "not a number", 0),
        (BODY, {"webhook_timestamp": "٣"}, "not a number", 0),
        (BODY, {"webhook_timestamp": "9" * 5000}, "not a number", 0),
        (BODY, {"webhook_id": ""}, "webhook-id is missing", 0),
        (BODY, {"webhook_signature": ""}, "webhook-signature is missing", 0),
        (BODY, {"webhook_signature": "v1"}, "no signature", 0),
        (BODY, {"webhook_signature": "v1,é"}, "no signature", 0),
        (BODY, {"webhook_signature": "v1a," + "A" * 86 + "=="}, "no signature", 0),
        (BODY, {"webhook_signature": "v2," + headers()["webhook-signature"][3:]}, "no sig", 0),
        (BODY, {"webhook_signature": "v1,AA== " * 20 + headers()["webhook-signature"]}, "no", 0),
    ],
)
def test_everything_else_is_refused_with_a_reason(body, changes, words, at):
    with pytest.raises(kit.VerificationError, match=words):
        kit.verify(body, headers(**changes), [OURS, PUBLIC], now=AT + at)


@pytest.mark.parametrize("version", ["v1", "v1a"])
def test_a_public_key_is_no_secret_whatever_the_request_says(version):
    """A forger signs with HMAC, with the public key that everybody knows."""
    forged = headers("whsec_" + PUBLIC.removeprefix("whpk_"))
    forged["webhook-signature"] = version + "," + forged["webhook-signature"].partition(",")[2]

    with pytest.raises(kit.VerificationError):
        kit.verify(BODY, forged, PUBLIC, now=AT)


@pytest.mark.parametrize("key", ["", "secret", "whsec_é", "whsk_" + "A" * 43 + "="])
def test_what_is_no_key_is_a_mistake_of_the_receivers(key):
    with pytest.raises(ValueError, match="whsec_ or whpk_"):
        kit.verify(BODY, headers(), key, now=AT)
