"""What a webhook's requests look like, out of its manifest: method, query, headers, body.

Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from schemas.templates import Source, as_written, problem_with_line, source_of
from webhook_service.parse_values import Read, Reader
from webhook_service.webhook import Method

METHODS: Final = get_args(Method)
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

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def request_of(reader: Reader, content: Mapping[str, Any]) -> Mapping[str, Read]:
    """How each key of this part is read."""
    return {
        "method": lambda value: reader.one_of("method", value, METHODS),
        "headers": lambda value: _headers(reader, value),
        "query": lambda value: _query(reader, value),
        "body": lambda value: _body(reader, value, content.get("method")),
    }


def _headers(reader: Reader, value: object) -> dict[str, str]:
    pairs = reader.pairs("headers", value)
    seen: set[str] = set()
    for name, each in pairs.items():
        at, lower = f'headers["{name}"]', name.lower()
        if not _TOKEN.fullmatch(name):
            reader.bad(at, _illegal_name(name))
        elif lower in RESERVED or lower.startswith(RESERVED_PREFIXES):
            reader.bad(at, "is set by Hookline or by the connection; leave it out")
        if lower in seen:
            reader.bad(at, "is there twice; upper and lower case make no difference")
        seen.add(lower)
        problem = problem_with_line(each) or _problem_with_value(as_written(each, lambda _: "x"))
        if problem is not None:
            reader.bad(at, problem)
    return pairs


def _query(reader: Reader, value: object) -> dict[str, str]:
    pairs = reader.pairs("query", value)
    if "" in pairs:
        reader.bad('query[""]', "has no name; every parameter needs one")
    for name, each in pairs.items():
        if (problem := problem_with_line(each)) is not None:
            reader.bad(f'query["{name}"]', problem)
    return pairs


def _body(reader: Reader, value: object, method: object) -> object:
    """The body, as it is stored; whether its fields exist is for whoever knows the entities."""
    source = source_of(value)
    if not isinstance(source, Source):
        reader.problems += source
        return "full"
    if source.form != "full" and method == "GET":
        reader.bad("body", "is not sent with the method GET; leave it out, or use POST")
    return json.loads(source.canonical)


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
