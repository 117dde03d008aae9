"""`hookline events publish`: one change of one record, checked against the schema."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit
from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    from schemas.types import RecordType

SOURCE_URI = "/hookline/console"


@click.command(cls=Command)
@click.argument("entity")
@click.option("--after", metavar="JSON", help="The record after the change; @FILE or - reads it.")
@click.option("--before", metavar="JSON", help="The record before the change; @FILE or - reads it.")
@click.option(
    "--version", type=click.IntRange(1), default=1, show_default=True, help="Its version."
)
@click.option(
    "--source",
    type=click.Choice(["ui", "api", "import", "webform", "workflow", "system"]),
    default="system",
    show_default=True,
    help="By what way the change was made.",
)
@output.json_option
@click.pass_obj
def publish(
    desk: Desk,
    entity: str,
    after: str | None,
    before: str | None,
    version: int,
    source: str,
    *,
    as_json: bool,
) -> int:
    """Publish that a record was created (--after), updated (both) or deleted (--before).

    Examples:
      hookline events publish person --after '{"id": "7", "name": "Ada Lovelace"}'
      hookline events publish lead --before @old.json --after @new.json --version 2
      jq .lead export.json | hookline events publish lead --after - --source import

    JSON: {"event_id": …, "topic": …, "partition": n, "offset": n}. Exit code 1, and nulls, if
    before and after are the same: then there is no event.
    """
    if after is None and before is None:
        raise ConfigurationError(
            "give the record --after the change, or --before a deletion, or both"
        )
    change = {"before": _read(before), "after": _read(after)}
    placed = desk.run(_publish(desk, entity, change, version, source))
    if as_json:
        output.document(placed)
    elif placed["event_id"] is None:
        click.echo("no event: before and after are the same")
    else:
        click.echo(
            f"{placed['event_id']}  {placed['topic']}:{placed['partition']}:{placed['offset']}"
        )
    return Exit.OK if placed["event_id"] else Exit.PROBLEM


def _read(text: str | None) -> object:
    """JSON given on the command line, in a file or on standard input."""
    if text is None:
        return None
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            with click.open_file(text[1:], encoding="utf-8") as file:
                text = file.read()
        return json.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{text}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        wrong = f"byte {error.start + 1} is {error.object[error.start]:#04x}"
        raise ConfigurationError(f"the record is not UTF-8: {wrong}") from error
    except ValueError as error:
        raise ConfigurationError(f"the record is not JSON: {error}") from error


async def _publish(
    desk: Desk, entity: str, change: dict[str, Any], version: int, source: str
) -> dict[str, Any]:
    """Publish one change; where it stands now."""
    from producers.publisher import EventPublisher  # noqa: PLC0415

    async with EventPublisher.connect(
        desk.settings, source_uri=SOURCE_URI, broker=desk.broker
    ) as publisher:
        if entity not in publisher.catalog.entities:
            known = ", ".join(publisher.catalog.entities)
            raise ConfigurationError(f"no entity {entity!r}; there are {known}")
        kind = publisher.catalog.record(entity)
        before, after = (
            _parsed(kind, change["before"], "before"),
            _parsed(kind, change["after"], "after"),
        )
        about: dict[str, Any] = {"source": source, "actor": desk.operator}
        if before is not None and after is not None:
            done = await publisher.updated(
                entity, before=before, after=after, version=version, **about
            )
        elif after is not None:
            done = await publisher.created(entity, after=after, version=version, **about)
        else:
            done = await publisher.deleted(entity, before=before or {}, version=version, **about)
    names = ("event_id", "topic", "partition", "offset")
    return {name: getattr(done, name) if done else None for name in names}


def _parsed(kind: RecordType, value: object, side: str) -> dict[str, Any] | None:
    """A side of the change as the schema wants it.

    Raises:
        ConfigurationError: Every problem with its place.
    """
    from schemas.json_form import from_json  # noqa: PLC0415

    if value is None:
        return None
    record, problems = from_json(kind, value)
    if problems:
        listed = "\n".join(f"  {side}{one.pointer}: {one.message}" for one in problems)
        raise ConfigurationError(f"the record does not fit the schema:\n{listed}")
    return record
