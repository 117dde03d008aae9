"""The bodies of requests: whole events, JSON templates, forms and raw text, with placeholders."""

from __future__ import annotations

from schemas.templates.bodies import Bodies
from schemas.templates.body import Body, TooLarge, compiled
from schemas.templates.canonical import canonical
from schemas.templates.checks import check_body, scope_of
from schemas.templates.lines import (
    Line,
    Lines,
    Piece,
    as_written,
    check_lines,
    compiled_lines,
    moves,
    pieces_of,
    problem_with_line,
)
from schemas.templates.payload import full_payload, thin_payload
from schemas.templates.source import Source, source_of

__all__ = [
    "Bodies",
    "Body",
    "Line",
    "Lines",
    "Piece",
    "Source",
    "TooLarge",
    "as_written",
    "canonical",
    "check_body",
    "check_lines",
    "compiled",
    "compiled_lines",
    "full_payload",
    "moves",
    "pieces_of",
    "problem_with_line",
    "scope_of",
    "source_of",
    "thin_payload",
]
