"""Commands whose help keeps its examples as they are written: one a line, indented."""

from __future__ import annotations

import inspect
from typing import Any

import click

#: Click's mark of a paragraph that is not to be wrapped.
VERBATIM = "\b\n"


def kept(text: str | None) -> str | None:
    """The help text with every paragraph that has indented lines marked as it is."""
    if text is None:
        return None
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(VERBATIM + one if "\n  " in one else one for one in paragraphs)


class Command(click.Command):
    """A command with examples in its help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Mark the examples."""
        super().__init__(*args, **kwargs)
        self.help = kept(self.help)


class Group(click.Group):
    """A group with examples in its help, and in that of its commands."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Mark the examples."""
        super().__init__(*args, **kwargs)
        self.help = kept(self.help)
