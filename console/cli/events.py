"""`hookline events`: publish, watch and show events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.options import bound, personal_option, since_option
from console.cli.publish import publish
from schemas.errors import SchemaError

if TYPE_CHECKING:
    from console.find_events import Placed
    from console.session import Session
    from runtime.broker import Received


@click.group(cls=Group)
def events() -> None:
    """Events: what happened to a record, as it stands on its topic."""


events.add_command(publish)


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
