"""Signs one attempt: Standard Webhooks' three headers, and those of schemes that receivers had before.

Pure: the instant is an argument.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import digest as hmac_digest
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from webhook_service.keys import SigningKey, digest, signing_key

WEBHOOK_ID: Final = "webhook-id"
WEBHOOK_TIMESTAMP: Final = "webhook-timestamp"
WEBHOOK_SIGNATURE: Final = "webhook-signature"

Headers = tuple[tuple[str, str], ...]
Algorithm = Literal["sha256", "sha1", "sha512"]
Encoding = Literal["hex", "base64"]
#: What may stand in braces in `signs` and `value` of a scheme.
SIGNED: Final = ("id", "timestamp", "body")
SAID: Final = ("signature", "id", "timestamp")
MARK: Final = re.compile(r"\{([a-z]+)\}")


class PreviousSecret(BaseModel):
    """A secret that was replaced and still signs.

    Attributes:
        until: From then on it does not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str = Field(repr=False)
    until: datetime

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, value: str) -> str:
        signing_key(value)
        return value


class Scheme(BaseModel):
    """A signature of another kind than Standard Webhooks', in a header of its own.

    Attributes:
        secret: The key as text, whose UTF-8 bytes are the HMAC key.
        signs: What is signed: `{body}`, `{timestamp}.{body}`.
        value: What the header says: `sha256={signature}`.
        timestamp_header: A header that says when, if the scheme wants one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: str
    secret: str = Field(repr=False)
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    signs: str = "{body}"
    value: str = "{signature}"
    timestamp_header: str | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes the signature headers of a webhook's attempts.

    Attributes:
        current: The key of the webhook's secret.
        previous: Keys that sign, too, until a second of Unix time.
        schemes: Other signatures beside them.
    """

    current: SigningKey
    previous: tuple[tuple[SigningKey, float], ...] = ()
    schemes: tuple[Scheme, ...] = ()

    def headers(self, message_id: str, sent_at: datetime, body: bytes) -> Headers:
        """The headers of one attempt.

        Args:
            sent_at: When this attempt is made.  Only whole seconds are signed.
            body: The exact bytes sent.
        """
        instant = sent_at.timestamp()
        message = b"%b.%d.%b" % (message_id.encode(), int(instant), body)
        signature = _said(self.current, message)
        for key, until in self.previous:
            if instant < until:
                signature = f"{signature} {_said(key, message)}"
        made: Headers = (
            (WEBHOOK_ID, message_id),
            (WEBHOOK_TIMESTAMP, str(int(instant))),
            (WEBHOOK_SIGNATURE, signature),
        )
        for scheme in self.schemes:
            made += _of_scheme(scheme, message_id, int(instant), body)
        return made


def signer_of(
    secret: str, previous: Sequence[PreviousSecret] = (), schemes: Sequence[Scheme] = ()
) -> Signer:
    """The signer of a webhook.

    Raises:
        ValueError: A secret is none.
    """
    return Signer(
        signing_key(secret),
        tuple((signing_key(one.secret), one.until.timestamp()) for one in previous),
        tuple(schemes),
    )


def signature_of(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, `v1,<base64>`.

    Args:
        key: The endpoint's raw key, already Base64-decoded.
        timestamp: When this attempt is made, Unix seconds.
        body: The exact bytes sent.
    """
    message = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(digest(key, message)).decode()


def _said(key: SigningKey, message: bytes) -> str:
    return f"{key.version},{base64.b64encode(key.sign(message)).decode()}"


def _of_scheme(scheme: Scheme, message_id: str, timestamp: int, body: bytes) -> Headers:
    values = {"id": message_id.encode(), "timestamp": b"%d" % timestamp, "body": body}
    message = _filled(scheme.signs, lambda name: values[name])
    mac = hmac_digest(scheme.secret.encode(), message, scheme.algorithm)
    written = mac.hex() if scheme.encoding == "hex" else base64.b64encode(mac).decode()
    said = {"signature": written, "id": message_id, "timestamp": str(timestamp)}
    value = MARK.sub(lambda found: said[found[1]], scheme.value)
    if scheme.timestamp_header is None:
        return ((scheme.header, value),)
    return ((scheme.timestamp_header, str(timestamp)), (scheme.header, value))


def _filled(template: str, value: Callable[[str], bytes]) -> bytes:
    """The template with its marks replaced; what is put in is never looked at again."""
    parts = MARK.split(template)
    return b"".join(value(part) if index % 2 else part.encode() for index, part in enumerate(parts))
