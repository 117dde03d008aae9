"""Python source that is put together line by line, each line knowing which field it is about.

Pure: no clock, no I/O.  A reader or writer compiled for one schema is several times as fast as a
walk over the schema for each record; an error finds its field by the line that raised it, so that
the good case pays nothing for good messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any


class Source:
    """A module of functions under construction.

    Only `repr` of names and numbers from a schema ever enter the text, never the names themselves.
    """

    def __init__(self, title: str, names: dict[str, Any]) -> None:
        """`names` are the globals that the functions use."""
        self.file = f"<{title}>"
        self.names = dict(names)
        self._lines: list[str] = []
        self._paths: list[str] = []
        self._indent = 0
        self._fresh = 0

    def add(self, path: str, *lines: str) -> None:
        """Append lines that are about the field at `path`."""
        for line in lines:
            self._lines.append("    " * self._indent + line)
            self._paths.append(path)

    @contextmanager
    def block(self, path: str, opening: str) -> Iterator[None]:
        """Append a line and indent what follows within."""
        self.add(path, opening)
        self._indent += 1
        yield
        self._indent -= 1

    @contextmanager
    def blocks(self, path: str, *lines: str, after: str) -> Iterator[None]:
        """Append lines, indent after each that opens a block, and end with one after them all."""
        start = self._indent
        for line in lines:
            self.add(path, line)
            self._indent += line.endswith(":")
        yield
        self._indent = start
        self.add(path, after)

    def fresh(self, prefix: str = "v") -> str:
        """A name that was not used yet."""
        self._fresh += 1
        return f"{prefix}{self._fresh}"

    def constant(self, value: object) -> str:
        """A name for a value that the functions use."""
        name = self.fresh("c")
        self.names[name] = value
        return name

    def function(self, name: str) -> Callable[..., Any]:
        """Compile everything; one of the functions.

        Raises:
            ValueError: Python does not take it: the schema is nested too deeply.
        """
        try:
            code = compile("\n".join(self._lines), self.file, "exec")
        except (SyntaxError, RecursionError, MemoryError) as error:
            message = f"{self.file[1:-1]} is nested too deeply"
            raise ValueError(message) from error
        exec(code, self.names)  # noqa: S102 (the text is ours; see the class)
        found: Callable[..., Any] = self.names[name]
        return found

    def place(self, trace: TracebackType | None) -> tuple[str, dict[str, Any]]:
        """The path of the field that an error was about, and the local names where it arose."""
        steps: list[str] = []
        local: dict[str, Any] = {}
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.file:
                steps.append(self._paths[trace.tb_lineno - 1])
                local = trace.tb_frame.f_locals
            trace = trace.tb_next
        return ".".join(filter(None, steps)), local
