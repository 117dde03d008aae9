"""How commands answer: tables for people, JSON for programs, problems on standard error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.json_form import dumps

F = TypeVar("F", bound=Callable[..., Any])

#: Wide enough for an address and a reason when the output is not a terminal.
PLAIN_WIDTH = 200

json_option: Callable[[F], F] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on standard output."
)


def document(value: object) -> None:
    """Print one JSON document on a line of its own."""
    click.echo(dumps(value))


@functools.cache
def screen() -> Console:
    """Standard output for people; as wide as the terminal, or wide enough in a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def show(*what: RenderableType) -> None:
    """Print for people."""
    # The console is looked up anew where output is redirected (tests, pagers).
    screen.cache_clear()
    for thing in what:
        screen().print(thing)


def note(message: str) -> None:
    """Say something that is not the answer: on standard error."""
    click.echo(message, err=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]], title: str = "") -> Table:
    """A plain table; text is never read as markup, so no data can break it."""
    grid = Table(title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        grid.add_column(column, header_style="bold", overflow="fold")
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return grid


def moment(instant: datetime | None) -> str:
    """An instant for people: UTC, to the second."""
    return f"{instant:%Y-%m-%d %H:%M:%S}Z" if instant else "-"


def age(instant: datetime, now: datetime) -> str:
    """How long ago, in its largest unit: `42 s`, `7 min`, `3 h`, `12 d`."""
    seconds = max(0, int((now - instant).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


OUTCOME_STYLES = {
    "delivered": "green",
    "waiting": "yellow",
    "dead": "red",
    "open": "red",
    "resolved": "dim",
    "replayed": "green",
    "discarded": "dim",
}


def outcome(word: str) -> Text:
    """An outcome in its colour."""
    return Text(word, style=OUTCOME_STYLES.get(word.split(" ", maxsplit=1)[0], ""))
