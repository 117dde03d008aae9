"""A body as a manifest says it → its form and its texts, read; or all that is wrong with it.

Pure.  Only what can be said without an entity: shapes, syntax, bounds.  `schemas.templates.body`
does the rest, for each entity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from schemas.errors import Problem
from schemas.problems import Problems, joined
from schemas.templates.bounds import MAX_DEPTH, MAX_PLACEHOLDERS, MAX_TEMPLATE
from schemas.templates.canonical import canonical
from schemas.templates.syntax import Part, Placeholder, TemplateError, parts_of
from schemas.wording import found, unknown

Form = Literal["full", "thin", "json", "form", "text"]
WHOLE: Final = ("full", "thin")
TEMPLATES: Final = ("json", "form", "text")
_EXPECTED: Final = "full, thin, {json: …}, {form: {NAME: TEXT}} or {text: TEXT} is expected"


@dataclass(frozen=True, slots=True)
class Text:
    """A text with at least one placeholder.

    Attributes:
        path: Where it stands, for messages.
    """

    parts: tuple[Part, ...]
    path: str

    @property
    def alone(self) -> Placeholder | None:
        """The placeholder that is all of it, if one is."""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, Placeholder) else None


@dataclass(frozen=True, slots=True)
class Source:
    """A well-formed body.

    Attributes:
        content: For a template, its JSON value with every text that has placeholders as a `Text`.
        canonical: The body as it is stored: the same text for the same body.
    """

    form: Form
    content: Any
    canonical: str


def source_of(body: object, path: str = "body") -> Source | tuple[Problem, ...]:
    """A body read, or all that is wrong with it.

    Args:
        body: `full`, `thin`, `{json: …}`, `{form: …}` or `{text: …}`.
        path: Where it stands.
    """
    problems = Problems()
    if isinstance(body, str):
        if body not in WHOLE:
            problems.add(path, f"{unknown('the body', body, WHOLE)}; {_EXPECTED}")
        return problems.found or Source(cast("Form", body), None, canonical(body))
    if not isinstance(body, Mapping) or len(body) != 1:
        problems.add(path, f"{found(body)}; {_EXPECTED}")
        return problems.found
    ((form, content),) = body.items()
    if form not in TEMPLATES:
        problems.add(joined(path, str(form)), f"{unknown('the form', form, TEMPLATES)}")
        return problems.found
    return _template(form, content, joined(path, form), body, problems)


def _template(
    form: Form, content: object, path: str, body: object, problems: Problems
) -> Source | tuple[Problem, ...]:
    reading = _Reading(problems)
    read = {"json": reading.value, "form": reading.form, "text": reading.text}[form](content, path)
    if problems.found:
        return problems.found
    if reading.placeholders > MAX_PLACEHOLDERS:
        problems.add(
            path, f"has {reading.placeholders} placeholders; {MAX_PLACEHOLDERS} are allowed"
        )
    written = canonical(body)
    if len(written) > MAX_TEMPLATE:
        problems.add(path, f"is {len(written)} characters long; {MAX_TEMPLATE} are allowed")
    return problems.found or Source(form, read, written)


class _Reading:
    """Reads the texts of one body."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.placeholders = 0

    def value(self, value: object, path: str, depth: int = 0) -> Any:
        """Any JSON value."""
        if depth > MAX_DEPTH:
            self._problems.add(path, f"is nested deeper than {MAX_DEPTH}")
            return None
        match value:
            case str():
                return self.text(value, path)
            case Mapping():
                return {
                    key: self.value(value[key], joined(path, str(key)), depth + 1)
                    for key in self._names(value, path)
                }
            case list() | tuple():
                return [
                    self.value(each, f"{path}[{index}]", depth + 1)
                    for index, each in enumerate(value)
                ]
            case _:
                return self._plain(value, path)

    def form(self, value: object, path: str) -> Any:
        """A form's fields."""
        if not isinstance(value, Mapping) or not value:
            self._problems.add(path, f"{found(value)}; names with texts are expected")
            return {}
        return {
            name: self.text(value[name], joined(path, str(name)))
            for name in self._names(value, path)
        }

    def text(self, value: object, path: str) -> Any:
        """A text, in parts if it has placeholders."""
        if not isinstance(value, str):
            self._problems.add(path, f"{found(value)}; a text is expected (put it in quotes)")
            return ""
        try:
            value.encode()
            parts = parts_of(value)
        except UnicodeEncodeError:
            self._problems.add(path, "holds half a Unicode character (a surrogate)")
            return ""
        except TemplateError as error:
            self._problems.add(path, str(error))
            return ""
        count = sum(isinstance(each, Placeholder) for each in parts)
        self.placeholders += count
        return Text(parts, path) if count else value

    def _names(self, content: Mapping[Any, object], path: str) -> list[str]:
        """The names of a mapping, in order; only texts without placeholders are."""
        for name in content:
            if not isinstance(name, str):
                self._problems.add(path, f"{found(name)}; a name is a text (put it in quotes)")
            elif isinstance(read := self.text(name, joined(path, name)), Text):
                self._problems.add(read.path, "a name has no placeholders, only values have")
        return sorted(name for name in content if isinstance(name, str))

    def _plain(self, value: object, path: str) -> object:
        """Null, true, false or a number that JSON can say."""
        whole = isinstance(value, int) and -(2**63) <= value < 2**64
        if value is None or whole or (isinstance(value, float) and math.isfinite(value)):
            return value
        self._problems.add(path, f"{found(value)}; JSON has no such value")
        return None
