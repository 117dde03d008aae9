"""`hookline workflows replay`: send what a workflow would have matched."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit
from console.cli.options import Rate, Since, bound
from console.errors import NotFoundError
from console.replay import Pace
from console.workflow_replay import Counts, Replay, Window
from schemas.errors import DefinitionError

#: So fast by default: quick enough for thousands, slow enough for receivers to keep up.
DEFAULT_RATE = 50.0


@click.command(cls=Command)
@click.argument("workflow_id")
@click.option("--from", "since", type=Since(), required=True, help="Events published from then on.")
@click.option("--to", "until", type=Since(), required=True, help="And before then.")
@click.option("--rate", type=Rate(), default=DEFAULT_RATE, help="At most so many per second: 50/s.")
@click.option("--skip-sent", is_flag=True, help="Leave out what was sent before, by whomever.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@output.json_option
@click.pass_obj
def replay(
    desk: Desk,
    workflow_id: str,
    since: timedelta | datetime,
    until: timedelta | datetime,
    rate: float,
    *,
    skip_sent: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Send what a workflow, as it is saved now, would have matched then.

    Actions are written as the workflow service writes them, under the ids that it derives: an event
    that this version has matched before gives the same action, which a receiver recognises by its
    webhook-id. The counts are shown first, also how many of the ids were sent before.

    A replay that was stopped goes on when the same command is given again (with instants, not ages,
    for --from and --to): what it has sent carries its mark and is left out.

    Examples:
      hookline workflows replay big-lead-won --from 2026-05-01T00:00Z --to 2026-05-02T00:00Z --dry-run
      hookline workflows replay big-lead-won --from 7d --to 0s --skip-sent --rate 5/s --yes

    JSON: {"replay", "workflow", "version", "from", "to", "dry_run", "sent", "events", "matched",
    "unreadable", "actions": {webhook: n}, "sent_before", "done_before", "too_many_hops"}. Exit code
    1 if there is nothing to send.
    """
    now = desk.clock.now()
    start, end = bound(since, now) or now, bound(until, now) or now
    if start >= end:
        message = f"--from ({start:%F %T}Z) is not before --to ({end:%F %T}Z)"
        raise click.UsageError(message)
    answer = desk.run(
        _replayed(
            desk,
            workflow_id,
            Window(start, end),
            Pace(rate),
            skip_sent=skip_sent,
            dry_run=dry_run,
            yes=yes,
        )
    )
    if as_json:
        output.document(answer)
    else:
        click.echo(f"{answer['sent']} sent" if not dry_run else f"{_total(answer)} would be sent")
    return Exit.OK if _total(answer) else Exit.PROBLEM


def _total(answer: dict[str, object]) -> int:
    actions = answer["actions"]
    return sum(actions.values()) if isinstance(actions, dict) else 0


async def _replayed(
    desk: Desk,
    workflow_id: str,
    window: Window,
    pace: Pace,
    *,
    skip_sent: bool,
    dry_run: bool,
    yes: bool,
) -> dict[str, object]:
    """Count, confirm, send; the answer."""
    from console.session import opened  # noqa: PLC0415
    from workflow_service.library import compile_definition  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        current = session.workflows.current
        if workflow_id not in current:
            message = (
                f"no workflow {workflow_id!r}; there are {', '.join(sorted(current)) or 'none'}"
            )
            raise NotFoundError(message)
        compiled = compile_definition(current[workflow_id], session.catalog)
        if isinstance(compiled, tuple):
            raise DefinitionError(compiled)
        replay = Replay(session, compiled, window, skip_sent=skip_sent)
        counts = await replay.count(desk.clock.now())
        _say(counts)
        sent, total = [0], sum(counts.actions.values())
        if total and not dry_run:
            if not yes:
                click.confirm(f"Send {total} actions?", abort=True, err=True)
            try:
                await replay.send(pace, desk.clock, sent)
            finally:
                if sent[0] < total:
                    again = f"--from {window.since.isoformat()} --to {window.until.isoformat()}"
                    output.note(
                        f"{sent[0]} of {total} were sent before this stopped; to go on: "
                        f"hookline workflows replay {workflow_id} {again}"
                        f" --rate {pace.per_second:g}/s" + (" --skip-sent" if skip_sent else "")
                    )
    return {
        "replay": str(replay.id),
        "workflow": workflow_id,
        "version": compiled.version,
        "from": window.since,
        "to": window.until,
        "dry_run": dry_run,
        "sent": sent[0],
        **counts.view(),
    }


def _say(counts: Counts) -> None:
    """The counts, before anything is sent."""
    output.note(
        f"{counts.events} events, {counts.matched} matched, {counts.sent} actions sent before"
    )
    for webhook, count in sorted(counts.actions.items()):
        output.note(f"  {count:>6}  {webhook}")
    if counts.done:
        output.note(f"  {counts.done} were sent by this same replay and are left out")
    if counts.beyond:
        output.note(f"  {counts.beyond} are left out: their chain of workflows is at its limit")
