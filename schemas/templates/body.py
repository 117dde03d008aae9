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

import orjson

from schemas.errors import Problem
from schemas.paths import Scope
from schemas.records import Action, Event, Operation
from schemas.templates.bounds import MAX_OUTPUT, TooLargeError
from schemas.templates.payload import full_payload, thin_payload
from schemas.templates.placeholder import compiled_placeholder, problem_in_text
from schemas.templates.source import Form, Source, Text
from schemas.templates.syntax import Placeholder
from schemas.templates.texts import dumped, json_of, plain_of, text_of, whole_text

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


class _Filling:
    """One body being made: of what, and how much longer it may become."""

    __slots__ = ("_left", "action", "event")

    def __init__(self, action: Action, event: Event) -> None:
        self.action = action
        self.event = event
        self._left = MAX_OUTPUT

    def spend(self, characters: int) -> None:
        """Count what was made."""
        self._left -= characters
        if self._left < 0:
            raise TooLargeError


Build = Callable[[_Filling], Any]


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
            body = self._write(self._build(_Filling(action, event)))
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
    compiling = _Compiling(scope, operations)
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


class _Compiling:
    """Compiles the values of one body, and keeps what is wrong with it."""

    def __init__(self, scope: Scope, operations: Collection[str]) -> None:
        self.problems: list[Problem] = []
        self._scope = scope
        self._operations = operations

    def value(self, content: Any) -> Build:
        """Any value of a JSON template."""
        match content:
            case Text(alone=Placeholder() as placeholder, path=path):
                return self._alone(placeholder, path)
            case Text():
                return self.text(content)
            case dict():
                return self.mapping(content, self.value)
            case list():
                return self._list(content)
            case _:
                return lambda _: content

    def mapping(self, content: Mapping[str, Any], inner: Callable[[Any], Build]) -> Build:
        """An object, or a form."""
        builds = [(name, inner(each)) for name, each in content.items()]
        return lambda filling: {name: build(filling) for name, build in builds}

    def _list(self, content: list[Any]) -> Build:
        builds = [self.value(each) for each in content]
        return lambda filling: [build(filling) for build in builds]

    def _alone(self, placeholder: Placeholder, path: str) -> Build:
        """A value in its own JSON type."""
        made = compiled_placeholder(placeholder, self._scope, self._operations)
        if isinstance(made, str):
            self.problems.append(Problem(path, made))
            return _nothing
        read = made.value

        def build(filling: _Filling) -> Any:
            value = read(filling.action, filling.event)
            if isinstance(value, list | tuple | dict):
                written = json_of(value)
                filling.spend(len(written))
                return orjson.Fragment(written)
            filling.spend(len(value) if isinstance(value, str) else 1)
            return plain_of(value)

        return build

    def text(self, content: str | Text) -> Build:
        """A text with placeholders in it."""
        if isinstance(content, str):
            return lambda _: content
        pieces = [self._piece(part, content.path) for part in content.parts]

        def build(filling: _Filling) -> str:
            written: list[str] = []
            for piece in pieces:
                text = piece if isinstance(piece, str) else text_of(piece(filling))
                filling.spend(len(text))
                written.append(text)
            return "".join(written)

        return build

    def _piece(self, part: str | Placeholder, path: str) -> str | Build:
        if isinstance(part, str):
            return part
        made = compiled_placeholder(part, self._scope, self._operations)
        wrong = made if isinstance(made, str) else problem_in_text(made, part)
        if isinstance(made, str) or wrong is not None:
            self.problems.append(Problem(path, str(wrong)))
            return _nothing
        read = made.value
        return lambda filling: read(filling.action, filling.event)


def _nothing(_: _Filling) -> None:
    """Stands for what has a problem, and is never asked."""


def _form(pairs: Mapping[str, str]) -> bytes:
    whole = [(name, whole_text(value)) for name, value in pairs.items()]
    return urlencode(whole).encode()


def _text(text: str) -> bytes:
    return whole_text(text).encode()
