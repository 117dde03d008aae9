"""Texts with placeholders outside of bodies: query parameters, headers, the path of a URL.

Pure.  A line is filled in as pieces, so that whoever puts it into a request can escape what a record
contained, as its place needs it, and leave alone what the operator wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.catalog import Catalog
from schemas.errors import Problem
from schemas.paths import Scope
from schemas.records import Action, Event
from schemas.templates.body import OPERATIONS, TooLarge
from schemas.templates.bounds import TooLargeError
from schemas.templates.checks import scope_of, together
from schemas.templates.compiling import Build, Compiling, Filling
from schemas.templates.syntax import Placeholder, TemplateError, parts_of
from schemas.templates.texts import text_of, whole_text


class Piece(NamedTuple):
    """A part of a line.

    Attributes:
        given: The operator wrote it; else it is what a placeholder stood for.
    """

    text: str
    given: bool


Line = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that make sense, for the events of one entity."""

    _builds: tuple[tuple[str, tuple[str | Build, ...]], ...]

    def render(self, action: Action, event: Event) -> Mapping[str, Line] | TooLarge:
        """Each line by its place, filled in for one action."""
        filling = Filling(action, event)
        try:
            return {
                place: tuple(_piece(part, filling) for part in parts)
                for place, parts in self._builds
            }
        except TooLargeError:
            return TooLarge("a text that a placeholder stands for is too long")


def problem_with_line(text: str) -> str | None:
    """What is wrong with the syntax of a line; None if nothing is."""
    try:
        parts_of(text)
    except TemplateError as error:
        return str(error)
    return None


def moves(text: str) -> bool:
    """Whether there are placeholders in a well-formed line."""
    return any(isinstance(part, Placeholder) for part in parts_of(text))


def as_written(text: str, stand_in: Callable[[str], str]) -> str:
    """A well-formed line with something else in place of each placeholder.

    Args:
        stand_in: What stands for a placeholder, given as it is written.
    """
    pieces = pieces_of(text)
    return "".join(piece.text if piece.given else stand_in(piece.text) for piece in pieces)


def pieces_of(text: str) -> Line:
    """A well-formed line in pieces; placeholders are as they are written."""
    return tuple(
        Piece(part, given=True) if isinstance(part, str) else Piece(part.source, given=False)
        for part in parts_of(text)
    )


def compiled_lines(
    lines: Mapping[str, str], scope: Scope, operations: Collection[str] = OPERATIONS
) -> Lines | tuple[Problem, ...]:
    """Lines made ready for one entity, or all that is wrong with them there.

    Args:
        lines: Texts by their place in the manifest.
        operations: Those whose events they may meet.
    """
    compiling = Compiling(scope, operations)
    builds = []
    for place, text in lines.items():
        try:
            parts = parts_of(text)
        except TemplateError as error:
            compiling.problems.append(Problem(place, str(error)))
        else:
            builds.append((place, tuple(compiling.piece(part, place) for part in parts)))
    return tuple(compiling.problems) or Lines(tuple(builds))


def check_lines(
    lines: Mapping[str, str],
    catalog: Catalog,
    entities: Collection[str] | None,
    operations: Collection[str] = OPERATIONS,
) -> tuple[Problem, ...]:
    """Everything that is wrong with lines; empty if they may be saved.

    Args:
        lines: Texts by their place in the manifest.
        entities: Those whose events they may meet; None for every one there is.
    """
    found = {}
    for entity in catalog.entities if lines else ():
        if entities is None or entity in entities:
            made = compiled_lines(lines, scope_of(catalog, entity), operations)
            problems = () if isinstance(made, Lines) else made
            found[entity] = {problem.place: problem.message for problem in reversed(problems)}
    return tuple(together(found))


def _piece(part: str | Build, filling: Filling) -> Piece:
    if isinstance(part, str):
        return Piece(part, given=True)
    text = whole_text(text_of(part(filling)))
    filling.spend(len(text))
    return Piece(text, given=False)
