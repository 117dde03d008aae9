"""Short Python functions made of a pattern and what fills it: a field's reading, a comparison.

Pure.  Workflows are alike but for names and values: thousands share one pattern, which is compiled
once.  What is different stands in the defaults of a function's arguments, and only names that this
package made itself ever enter the text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from schemas.paths import Field
from workflow_service.language.kinds import nfc

#: Patterns that are kept compiled.
PATTERNS = 4_096


class Pattern:
    """One function of an event under construction.

    Args:
        escape: What it does where a field is null or not there: a Python statement.
        arguments: What it takes.
    """

    def __init__(self, escape: str, arguments: str = "event") -> None:
        """No line is there yet."""
        self._escape = escape
        self._arguments = arguments
        self._indent = "    "
        self._lines: list[str] = []
        self._values: list[Any] = []
        self._sides: dict[str, None] = {}
        self._checked: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no line was added."""
        return not self._lines

    def constant(self, value: Any) -> str:
        """A name for a value that differs from function to function."""
        self._values.append(value)
        return f"c{len(self._values) - 1}"

    def line(self, text: str) -> None:
        """Add a line; it may use `event`, `v` and names of constants."""
        self._lines.append(self._indent + text)

    @contextmanager
    def block(self) -> Iterator[None]:
        """Lines that `break` leaves, where `break` is the escape."""
        self.line("while True:")  # costs nothing: it is no more than a place to jump to
        outer, self._indent, self._checked = self._indent, self._indent + "    ", set()
        yield
        self.line("break")
        self._indent = outer

    def read(self, field: Field) -> None:
        """Put the value of a field of the event into `v`; escape if it is null."""
        source = "event" if field.side == "event" else self._there(field.side)
        for key in field.keys:
            if field.side == "event":
                self.line(f"v = {source}.{key}")
            else:
                self.line(f"v = {source}.get({self.constant(key)})")
            self.escape("v is None")
            source = "v"

    def escape(self, condition: str) -> None:
        """Escape where a condition holds."""
        self.line(f"if {condition}: {self._escape}")

    def side(self, side: str) -> str:
        """A name for a side of the event, which may not be there."""
        self._sides[side] = None
        return side

    def _there(self, side: str) -> str:
        """A name for a side of the event; escape if it is not there."""
        if side not in self._checked:
            self._checked.add(side)
            self.escape(f"{self.side(side)} is None")
        return side

    def function(self) -> Callable[..., Any]:
        """The function."""
        names = ", ".join([self._arguments, *(f"c{at}" for at in range(len(self._values)))])
        sides = [f"    {side} = event.{side}" for side in self._sides]
        text = "\n".join([f"def pattern({names}):", *sides, *self._lines])
        return FunctionType(_code(text), _NAMES, "pattern", tuple(self._values))


def can_read(field: Field) -> bool:
    """Whether `Pattern.read` can be asked: not for an element, nor for an odd name."""
    return field.side in ("after", "before") or (
        field.side == "event" and len(field.keys) == 1 and field.keys[0].isidentifier()
    )


_NAMES: dict[str, Any] = {"nfc": nfc, "__builtins__": {"type": type, "int": int, "min": min}}


@functools.lru_cache(maxsize=PATTERNS)
def _code(text: str) -> CodeType:
    code = compile(text, "<pattern>", "exec")
    return next(each for each in code.co_consts if isinstance(each, CodeType))
