"""Texts and values with placeholders, compiled for one entity: what bodies and lines are made of.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson

from schemas.errors import Problem
from schemas.paths import Scope
from schemas.records import Action, Event
from schemas.templates.bounds import MAX_OUTPUT, TooLargeError
from schemas.templates.placeholder import compiled_placeholder, problem_in_text
from schemas.templates.source import Text
from schemas.templates.syntax import Placeholder
from schemas.templates.texts import json_of, plain_of, text_of


class Filling:
    """One body being made: of what, and how much longer it may become."""

    __slots__ = ("_left", "action", "event")

    def __init__(self, action: Action, event: Event) -> None:
        """Nothing is made yet."""
        self.action = action
        self.event = event
        self._left = MAX_OUTPUT

    def spend(self, characters: int) -> None:
        """Count what was made.

        Raises:
            TooLargeError: It is too much.
        """
        self._left -= characters
        if self._left < 0:
            raise TooLargeError


Build = Callable[[Filling], Any]


class Compiling:
    """Compiles the values of one body, and keeps what is wrong with it."""

    def __init__(self, scope: Scope, operations: Collection[str]) -> None:
        """Nothing is compiled yet.

        Args:
            operations: Those whose events it may meet.
        """
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

        def build(filling: Filling) -> Any:
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
        pieces = [self.piece(part, content.path) for part in content.parts]

        def build(filling: Filling) -> str:
            written: list[str] = []
            for piece in pieces:
                text = piece if isinstance(piece, str) else text_of(piece(filling))
                filling.spend(len(text))
                written.append(text)
            return "".join(written)

        return build

    def piece(self, part: str | Placeholder, path: str) -> str | Build:
        """One part of a text: as it stands, or the value that a placeholder names."""
        if isinstance(part, str):
            return part
        made = compiled_placeholder(part, self._scope, self._operations)
        wrong = made if isinstance(made, str) else problem_in_text(made, part)
        if isinstance(made, str) or wrong is not None:
            self.problems.append(Problem(path, str(wrong)))
            return _nothing
        read = made.value
        return lambda filling: read(filling.action, filling.event)


def _nothing(_: Filling) -> None:
    """Stands for what has a problem, and is never asked."""
