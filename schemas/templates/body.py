"""A body, checked against an entity's schema and compiled: action and event → its bytes.

Pure.  What is checked is what is done: saving, previewing and sending all go through `compiled`.  JSON
is built as a value and a form as pairs, and only then written, so nothing that a record contains can
break out of its place; and what it contains is never read as a template.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args
from urllib.parse import urlencode

from schemas.errors import Problem
from schemas.paths import Scope
from schemas.records import Action, Event, Operation
from schemas.templates.bounds import MAX_OUTPUT, TooLargeError
from schemas.templates.compiling import Build, Compiling, Filling
from schemas.templates.payload import full_payload, thin_payload
from schemas.templates.source import Form, Source
from schemas.templates.texts import dumped, whole_text

OPERATIONS: Final[tuple[str, ...]] = get_args(Operation)
JSON: Final = "application/json"
CONTENT_TYPES: Final[Mapping[Form, str]] = {
    "full": JSON,
    "thin": JSON,
    "json": JSON,
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class TooLarge:
    """There is no body, because it would be too large."""

    reason: str = f"the body would be longer than {MAX_OUTPUT} bytes"


@dataclass(frozen=True, slots=True)
class Body:
    """A body that makes sense, for the events of one entity.

    Attributes:
        content_type: What it is, unless the webhook says otherwise.
    """

    content_type: str
    _build: Build
    _write: Callable[[Any], bytes]
    _most: float = MAX_OUTPUT

    def render(self, action: Action, event: Event) -> bytes | TooLarge:
        """The bytes for one action."""
        try:
            body = self._write(self._build(Filling(action, event)))
        except TooLargeError:
            return TooLarge()
        return TooLarge() if len(body) > self._most else body


def compiled(
    source: Source, scope: Scope, operations: Collection[str] = OPERATIONS
) -> Body | tuple[Problem, ...]:
    """A body made ready for one entity, or all that is wrong with it there.

    Args:
        operations: Those whose events it may meet.
    """
    compiling = Compiling(scope, operations)
    content_type = CONTENT_TYPES[source.form]
    match source.form:
        case "full":
            body = Body(
                content_type, lambda of: full_payload(of.action, of.event), dumped, math.inf
            )
        case "thin":
            body = Body(content_type, lambda of: thin_payload(of.action, of.event), dumped)
        case "json":
            body = Body(content_type, compiling.value(source.content), dumped)
        case "form":
            body = Body(content_type, compiling.mapping(source.content, compiling.text), _form)
        case "text":
            body = Body(content_type, compiling.text(source.content), _text)
    return tuple(compiling.problems) or body


def _form(pairs: Mapping[str, str]) -> bytes:
    whole = [(name, whole_text(value)) for name, value in pairs.items()]
    return urlencode(whole).encode()


def _text(text: str) -> bytes:
    return whole_text(text).encode()
