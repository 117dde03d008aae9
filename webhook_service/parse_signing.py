"""How a webhook's requests are signed, out of its manifest.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final, get_args

from webhook_service.header_names import problem_with_name, problem_with_value
from webhook_service.keys import signing_key
from webhook_service.parse_values import Read, Reader, found
from webhook_service.sign import MARK, SAID, SIGNED, Algorithm, Encoding, PreviousSecret, Scheme

SECRET_NEEDED: Final = (
    "a signing secret is needed: whsec_ and 24 to 64 random bytes in Base64, or whsk_ and an "  # noqa: S105 - says what one is
    "Ed25519 key"
)
#: Signatures in one header, and headers with signatures: receivers try them one by one.
MOST_PREVIOUS: Final = 4
MOST_SCHEMES: Final = 4
LONGEST_TEMPLATE: Final = 200


def signing_of(reader: Reader, content: Mapping[str, Any]) -> Mapping[str, Read]:
    """How each key of this part is read."""
    return {
        "secret": lambda value: _secret(reader, "secret", value),
        "previous_secrets": lambda value: _previous(reader, value),
        "signatures": lambda value: _schemes(reader, value, content.get("headers")),
    }


def _secret(reader: Reader, place: str, value: object) -> str:
    text = reader.text(place, value)
    if isinstance(value, str):
        try:
            signing_key(text)
        except ValueError as error:
            reader.bad(place, f"{error}; {SECRET_NEEDED}")
    return text


def _previous(reader: Reader, value: object) -> tuple[PreviousSecret, ...]:
    place = "previous_secrets"
    known = tuple(PreviousSecret.model_fields)
    read = []
    for at, each in reader.records(place, value, known, MOST_PREVIOUS):
        begun = len(reader.problems)
        secret = _secret(reader, f"{at}.secret", each.get("secret"))
        until = _instant(reader, f"{at}.until", each.get("until"))
        if len(reader.problems) == begun:
            read.append(PreviousSecret(secret=secret, until=until))
    return tuple(read)


def _instant(reader: Reader, place: str, value: object) -> datetime:
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        instant = datetime.min  # noqa: DTZ901 - refused in a moment, for it has no zone
    if instant.tzinfo is None:
        reader.bad(
            place,
            f"is {found(value)}; an instant with its time zone such as 2026-01-01T12:00:00Z is expected",
        )
    return instant.replace(tzinfo=instant.tzinfo or UTC)


def _schemes(reader: Reader, value: object, headers: object) -> tuple[Scheme, ...]:
    taken = {str(name).lower() for name in headers} if isinstance(headers, Mapping) else set()
    read = []
    known = tuple(Scheme.model_fields)
    for at, each in reader.records("signatures", value, known, MOST_SCHEMES):
        begun = len(reader.problems)
        values = {
            key: _SCHEME[key](reader, f"{at}.{key}", each[key]) for key in known if key in each
        }
        for key in ("header", "secret"):
            if key not in each:
                reader.bad(f"{at}.{key}", f"is missing; {_NEEDED[key]}")
        for key in ("header", "timestamp_header"):
            name = str(values.get(key, "")).lower()
            if name and name in taken:
                reader.bad(f"{at}.{key}", "is the name of another header of this webhook")
            taken.add(name)
        if len(reader.problems) == begun:
            read.append(Scheme(**values))
    return tuple(read)


def _header(reader: Reader, place: str, value: object) -> str:
    name = reader.text(place, value)
    if isinstance(value, str) and (problem := problem_with_name(name)) is not None:
        reader.bad(place, problem)
    return name


def _key(reader: Reader, place: str, value: object) -> str:
    text = reader.text(place, value)
    if isinstance(value, str) and not 1 <= len(text) <= LONGEST_TEMPLATE:
        reader.bad(place, f"has {len(text)} characters; 1 to {LONGEST_TEMPLATE} are allowed")
    return text


def _signs(reader: Reader, place: str, value: object) -> str:
    return _marked(reader, place, value, SIGNED, "body")


def _value(reader: Reader, place: str, value: object) -> str:
    text = _marked(reader, place, value, SAID, "signature")
    if (problem := problem_with_value(text)) is not None:
        reader.bad(place, problem)
    return text


def _marked(reader: Reader, place: str, value: object, known: Collection[str], needed: str) -> str:
    """A text with marks such as `{body}` in it."""
    text = reader.text(place, value)
    marks = MARK.findall(text)
    said = ", ".join(f"{{{each}}}" for each in known)
    for mark in marks:
        if mark not in known:
            reader.bad(place, f"has {{{mark}}}, which is not known; there is {said}")
    if isinstance(value, str) and needed not in marks:
        reader.bad(place, f"does not have {{{needed}}} in it; there is {said}")
    if len(text) > LONGEST_TEMPLATE:
        reader.bad(place, f"is {len(text)} characters long; {LONGEST_TEMPLATE} are allowed")
    return text


_NEEDED: Final = {
    "header": "the name of the header that carries the signature is needed",
    "secret": "the key, as the receiver knows it, is needed",
}
_SCHEME: Final[Mapping[str, Any]] = {
    "header": _header,
    "secret": _key,
    "algorithm": lambda reader, place, value: reader.one_of(place, value, get_args(Algorithm)),
    "encoding": lambda reader, place, value: reader.one_of(place, value, get_args(Encoding)),
    "signs": _signs,
    "value": _value,
    "timestamp_header": _header,
}
