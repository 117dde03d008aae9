"""Short Python functions made of a pattern and what fills it: a field's reading, a comparison.

Pure.  Workflows are alike but for names and values: thousands share one pattern, which is compiled
once.  What is different stands in the defaults of a function's arguments, and only names that this
package made itself ever enter the text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from schemas.paths import Field
from workflow_service.kinds import nfc

#: Patterns that are kept compiled.
PATTERNS = 4_096


class Pattern:
    """One function of an event under construction.

    Args:
        otherwise: What it returns where a field is null or not there: Python source.
    """

    def __init__(self, otherwise: str) -> None:
        """No line is there yet."""
        self._otherwise = otherwise
        self._lines: list[str] = []
        self._values: list[Any] = []
        self._sides: set[str] = set()

    def constant(self, value: Any) -> str:
        """A name for a value that differs from function to function."""
        self._values.append(value)
        return f"c{len(self._values) - 1}"

    def line(self, text: str) -> None:
        """Add a line; it may use `event`, `v` and names of constants."""
        self._lines.append(f"    {text}")

    def read(self, field: Field) -> None:
        """Put the value of a field of the event into `v`; return if it is null."""
        self._side(field.side)
        source = "event" if field.side == "event" else field.side
        for key in field.keys:
            if field.side == "event":
                self.line(f"v = {source}.{key}")
            else:
                self.line(f"v = {source}.get({self.constant(key)})")
            self.line(f"if v is None: return {self._otherwise}")
            source = "v"

    def _side(self, side: str) -> None:
        if side != "event" and side not in self._sides:
            self._sides.add(side)
            self.line(f"{side} = event.{side}")
            self.line(f"if {side} is None: return {self._otherwise}")

    def function(self) -> Callable[[Any], Any]:
        """The function."""
        names = ", ".join(f"c{at}" for at in range(len(self._values)))
        text = "\n".join([f"def pattern(event, {names}):", *self._lines])
        return FunctionType(_code(text), _NAMES, "pattern", tuple(self._values))


def can_read(field: Field) -> bool:
    """Whether `Pattern.read` can be asked: not for an element, nor for an odd name."""
    return field.side in ("after", "before") or (
        field.side == "event" and len(field.keys) == 1 and field.keys[0].isidentifier()
    )


_NAMES: dict[str, Any] = {"nfc": nfc, "__builtins__": {"type": type, "int": int}}


@functools.lru_cache(maxsize=PATTERNS)
def _code(text: str) -> CodeType:
    code = compile(text, "<pattern>", "exec")
    return next(each for each in code.co_consts if isinstance(each, CodeType))
