"""How a webhook shows who it is, out of its manifest.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import BaseModel

from webhook_service.address import Network, address_in
from webhook_service.auth import Auth, Basic, Bearer, ClientAuth, OAuth2, Tls
from webhook_service.parse_values import Read, Reader
from webhook_service.url import problem_with_url

KINDS: Final[Mapping[str, type[BaseModel]]] = {"basic": Basic, "bearer": Bearer, "oauth2": OAuth2}
LONGEST: Final = 4_096
LONGEST_PEM: Final = 64 * 1024

_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")


def auth_of(
    reader: Reader, content: Mapping[str, Any], allowed: tuple[Network, ...]
) -> Mapping[str, Read]:
    """How each key of this part is read.

    Args:
        allowed: Networks that may be called although they are special.
    """
    return {
        "auth": lambda value: _auth(reader, value, content.get("headers"), allowed),
        "tls": lambda value: _tls(reader, value, content.get("url")),
    }


def _auth(
    reader: Reader, value: object, headers: object, allowed: tuple[Network, ...]
) -> Auth | None:
    kinds = tuple(KINDS)
    content = reader.mapping("auth", value, kinds)
    if isinstance(value, Mapping) and len(content) != 1:
        reader.bad("auth", f"has {len(content)} of {', '.join(kinds)}; exactly one is expected")
    names = [str(name).lower() for name in headers] if isinstance(headers, Mapping) else []
    if "authorization" in names:
        reader.bad("auth", "sets the header authorization, which is among headers, too")
    read = {
        kind: _record(reader, kind, content[kind], allowed) for kind in kinds if kind in content
    }
    return Auth.model_validate(read) if len(read) == 1 and not reader.problems else None


def _record(
    reader: Reader, kind: str, value: object, allowed: tuple[Network, ...]
) -> BaseModel | None:
    record = KINDS[kind]
    place = f"auth.{kind}"
    content = reader.mapping(place, value, tuple(record.model_fields))
    values = {}
    for key, field in record.model_fields.items():
        at = f"{place}.{key}"
        if key in content:
            values[key] = _READ.get(key, _text)(reader, at, content[key], allowed)
        elif field.is_required():
            reader.bad(at, "is missing")
    return None if reader.problems else record(**values)


def _text(reader: Reader, place: str, value: object, _: tuple[Network, ...]) -> str:
    text = reader.text(place, value)
    if isinstance(value, str) and not (_PRINTABLE.fullmatch(text) and len(text) <= LONGEST):
        reader.bad(place, f"is not 1 to {LONGEST} printable characters of ASCII")
    return text


def _username(reader: Reader, place: str, value: object, allowed: tuple[Network, ...]) -> str:
    text = _text(reader, place, value, allowed)
    if ":" in text:
        reader.bad(place, "holds a colon, which ends a user name")
    return text


def _token(reader: Reader, place: str, value: object, allowed: tuple[Network, ...]) -> str:
    text = _text(reader, place, value, allowed)
    if text and not _TOKEN.fullmatch(text):
        reader.bad(place, "holds characters that no bearer token has; give it without Bearer")
    return text


def _token_url(reader: Reader, place: str, value: object, allowed: tuple[Network, ...]) -> str:
    text = _text(reader, place, value, allowed)
    problem = problem_with_url(text, allowed) if isinstance(value, str) else None
    if problem is None and text and not text.startswith("https:"):
        host = urlsplit(text).hostname or ""
        # A literal address was refused above unless an operator allows it.
        if address_in(host) is None:
            problem = "is not https://, and a client secret is sent there"
    if problem is not None:
        reader.bad(place, problem)
    return text


def _client_auth(reader: Reader, place: str, value: object, _: tuple[Network, ...]) -> str:
    return reader.one_of(place, value, get_args(ClientAuth))


_READ: Final[Mapping[str, Callable[[Reader, str, object, tuple[Network, ...]], str]]] = {
    "username": _username,
    "token": _token,
    "token_url": _token_url,
    "client_auth": _client_auth,
}


def _tls(reader: Reader, value: object, url: object) -> Tls:
    begun = len(reader.problems)
    content = reader.mapping("tls", value, tuple(Tls.model_fields))
    values = {key: _pem(reader, f"tls.{key}", each) for key, each in content.items()
              if key in Tls.model_fields}  # fmt: skip
    if isinstance(url, str) and not url.startswith("https:"):
        reader.bad("tls", "is for https:// only, and the URL is not")
    if ("certificate" in values) != ("key" in values):
        missing = "key" if "certificate" in values else "certificate"
        reader.bad(f"tls.{missing}", "is missing; a certificate and its key are given together")
    for key in ("ca", "certificate"):
        if values.get(key):
            _certificates(reader, f"tls.{key}", values[key])
    if len(reader.problems) == begun and values.get("key"):
        _key_of(reader, values["certificate"], values["key"])
    return Tls(**values) if len(reader.problems) == begun else Tls()


def _pem(reader: Reader, place: str, value: object) -> str:
    text = reader.text(place, value)
    if isinstance(value, str) and (not text.isascii() or len(text) > LONGEST_PEM):
        reader.bad(place, f"is not up to {LONGEST_PEM} characters of PEM (-----BEGIN …)")
    return text


def _certificates(reader: Reader, place: str, text: str) -> None:
    try:
        x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        reader.bad(place, "is no certificate in PEM (-----BEGIN CERTIFICATE-----)")


def _key_of(reader: Reader, certificate: str, key: str) -> None:
    """Whether the key can be read and is the certificate's."""
    try:
        private = load_pem_private_key(key.encode(), None)
    except TypeError:
        reader.bad("tls.key", "is encrypted; give it without a passphrase: it is stored encrypted")
        return
    except ValueError:
        reader.bad("tls.key", "is no private key in PEM (-----BEGIN PRIVATE KEY-----)")
        return
    first = x509.load_pem_x509_certificates(certificate.encode())[0]
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != first.public_key().public_bytes(*form):
        reader.bad("tls.key", "is not the key of the first certificate")
