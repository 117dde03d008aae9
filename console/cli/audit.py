"""`hookline audit`: whether every action is somewhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit
from console.cli.options import bound, since_option

if TYPE_CHECKING:
    from console.audit import Audit


@click.command(cls=Command)
@since_option("1h")
@output.json_option
@click.pass_obj
def audit(desk: Desk, since: timedelta | datetime | None, *, as_json: bool) -> int:
    """Check that nothing was lost: each action is delivered, waiting, under way or dead.

    May be run at any time, also while the services work. It reads the window's events, actions and
    attempts once, and needs one byte of memory for each action in it. An action whose outcome is no
    longer kept counts as lost, so a window should not be longer than the shortest retention.

    Examples:
      hookline audit --since 1h
      hookline audit --since 24h --json | jq '.actions.in_none'

    JSON: {"since", "events": n, "verdicts": {"decided", "behind", "dead_letters",
    "actions_by_workflow": {workflow: n}, "dry_run_actions"}, "actions": {"made", "delivered",
    "waiting", "under_way", "dead", "in_none"}, "lost": [{action_id, webhook, workflow, place,
    made_at_ms}]}; at most 1,000 are named. Exit code 1 if any action is in none.
    """
    found = desk.run(_audit(desk, bound(since, desk.clock.now())))
    if as_json:
        output.document(found.view())
    else:
        _tell(found)
    return Exit.PROBLEM if found.view()["actions"]["in_none"] else Exit.OK


async def _audit(desk: Desk, since: datetime | None) -> Audit:
    from console.audit import audit as audited  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    start = since or datetime.fromisoformat("1970-01-01T00:00:00Z")
    async with opened(desk.settings, desk.broker) as session:
        return await audited(session, start)


def _tell(found: Audit) -> None:
    """The sums, and what does not add up."""
    view = found.view()
    verdicts, actions = view["verdicts"], view["actions"]
    click.echo(f"since {output.moment(found.since)}")
    click.echo(
        f"events     {found.events}: {verdicts['decided']} decided, {verdicts['behind']} not read yet,"
        f" {verdicts['dead_letters']} dead letters"
    )
    by_workflow = ", ".join(f"{name} {count}" for name, count in found.by_workflow.most_common(10))
    click.echo(
        f"verdicts   {actions['made']} actions" + (f": {by_workflow}" if by_workflow else "")
    )
    click.echo(
        f"actions    {actions['made']} = {actions['delivered']} delivered + {actions['waiting']}"
        f" waiting + {actions['under_way']} under way + {actions['dead']} dead"
        f" + {actions['in_none']} in none of these"
    )
    for one in found.lost:
        click.echo(
            f"lost: action {one.action_id} of {one.workflow} for {one.webhook} at {one.place}",
            err=True,
        )
    if actions["in_none"] > len(found.lost):
        click.echo(f"… and {actions['in_none'] - len(found.lost)} more", err=True)
