"""`hookline deliveries`: every delivery with its attempts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit
from console.cli.options import bound, since_option
from console.deliveries import Asked, Found, counts
from console.errors import NotFoundError
from console.views import delivery_view
from schemas.records import Outcome

if TYPE_CHECKING:
    from rich.table import Table

    from console.holding import Holding


@click.group(cls=Group)
def deliveries() -> None:
    """Deliveries, from the log of attempts: what was sent, what was answered, what comes next."""


@deliveries.command("list")
@click.option("--webhook", help="Only to this webhook.")
@click.option("--workflow", help="Only of this workflow.")
@click.option("--entity", help="Only for records of this entity.")
@click.option("--record", help="Only for the record with this id.")
@click.option("--event", "event_id", help="Only for this event.")
@click.option("--outcome", type=click.Choice(["delivered", "waiting", "dead"]), help="Only these.")
@click.option("--error", help="Only where the last attempt failed with this class of error.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many."
)
@since_option("24h")
@output.json_option
@click.pass_obj
def list_(
    desk: Desk,
    webhook: str | None,
    workflow: str | None,
    entity: str | None,
    record: str | None,
    event_id: str | None,
    outcome: Outcome | None,
    error: str | None,
    limit: int,
    since: timedelta | datetime | None,
    *,
    as_json: bool,
) -> None:
    """List deliveries, the latest activity first.

    Examples:
      hookline deliveries list --webhook orders --outcome waiting
      hookline deliveries list --entity lead --record 17 --since 7d
      hookline deliveries list --error timeout --json | jq '.deliveries[].action_id'

    JSON: {"counts": {"delivered": n, "waiting": n, "dead": n}, "deliveries": [{action_id,
    event_id, entity, entity_id, workflow, webhook, outcome, attempts, last_status,
    last_error_class, last_error, first_attempt_at, last_attempt_at, next_due_at}],
    "unreadable": [sentence]}; counts are before --limit.
    """
    asked = Asked(
        event_id=event_id,
        webhook=webhook,
        workflow=workflow,
        entity=entity,
        record=record,
        outcome=outcome,
        error=error,
    )
    found = desk.run(_read(desk, asked, bound(since, desk.clock.now())))
    if as_json:
        shown = [delivery_view(one, attempts=False) for one in found.deliveries[:limit]]
        totals = counts(found.deliveries)
        output.document({"counts": totals, "deliveries": shown, "unreadable": found.unreadable})
        return
    output.show(_table(found, limit))
    words = ", ".join(f"{count} {word}" for word, count in counts(found.deliveries).items())
    click.echo(words)
    for problem in found.unreadable:
        output.note(f"unreadable: {problem}")


@deliveries.command()
@click.argument("action_id", type=click.UUID)
@since_option()
@output.json_option
@click.pass_obj
def show(
    desk: Desk, action_id: object, since: timedelta | datetime | None, *, as_json: bool
) -> int:
    """Show each attempt of a delivery; the id is the receiver's `webhook-id`.

    An action that was replayed to another webhook has a delivery at each.

    Examples:
      hookline deliveries show 6f6e5a0e-5a58-5f0c-9a53-8f1c6f0f7f11
      hookline deliveries show 6f6e5a0e-5a58-5f0c-9a53-8f1c6f0f7f11 --json | jq '.deliveries[].log[].status'

    JSON: {"deliveries": [{…as in list, "log": [{attempt, started_at, method, url,
    request_headers, status, error_class, error, response_headers, response_body, total_ms,
    outcome, next_due_at, …}]}]}. Before the first attempt {"deliveries": [], "held": {sentence,
    looked_at_again, behind: {action_id, attempt, next_due_at, before} | null}} says what it waits
    for; null if it is on its way. Exit code 1 if there is no such action.
    """
    asked = Asked(action_id=str(action_id))
    found = desk.run(_read(desk, asked, bound(since, desk.clock.now())))
    if not found.deliveries:
        return _before_the_first(desk, str(action_id), as_json=as_json)
    if as_json:
        output.document(
            {"deliveries": [delivery_view(one, attempts=True) for one in found.deliveries]}
        )
    else:
        output.show(*_details(found))
    return Exit.OK


def _before_the_first(desk: Desk, action_id: str, *, as_json: bool) -> int:
    """Say what an action waits for of which no attempt is logged."""
    known, held = desk.run(_holding(desk, action_id))
    if not known:
        raise NotFoundError(f"there is no action {action_id}, or it is no longer kept")
    if as_json:
        output.document({"deliveries": [], "held": held.view() if held else None})
    else:
        click.echo(held.sentence if held else "queued: no attempt is logged yet")
    return Exit.OK


async def _holding(desk: Desk, action_id: str) -> tuple[bool, Holding | None]:
    """Whether there is such an action, and what it waits for."""
    from console.holding import action_record, holding_of  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        record = await action_record(session, action_id)
        return record is not None, await holding_of(session, record) if record else None


async def _read(desk: Desk, asked: Asked, since: datetime | None) -> Found:
    """The deliveries that were asked for."""
    from console.deliveries import read  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return await read(session.reader, session.topics.attempts, session.attempt, asked, since)


def _table(found: Found, limit: int) -> Table:
    """One row per delivery."""
    columns = ("action", "webhook", "record", "outcome", "attempts", "last", "status", "next")
    rows = []
    for one in found.deliveries[:limit]:
        last = one.last
        rows.append(
            (
                str(last.action_id),
                last.webhook_id,
                f"{last.entity}/{last.entity_id}",
                output.outcome(last.outcome),
                str(len(one.attempts)),
                output.moment(last.started_at),
                str(last.status or last.error_class or "-"),
                output.moment(last.next_due_at),
            )
        )
    return output.table(columns, rows)


def _details(found: Found) -> list[Text]:
    """Every attempt with the answer."""
    lines = []
    for one in found.deliveries:
        last = one.last
        lines.append(
            Text(
                f"{last.workflow_id} → {last.webhook_id} for {last.entity}/{last.entity_id}"
                f"  event {last.event_id}",
                style="bold",
            )
        )
        lines += output.attempt_lines(one)
        body = last.response_body.decode(errors="replace").strip()
        if body:
            lines.append(Text(f"last answer: {body}"))
    return lines
