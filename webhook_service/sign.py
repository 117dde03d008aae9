"""Standard Webhooks `v1`: HMAC-SHA256 over `id.timestamp.body`, and the headers that carry it.

Pure: the instant is an argument.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from functools import lru_cache
from hmac import HMAC, new
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix, not a secret
#: Bounds on the random bytes of a secret, by Standard Webhooks 1.0.
SECRET_BYTES: Final = (24, 64)

WEBHOOK_ID: Final = "webhook-id"
WEBHOOK_TIMESTAMP: Final = "webhook-timestamp"
WEBHOOK_SIGNATURE: Final = "webhook-signature"


def key_of(secret: str) -> bytes:
    """The HMAC key in a `whsec_…` text.

    Raises:
        ValueError: It is not one; the message says why and shows nothing of it.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"does not begin with {SECRET_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"is not Base64 after {SECRET_PREFIX}") from None
    least, most = SECRET_BYTES
    if not least <= len(key) <= most:
        raise ValueError(f"holds {len(key)} bytes; {least} to {most} are allowed")
    return key


def secret_of(key: bytes) -> str:
    """The `whsec_…` text of a key: the inverse of `key_of`."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signature_of(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, `v1,<base64>`.

    Args:
        key: The endpoint's raw key, already Base64-decoded.
        timestamp: When this attempt is made, Unix seconds.
        body: The exact bytes sent.
    """
    mac = _keyed(key).copy()
    mac.update(b"%b.%d.%b" % (message_id.encode(), timestamp, body))
    return "v1," + base64.b64encode(mac.digest()).decode()


@lru_cache(maxsize=1_024)
def _keyed(key: bytes) -> HMAC:
    """The state after the key: a copy of it costs a third of `hmac.digest`.

    That one lets go of the interpreter's lock for every message, however short.
    """
    return new(key, digestmod="sha256")


def signature_headers(
    key: bytes, message_id: str, sent_at: datetime, body: bytes
) -> tuple[tuple[str, str], ...]:
    """The three headers of one attempt.

    Args:
        sent_at: When this attempt is made.  Only whole seconds are signed.
    """
    timestamp = int(sent_at.timestamp())
    return (
        (WEBHOOK_ID, message_id),
        (WEBHOOK_TIMESTAMP, str(timestamp)),
        (WEBHOOK_SIGNATURE, signature_of(key, message_id, timestamp, body)),
    )
