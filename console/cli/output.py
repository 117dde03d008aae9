"""How commands answer: tables for people, JSON for programs, problems on standard error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.json_form import dumps, to_json

if TYPE_CHECKING:
    from console.deliveries import Delivery
    from schemas.records import Definition, Event

F = TypeVar("F", bound=Callable[..., Any])

#: Wide enough for an address and a reason when the output is not a terminal.
PLAIN_WIDTH = 200

json_option: Callable[[F], F] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on standard output."
)


def document(value: object) -> None:
    """Print one JSON document on a line of its own."""
    click.echo(dumps(value))


def screen() -> Console:
    """Standard output for people; as wide as the terminal, or wide enough in a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def show(*what: RenderableType) -> None:
    """Print for people."""
    console = screen()
    for thing in what:
        # Text is data as it is: only a terminal may break its lines.
        console.print(thing, soft_wrap=isinstance(thing, Text))


def note(message: str) -> None:
    """Say something that is not the answer: on standard error."""
    click.echo(message, err=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]], title: str = "") -> Table:
    """A plain table; text is never read as markup, so no data can break it."""
    grid = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
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


def attempt_lines(delivery: Delivery) -> list[Text]:
    """One line per attempt."""
    return [
        Text.assemble(
            f"attempt {attempt.attempt}  {moment(attempt.started_at)}  "
            f"{attempt.method} {attempt.url}  {attempt.status or attempt.error_class or '-'}  "
            f"{attempt.total_ms:.0f} ms  ",
            outcome(attempt.outcome),
            f"  {attempt.error}" if attempt.error else "",
            f"  next {moment(attempt.next_due_at)}" if attempt.next_due_at else "",
        )
        for attempt in delivery.attempts
    ]


def sides(event: Event) -> Table:
    """Before and after, field by field; what changed is bold, what is empty is left out."""
    before, after = event.before or {}, event.after or {}
    rows = []
    for name in dict.fromkeys((*before, *after)):
        old, new = to_json(before.get(name)), to_json(after.get(name))
        if old in _EMPTY and new in _EMPTY:
            continue
        style = "bold" if name in event.changed_fields else ""
        rows.append((Text(name, style), Text(_plain(old), style), Text(_plain(new), style)))
    return table(("field", "before", "after"), rows)


#: Nothing to show in a cell.
_EMPTY: tuple[object, ...] = (None, [], {})


def _plain(value: object) -> str:
    """A JSON value in a cell."""
    if value in _EMPTY:
        return "-"
    return value if isinstance(value, str) else dumps(value).decode()


def definition_view(definition: Definition) -> dict[str, Any]:
    """Who saved which version when."""
    return {
        "id": definition.id,
        "version": definition.version,
        "saved_at": definition.saved_at,
        "saved_by": definition.saved_by,
    }


def yaml_of(definition: Definition, manifest: dict[str, Any]) -> str:
    """A manifest as YAML, with the version in a comment, ready to be edited and applied."""
    import yaml  # noqa: PLC0415

    head = f"# version {definition.version}, saved {moment(definition.saved_at)} by {definition.saved_by}\n"
    return head + str(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True))
