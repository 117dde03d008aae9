"""Verifies webhooks that Hookline, or any sender of Standard Webhooks 1.0, has signed.

One file, no dependency: install it, or copy it into your project.  Only `v1a` (Ed25519) needs the
package `cryptography`.

    from hookline_verify import VerificationError, verify

    try:
        message = verify(body, headers, ["whsec_…"])
    except VerificationError as error:
        return 400, str(error)
    if seen_before(message.id):  # the same id comes again when an answer was lost
        return 204
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["TOLERANCE_S", "VerificationError", "Verified", "verify"]

#: How far, in seconds, the sender's clock and yours may be apart, in both directions.
TOLERANCE_S = 300
#: Signatures that are looked at, at most; a sender has one for each secret that is still valid.
_MOST_SIGNATURES = 20
_SECRET, _PUBLIC = "whsec_", "whpk_"


class VerificationError(Exception):
    """The request is not to be trusted; says why, and shows nothing of a secret."""


@dataclass(frozen=True)
class Verified:
    """A request that was signed with one of the keys.

    Attributes:
        id: The same for every attempt of one delivery: keep it to recognise repeats.
        timestamp: When the attempt was made, in Unix seconds.
    """

    id: str
    timestamp: int


def verify(
    body: bytes,
    headers: Mapping[str, str],
    keys: str | Iterable[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> Verified:
    """Check that a request was signed with one of the keys, and lately.

    Args:
        body: The exact bytes that came, before anything parses them.
        headers: The request's; upper and lower case make no difference.
        keys: Yours: `whsec_…`, the secret you share with the sender, or `whpk_…`, the public key
            it gave you.  Several while one is replaced.  Never take a key from the request.
        now: Unix seconds; the present by default.

    Raises:
        VerificationError: It was not.
        ValueError: One of the keys is none.
    """
    readied = [_key(each) for each in ([keys] if isinstance(keys, str) else keys)]
    lower = {name.lower(): value for name, value in headers.items()}
    id, timestamp, signatures = (
        _header(lower, f"webhook-{name}") for name in ("id", "timestamp", "signature")
    )
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004
        raise VerificationError("webhook-timestamp is not a number of seconds")
    age = (time.time() if now is None else now) - int(timestamp)  # noqa: TID251
    if abs(age) > tolerance_s:
        late = "old" if age > 0 else "in the future"
        raise VerificationError(f"webhook-timestamp is {abs(age):.0f} s {late}")
    message = f"{id}.{timestamp}.".encode() + body
    for each in signatures.split(" ")[:_MOST_SIGNATURES]:
        version, _, text = each.partition(",")
        if any(_matches(key, version, text, message) for key in readied):
            return Verified(id, int(timestamp))
    raise VerificationError("no signature in webhook-signature is by a key of ours")


def _header(lower: Mapping[str, str], name: str) -> str:
    value = lower.get(name, "")
    if not value:
        raise VerificationError(f"the header {name} is missing")
    return value


def _key(text: str) -> tuple[str, bytes]:
    """The version that a key verifies, and its bytes."""
    for prefix, version in ((_SECRET, "v1"), (_PUBLIC, "v1a")):
        if text.startswith(prefix):
            try:
                return version, base64.b64decode(text[len(prefix) :], validate=True)
            except (binascii.Error, ValueError):
                break
    raise ValueError("a key is whsec_ or whpk_ and Base64 behind it")


def _matches(key: tuple[str, bytes], version: str, text: str, message: bytes) -> bool:
    """Whether a signature is by a key; takes as long whatever is wrong with it."""
    ours, secret = key
    if version != ours:
        return False
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    if ours == "v1":
        return hmac.compare_digest(hmac.digest(secret, message, "sha256"), signature)
    return _is_by(secret, signature, message)


def _is_by(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature is by the private half of a public key."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )
    except ImportError:
        raise ValueError("a whpk_ key needs the package cryptography: install it") from None
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True
