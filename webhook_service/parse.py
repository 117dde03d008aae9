"""Manifest content → `Webhook`, or every problem with its path.

Pure: names are not resolved here; whoever saves asks `host_of` and a resolver of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas.errors import DefinitionError
from webhook_service.address import Network
from webhook_service.parse_auth import auth_of
from webhook_service.parse_lane import lane_of
from webhook_service.parse_policy import policy_of
from webhook_service.parse_request import request_of
from webhook_service.parse_signing import SECRET_NEEDED, signing_of
from webhook_service.parse_values import Read, Reader, found
from webhook_service.places import problem_with_places, stand_in
from webhook_service.url import problem_with_url
from webhook_service.webhook import Webhook
from webhook_service.writes import Write, parse_writes

KEYS: Final = tuple(Webhook.model_fields)
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NEEDED: Final = {
    "id": "a short name such as crm-mirror is needed",
    "url": "an address such as https://example.com/hooks is needed",
    "secret": SECRET_NEEDED,
}


def parse_webhook(content: Mapping[str, Any], *, allowed: Iterable[Network] = ()) -> Webhook:
    """The webhook that a manifest (without its `kind`) describes.

    Args:
        allowed: Networks that may be called although they are special.

    Raises:
        DefinitionError: All that is wrong with it, each with its JSON path.
    """
    allowed = tuple(allowed)
    reader = Reader()
    reader.names(content, KEYS, "")
    for key, needed in _NEEDED.items():
        if key not in content:
            reader.bad(key, f"is missing; {needed}")
    reads: dict[str, Read] = {
        **_identity_of(reader, allowed),
        **request_of(reader, content),
        **signing_of(reader, content),
        **auth_of(reader, content, allowed),
        **lane_of(reader, content),
        **policy_of(reader, content),
    }
    values = {key: read(content[key]) for key, read in reads.items() if key in content}
    if reader.problems:
        raise DefinitionError(tuple(reader.problems))
    return Webhook(**values)


def _identity_of(reader: Reader, allowed: tuple[Network, ...]) -> Mapping[str, Read]:
    """How the keys are read that say what the webhook is and what it is for."""
    return {
        "id": lambda value: _id(reader, value),
        "url": lambda value: _url(reader, value, allowed),
        "entities": lambda value: _entities(reader, value),
        "writes": lambda value: _writes(reader, value),
        "description": lambda value: reader.text("description", value),
    }


def _id(reader: Reader, value: object) -> str:
    text = reader.text("id", value)
    if isinstance(value, str) and not _ID.fullmatch(value):
        reader.bad("id", f"is {value!r}; 1 to 63 of a-z 0-9 . _ - are allowed, no sign first")
    return text


def _url(reader: Reader, value: object, allowed: tuple[Network, ...]) -> str:
    text = reader.text("url", value)
    if not isinstance(value, str):
        return text
    problem = problem_with_places(text) or problem_with_url(stand_in(text), allowed)
    if problem is not None:
        reader.bad("url", problem)
    return text


def _entities(reader: Reader, value: object) -> tuple[str, ...] | None:
    if value is None or value == "any":
        return None
    if not isinstance(value, list | tuple) or not value:
        reader.bad("entities", f"is {found(value)}; a list of entities is expected, or any")
        return None
    for index, each in enumerate(value):
        if not isinstance(each, str) or not each:
            reader.bad(f"entities[{index}]", f"is {found(each)}; an entity's name is expected")
        elif each in value[:index]:
            reader.bad(f"entities[{index}]", f'"{each}" stands here twice')
    return tuple(map(str, value))


def _writes(reader: Reader, value: object) -> tuple[Write, ...]:
    writes, problems = parse_writes(value)
    reader.problems += problems
    return writes
