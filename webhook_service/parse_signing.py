"""How a webhook's requests are signed, out of its manifest.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from webhook_service.parse_values import Read, Reader
from webhook_service.sign import key_of

SECRET_NEEDED: Final = "a signing secret is needed: whsec_ and 24 to 64 random bytes in Base64"  # noqa: S105 - says what one is


def signing_of(reader: Reader, _content: Mapping[str, Any]) -> Mapping[str, Read]:
    """How each key of this part is read."""
    return {"secret": lambda value: _secret(reader, value)}


def _secret(reader: Reader, value: object) -> str:
    text = reader.text("secret", value)
    if isinstance(value, str):
        try:
            key_of(text)
        except ValueError as error:
            reader.bad("secret", f"{error}; {SECRET_NEEDED}")
    return text
