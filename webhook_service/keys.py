"""Signing keys as texts: `whsec_` for HMAC, `whsk_` and `whpk_` for the two halves of Ed25519.

Pure.  No message shows anything of a key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hmac import HMAC, new
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Version = Literal["v1", "v1a"]

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix, not a secret
PRIVATE_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
#: Bounds on the random bytes of a secret, by Standard Webhooks 1.0.
SECRET_BYTES: Final = (24, 64)
#: What an Ed25519 key is made of; with the public half behind it, it is twice as long.
SEED_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key made ready.

    Attributes:
        version: What stands before its signatures.
        sign: Message → signature.
    """

    version: Version
    sign: Callable[[bytes], bytes]


def signing_key(secret: str) -> SigningKey:
    """The key in a `whsec_…` or `whsk_…` text.

    Raises:
        ValueError: It is neither; the message says why and shows nothing of it.
    """
    if secret.startswith(PRIVATE_PREFIX):
        return SigningKey("v1a", _private(secret).sign)
    key = key_of(secret)
    return SigningKey("v1", lambda message: digest(key, message))


def digest(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256."""
    mac = _keyed(key).copy()
    mac.update(message)
    return mac.digest()


def key_of(secret: str) -> bytes:
    """The HMAC key in a `whsec_…` text.

    Raises:
        ValueError: It is not one; the message says why and shows nothing of it.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"does not begin with {SECRET_PREFIX} or {PRIVATE_PREFIX}")
    key = _decoded(secret, SECRET_PREFIX)
    least, most = SECRET_BYTES
    if not least <= len(key) <= most:
        raise ValueError(f"holds {len(key)} bytes; {least} to {most} are allowed")
    return key


def secret_of(key: bytes) -> str:
    """The `whsec_…` text of a key: the inverse of `key_of`."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def private_of(seed: bytes) -> str:
    """The `whsk_…` text of an Ed25519 key, both halves in it.

    Args:
        seed: 32 random bytes.
    """
    public = _public_bytes(Ed25519PrivateKey.from_private_bytes(seed))
    return PRIVATE_PREFIX + base64.b64encode(seed + public).decode()


def public_key_of(secret: str) -> str | None:
    """The `whpk_…` text that receivers verify with; None for a secret that they share.

    Raises:
        ValueError: The secret is none.
    """
    if not secret.startswith(PRIVATE_PREFIX):
        return None
    return PUBLIC_PREFIX + base64.b64encode(_public_bytes(_private(secret))).decode()


def fresh_secret(like: str, random: Callable[[int], bytes]) -> str:
    """A new secret of the same kind as another.

    Args:
        random: So many random bytes.
    """
    if like.startswith(PRIVATE_PREFIX):
        return private_of(random(SEED_BYTES))
    return secret_of(random(SEED_BYTES))


@lru_cache(maxsize=1_024)
def _private(secret: str) -> Ed25519PrivateKey:
    raw = _decoded(secret, PRIVATE_PREFIX)
    if len(raw) not in (SEED_BYTES, 2 * SEED_BYTES):
        raise ValueError(f"holds {len(raw)} bytes; {SEED_BYTES} or {2 * SEED_BYTES} are allowed")
    key = Ed25519PrivateKey.from_private_bytes(raw[:SEED_BYTES])
    if raw[SEED_BYTES:] and raw[SEED_BYTES:] != _public_bytes(key):
        raise ValueError("holds two halves that do not belong together")
    return key


def _public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _decoded(secret: str, prefix: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"is not Base64 after {prefix}") from None


@lru_cache(maxsize=1_024)
def _keyed(key: bytes) -> HMAC:
    """The state after the key: a copy of it costs a third of `hmac.digest`.

    That one lets go of the interpreter's lock for every message, however short.
    """
    return new(key, digestmod="sha256")
