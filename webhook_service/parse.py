"""Manifest content → `Webhook`, or every problem with its path.

Pure: names are not resolved here; whoever saves asks `host_of` and a resolver of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final, get_args

from schemas.errors import DefinitionError, Problem
from schemas.templates import Source, source_of
from webhook_service.address import Network
from webhook_service.sign import key_of
from webhook_service.url import problem_with_url
from webhook_service.webhook import (
    DEFAULT_SCHEDULE,
    Method,
    Retry,
    State,
    Webhook,
    duration_text,
    parse_duration,
)
from webhook_service.writes import Write, parse_writes

KEYS: Final = tuple(Webhook.model_fields)
METHODS: Final = get_args(Method)
#: `disabled` is what the service makes of a webhook that is gone; a manifest may keep it so.
STATES: Final = get_args(State)
#: Names that are ours, the connection's or the proxy's to set.
RESERVED: Final = frozenset(
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "expect", "host",
        "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        # What a delivery says of its cause (`schemas.headers`).
        "x-correlation-id", "x-causation-id", "x-hops", "x-chain",
    }
)  # fmt: skip
RESERVED_PREFIXES: Final = ("webhook-", "proxy-")
CONCURRENCY: Final = (1, 1_000)
TIMEOUT: Final = (timedelta(milliseconds=100), timedelta(minutes=5))
WAIT: Final = (timedelta(milliseconds=10), timedelta(days=7))
#: Retry topics keep records for 14 days.
LONGEST_SCHEDULE: Final = timedelta(days=10)
MOST_RETRIES: Final = 50
LONGEST_VALUE: Final = 4_096

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def parse_webhook(content: Mapping[str, Any], *, allowed: Iterable[Network] = ()) -> Webhook:
    """The webhook that a manifest (without its `kind`) describes.

    Args:
        allowed: Networks that may be called although they are special.

    Raises:
        DefinitionError: All that is wrong with it, each with its JSON path.
    """
    form = _Form(content, tuple(allowed))
    values = form.read()
    if form.problems:
        raise DefinitionError(tuple(form.problems))
    return Webhook(**values)


class _Form:
    """Reads one manifest and keeps what is wrong with it."""

    def __init__(self, content: Mapping[str, Any], allowed: tuple[Network, ...]) -> None:
        self.problems: list[Problem] = []
        self._content = content
        self._allowed = allowed

    def read(self) -> dict[str, Any]:
        """The values of every key that is there and right."""
        self._names(self._content, KEYS, "")
        readers: dict[str, Callable[[Any], Any]] = {
            "id": self._id,
            "url": self._url,
            "entities": self._entities,
            "method": lambda value: self._one_of("method", value, METHODS),
            "headers": self._headers,
            "query": self._query,
            "secret": self._secret,
            "body": self._body,
            "concurrency": lambda value: self._number("concurrency", value, *CONCURRENCY),
            "timeout": lambda value: self._duration("timeout", value, *TIMEOUT),
            "retry": self._retry,
            "state": lambda value: self._one_of("state", value, STATES),
            "writes": self._writes,
            "description": lambda value: self._text("description", value),
        }
        for key in ("id", "url", "secret"):
            if key not in self._content:
                self._bad(key, f"is missing; {_NEEDED[key]}")
        return {
            key: read(self._content[key]) for key, read in readers.items() if key in self._content
        }

    def _bad(self, place: str, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _names(self, content: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
        """Report keys that do not exist."""
        for key in content:
            if key not in known:
                near = get_close_matches(str(key), known, n=1, cutoff=0.5)
                hint = f"; did you mean {near[0]}?" if near else ""
                self._bad(f"{path}{key}", f"is not known{hint} (known: {', '.join(known)})")

    def _text(self, place: str, value: object) -> str:
        if isinstance(value, str):
            return value
        self._bad(place, f"is {_found(value)}; a text is expected")
        return ""

    def _id(self, value: object) -> str:
        text = self._text("id", value)
        if isinstance(value, str) and not _ID.fullmatch(value):
            self._bad("id", f"is {value!r}; 1 to 63 of a-z 0-9 . _ - are allowed, no sign first")
        return text

    def _url(self, value: object) -> str:
        text = self._text("url", value)
        problem = problem_with_url(text, self._allowed) if isinstance(value, str) else None
        if problem is not None:
            self._bad("url", problem)
        return text

    def _entities(self, value: object) -> tuple[str, ...] | None:
        if value is None or value == "any":
            return None
        if not isinstance(value, list | tuple) or not value:
            self._bad("entities", f"is {_found(value)}; a list of entities is expected, or any")
            return None
        for index, each in enumerate(value):
            if not isinstance(each, str) or not each:
                self._bad(f"entities[{index}]", f"is {_found(each)}; an entity's name is expected")
            elif each in value[:index]:
                self._bad(f"entities[{index}]", f'"{each}" stands here twice')
        return tuple(map(str, value))

    def _writes(self, value: object) -> tuple[Write, ...]:
        writes, problems = parse_writes(value)
        self.problems += problems
        return writes

    def _one_of(self, place: str, value: object, allowed: tuple[str, ...]) -> str:
        if not isinstance(value, str) or value not in allowed:
            self._bad(place, f"is {_found(value)}; one of {', '.join(allowed)} is expected")
            return allowed[0]
        return value

    def _pairs(self, place: str, value: object) -> dict[str, str]:
        """A mapping of texts to texts that fit into one line."""
        if not isinstance(value, Mapping):
            self._bad(place, f"is {_found(value)}; names with values are expected")
            return {}
        pairs: dict[str, str] = {}
        for name, each in value.items():
            at = f'{place}["{name}"]'
            if not isinstance(name, str) or not isinstance(each, str):
                self._bad(at, f"is {_found(each)}; a text is expected (put it in quotes)")
                continue
            if len(each) > LONGEST_VALUE:
                self._bad(at, f"is {len(each)} characters long; {LONGEST_VALUE} are allowed")
            pairs[name] = each
        return pairs

    def _headers(self, value: object) -> dict[str, str]:
        pairs = self._pairs("headers", value)
        seen: set[str] = set()
        for name, each in pairs.items():
            at, lower = f'headers["{name}"]', name.lower()
            if not _TOKEN.fullmatch(name):
                self._bad(at, _illegal_name(name))
            elif lower in RESERVED or lower.startswith(RESERVED_PREFIXES):
                self._bad(at, "is set by Hookline or by the connection; leave it out")
            if lower in seen:
                self._bad(at, "is there twice; upper and lower case make no difference")
            seen.add(lower)
            if (problem := _problem_with_value(each)) is not None:
                self._bad(at, problem)
        return pairs

    def _query(self, value: object) -> dict[str, str]:
        pairs = self._pairs("query", value)
        if "" in pairs:
            self._bad('query[""]', "has no name; every parameter needs one")
        return pairs

    def _secret(self, value: object) -> str:
        text = self._text("secret", value)
        if isinstance(value, str):
            try:
                key_of(text)
            except ValueError as error:
                self._bad("secret", f"{error}; {_NEEDED['secret']}")
        return text

    def _body(self, value: object) -> object:
        """The body, as it is stored; whether its fields exist is for whoever knows the entities."""
        source = source_of(value)
        if not isinstance(source, Source):
            self.problems += source
            return "full"
        if source.form != "full" and self._content.get("method") == "GET":
            self._bad("body", "is not sent with the method GET; leave it out, or use POST")
        return json.loads(source.canonical)

    def _number(self, place: str, value: object, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._bad(place, f"is {_found(value)}; {least} to {most} are allowed")
            return least
        return value

    def _duration(self, place: str, value: object, least: timedelta, most: timedelta) -> timedelta:
        if isinstance(value, timedelta):
            length = value
        else:
            try:
                length = parse_duration(value if isinstance(value, str) else repr(value))
            except ValueError as error:
                self._bad(place, str(error))
                return least
        if not least <= length <= most:
            self._bad(
                place, f"is {value}; {duration_text(least)} to {duration_text(most)} are allowed"
            )
        return length

    def _retry(self, value: object) -> Retry:
        if not isinstance(value, Mapping):
            self._bad("retry", f"is {_found(value)}; schedule and jitter are expected")
            return Retry()
        self._names(value, ("schedule", "jitter"), "retry.")
        jitter = value.get("jitter", Retry().jitter)
        if isinstance(jitter, bool) or not isinstance(jitter, int | float) or not 0 <= jitter <= 1:
            self._bad("retry.jitter", f"is {_found(jitter)}; 0 to 1 are allowed")
            jitter = 0.0
        schedule = self._schedule(value["schedule"]) if "schedule" in value else DEFAULT_SCHEDULE
        return Retry(schedule=schedule, jitter=float(jitter))

    def _schedule(self, value: object) -> tuple[timedelta, ...]:
        place = "retry.schedule"
        if not isinstance(value, list | tuple) or len(value) > MOST_RETRIES:
            self._bad(
                place, f"is {_found(value)}; a list of up to {MOST_RETRIES} waits is expected"
            )
            return ()
        waits = tuple(
            self._duration(f"{place}[{index}]", wait, *WAIT) for index, wait in enumerate(value)
        )
        if sum(waits, timedelta()) > LONGEST_SCHEDULE:
            self._bad(place, f"is longer than {duration_text(LONGEST_SCHEDULE)} in all")
        return waits


_NEEDED: Final = {
    "id": "a short name such as crm-mirror is needed",
    "url": "an address such as https://example.com/hooks is needed",
    "secret": "a signing secret is needed: whsec_ and 24 to 64 random bytes in Base64",
}


def _illegal_name(name: str) -> str:
    """Why a header's name is refused, and what was probably meant."""
    better = re.sub(r"[\s_]+", "-", name.strip().rstrip(":"))
    hint = f"; did you mean {better}?" if better != name and _TOKEN.fullmatch(better) else ""
    return f"is not a legal header name: letters, digits and !#$%&'*+-.^_`|~ are allowed{hint}"


def _problem_with_value(value: str) -> str | None:
    """Why a header's value is refused."""
    if "\n" in value or "\r" in value:
        return "holds a line break; a header's value is one line"
    if _UNPRINTABLE.search(value):
        return "holds a control character; printable ones are allowed"
    if not value.isascii():
        return "holds characters beyond ASCII; encode them (Base64 or percent-encoding)"
    if value != value.strip():
        return "begins or ends with a space, which no receiver would see; remove it"
    return None


def _found(value: object) -> str:
    """A value as people wrote it; long ones are cut."""
    text = repr(value) if not isinstance(value, Mapping) else "a mapping"
    return text if len(text) <= 60 else text[:57] + "…"  # noqa: PLR2004 - a line's worth
