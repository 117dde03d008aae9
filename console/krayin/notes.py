"""What an import has to say: what means something else now, and what could not be taken over.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: `differs`: converted, and means something else than it did; `left-out`: a part of something that
#: was converted; `not-converted`: all of it is missing from the manifests.
Kind = Literal["differs", "left-out", "not-converted"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to know.

    Attributes:
        place: What it is about: `workflow 3 "Big leads": conditions[1]`.
        message: What is different, and why.
    """

    kind: Kind
    place: str
    message: str

    def __str__(self) -> str:
        """As one line."""
        return f"{self.place}: {self.message}"


@dataclass(slots=True)
class Notes:
    """Collects notes about one row."""

    place: str
    found: list[Note] = field(default_factory=list)

    def differs(self, where: str, message: str) -> None:
        """It was converted, and means something else than it did."""
        self._add("differs", where, message)

    def left_out(self, where: str, message: str) -> None:
        """A part of it was not converted."""
        self._add("left-out", where, message)

    def refuse(self, where: str, message: str) -> None:
        """It cannot be converted."""
        self._add("not-converted", where, message)

    @property
    def refused(self) -> bool:
        """Whether anything makes it impossible to convert it."""
        return any(note.kind == "not-converted" for note in self.found)

    def _add(self, kind: Kind, where: str, message: str) -> None:
        self.found.append(Note(kind, f"{self.place}: {where}" if where else self.place, message))
