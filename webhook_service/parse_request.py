"""What a webhook's requests look like, out of its manifest: method, query, headers, body.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, get_args

from schemas.templates import Source, as_written, problem_with_line, source_of
from webhook_service.header_names import problem_with_name, problem_with_value
from webhook_service.parse_values import Read, Reader
from webhook_service.webhook import Method

METHODS: Final = get_args(Method)


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
        if (wrong := problem_with_name(name)) is not None:
            reader.bad(at, wrong)
        if lower in seen:
            reader.bad(at, "is there twice; upper and lower case make no difference")
        seen.add(lower)
        problem = problem_with_line(each) or problem_with_value(as_written(each, lambda _: "x"))
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
