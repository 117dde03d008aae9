"""`hookline events`: publish, watch and show events."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit
from console.cli.options import bound, personal_option, since_option
from schemas.errors import ConfigurationError, SchemaError

if TYPE_CHECKING:
    from console.find_events import Placed
    from console.session import Session
    from runtime.broker import Received
    from schemas.types import RecordType

SOURCE_URI = "/hookline/console"


@click.group(cls=Group)
def events() -> None:
    """Events: what happened to a record, as it stands on its topic."""


@events.command()
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
def publish(  # noqa: PLR0917 - click passes what the command line has
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


@events.command()
@click.argument("entities", nargs=-1)
@click.option("--count", type=click.IntRange(1), help="Stop after so many.")
@personal_option
@since_option("0s")
@output.json_option
@click.pass_obj
def tail(
    desk: Desk,
    entities: tuple[str, ...],
    count: int | None,
    since: timedelta | datetime,
    *,
    personal: bool,
    as_json: bool,
) -> None:
    """Watch events as they are published, until Ctrl-C; of these entities, or of all.

    Examples:
      hookline events tail
      hookline events tail lead person --since 1h
      hookline events tail lead --count 1 --json | jq .after

    JSON lines: {event_id, entity, operation, entity_id, version, occurred_at, source, actor,
    correlation_id, causation_id, hops, before, after, changed_fields, topic, partition, offset}.
    """
    desk.run(
        _tail(
            desk,
            entities,
            count,
            bound(since, desk.clock.now()),
            personal=personal,
            as_json=as_json,
        )
    )


async def _tail(
    desk: Desk,
    entities: tuple[str, ...],
    count: int | None,
    since: datetime | None,
    *,
    personal: bool,
    as_json: bool,
) -> None:
    """Print what comes, until the count is reached."""
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        wanted = [
            one for name in entities for one in session.known(name)
        ] or session.catalog.entities
        left = count
        topics = [session.topics.events(one) for one in wanted]
        async with aclosing(_from(session, topics, since)) as records:
            async for record in records:
                await _print(session, record, personal=personal, as_json=as_json)
                left = None if left is None else left - 1
                if left == 0:
                    return


async def _from(
    session: Session, topics: list[str], since: datetime | None
) -> AsyncGenerator[Received, None]:
    """What was published since then, then what comes; each record once."""
    from runtime.broker import Span  # noqa: PLC0415

    seen: dict[tuple[str, int], int] = {}
    start = await session.reader.ends(topics)
    for topic in topics:
        async for record in session.reader.scan(Span(topic, since=since)):
            seen[record.topic, record.partition] = record.offset
            yield record
    async with aclosing(session.reader.tail(topics, start)) as coming:
        async for record in coming:
            if record.offset > seen.get((record.topic, record.partition), -1):
                yield record


async def _print(session: Session, record: Received, *, personal: bool, as_json: bool) -> None:
    """One event; one that cannot be read is said to be so, and the rest goes on."""
    from console.find_events import Placed  # noqa: PLC0415
    from console.personal import masked_event  # noqa: PLC0415
    from console.views import event_view  # noqa: PLC0415

    entity = session.topics.entity_of(record.topic)
    try:
        event = await session.event(entity, record.value)
    except SchemaError as error:
        output.note(f"{record.place}: unreadable: {error}")
        return
    shown = event if personal else masked_event(event, session.catalog.fields(entity))
    if as_json:
        output.document(event_view(shown, record))
    else:
        output.show(_line(Placed(shown, record)))


def _line(placed: Placed) -> Text:
    """One event on one line."""
    event = placed.event
    return Text.assemble(
        (f"{output.moment(event.occurred_at)}  ", "dim"),
        (f"{event.entity} {event.operation}", "bold"),
        f"  {event.entity_id}  version {event.version}  {event.source}  {event.event_id}"
        f"  {placed.record.place}",
        f"  changed: {', '.join(event.changed_fields)}" if event.operation == "updated" else "",
    )


@events.command()
@click.argument("event_id", type=click.UUID)
@click.option("--entity", help="Look on this entity's topic only, which is quicker.")
@personal_option
@since_option("7d")
@output.json_option
@click.pass_obj
def show(
    desk: Desk,
    event_id: object,
    entity: str | None,
    since: timedelta | datetime | None,
    *,
    personal: bool,
    as_json: bool,
) -> None:
    """Show one event: envelope, before and after side by side.

    Examples:
      hookline events show 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001
      hookline events show 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001 --entity lead --json | jq .after

    JSON: as a line of `tail`. Exit code 1 if there is no such event.
    """
    since_at = bound(since, desk.clock.now())
    placed = desk.run(_show(desk, str(event_id), entity, since_at, personal=personal))
    if as_json:
        from console.views import event_view  # noqa: PLC0415

        output.document(event_view(placed.event, placed.record))
    else:
        output.show(_line(placed), output.sides(placed.event))


async def _show(
    desk: Desk, event_id: str, entity: str | None, since: datetime | None, *, personal: bool
) -> Placed:
    """Find one event, masked unless asked otherwise."""
    from console.find_events import Placed, find  # noqa: PLC0415
    from console.personal import masked_event  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        placed = await find(session, event_id, session.known(entity), since)
        if personal:
            return placed
        fields = session.catalog.fields(placed.event.entity)
        return Placed(masked_event(placed.event, fields), placed.record)
