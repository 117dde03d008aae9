"""`hookline workflows replay`: send what a workflow would have matched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit
from console.cli.options import Rate, Since, bound
from console.errors import NotFoundError, RefusedError
from console.replay import Pace
from console.replay_window import Counts, Window
from schemas.errors import DefinitionError

if TYPE_CHECKING:
    from console.session import Session
    from console.workflow_replay import Replay
    from workflow_service.language.compiled import CompiledWorkflow

#: So fast by default: quick enough for thousands, slow enough for receivers to keep up.
DEFAULT_RATE = 50.0


@click.command(cls=Command)
@click.argument("workflow_id")
@click.option("--from", "since", type=Since(), required=True, help="Events published from then on.")
@click.option("--to", "until", type=Since(), required=True, help="And before then.")
@click.option("--version", type=click.IntRange(1), help="This version of it, not the one in force.")
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
    version: int | None,
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
    webhook-id. The counts are shown first, also how many of the ids were sent before, and no more
    is sent than was counted: a window that ends in the future or just now is refused.

    A replay that was stopped goes on when the same command is given again (with instants, not ages,
    for --from and --to, and with the version that it says): what it has sent carries its mark and is
    left out. Whoever starts the same replay again takes it over from whoever is sending it.
    A once_per_record workflow cannot be replayed.

    Examples:
      hookline workflows replay big-lead-won --from 2026-05-01T00:00Z --to 2026-05-02T00:00Z --dry-run
      hookline workflows replay big-lead-won --from 7d --to 5m --skip-sent --rate 5/s --yes
      hookline workflows replay big-lead-won --version 3 --from 7d --to 1d

    JSON: {"replay", "workflow", "version", "state", "from", "to", "dry_run", "sent", "events",
    "matched", "unreadable", "actions": {webhook: n}, "sent_before", "done_before", "too_many_hops",
    "too_large", "broken", "problems": [sentence]}. Exit code 1 if there is nothing to send, or if an
    event is too large or broke the workflow; 4 if another operator took the replay over.
    """
    now = desk.clock.now()
    start, end = bound(since, now) or now, bound(until, now) or now
    if start >= end:
        message = f"--from ({start:%F %T}Z) is not before --to ({end:%F %T}Z)"
        raise click.UsageError(message)
    wish = Wish(
        workflow_id,
        version,
        Window(start, end),
        Pace(rate),
        skip_sent=skip_sent,
        dry_run=dry_run,
        yes=yes,
    )
    answer, counts = desk.run(_replayed(desk, wish))
    if as_json:
        output.document(answer)
    else:
        click.echo(f"{answer['sent']} sent" if not dry_run else f"{counts.total} would be sent")
    complete = counts.total and not counts.too_large and not counts.broken
    return Exit.OK if complete else Exit.PROBLEM


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator asks for."""

    workflow_id: str
    version: int | None
    window: Window
    pace: Pace
    skip_sent: bool
    dry_run: bool
    yes: bool

    def again(self, version: int) -> str:
        """The command that goes on with it."""
        window, skip = self.window, " --skip-sent" if self.skip_sent else ""
        return (
            f"hookline workflows replay {self.workflow_id} --version {version} "
            f"--from {window.since.isoformat()} --to {window.until.isoformat()} "
            f"--rate {self.pace.per_second:g}/s{skip}"
        )


async def _replayed(desk: Desk, wish: Wish) -> tuple[dict[str, object], Counts]:
    """Count, confirm, send; the answer."""
    from console.session import opened  # noqa: PLC0415
    from console.workflow_replay import Replay  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        compiled, versions = await _compiled(session, wish)
        replay = Replay(session, compiled, wish.window, skip_sent=wish.skip_sent)
        counts = await replay.count(desk.clock.now())
        _say(counts)
        if wish.version is None:
            _check_others(replay.others(versions), compiled.version)
        sent = 0
        if counts.total and not wish.dry_run:
            _confirm(wish, compiled, counts)
            sent = await _sent(desk, wish, replay, compiled.version, counts.total)
    answer = {
        "replay": str(replay.id),
        "workflow": wish.workflow_id,
        "version": compiled.version,
        "state": compiled.workflow.state,
        "from": wish.window.since,
        "to": wish.window.until,
        "dry_run": wish.dry_run,
        "sent": sent,
        **counts.view(),
    }
    return answer, counts


async def _compiled(session: Session, wish: Wish) -> tuple[CompiledWorkflow, tuple[int, ...]]:
    """The version that is meant, and the numbers of all that are known."""
    from console.history import history_of  # noqa: PLC0415
    from workflow_service.library import compile_definition  # noqa: PLC0415

    id, current = wish.workflow_id, session.workflows.current
    if id not in current:
        message = f"no workflow {id!r}; there are {', '.join(sorted(current)) or 'none'}"
        raise NotFoundError(message)
    history = await history_of(session, id)
    definition = current[id] if wish.version is None else history.content(wish.version)
    compiled = compile_definition(definition, session.catalog)
    if isinstance(compiled, tuple):
        raise DefinitionError(compiled)
    return compiled, tuple(one.version for one in history.versions)


def _check_others(others: dict[int, int], version: int) -> None:
    """Refuse to send a window again only because the workflow was saved in between.

    Raises:
        RefusedError: Another version was replayed for the same window; says how to go on.
    """
    if not others:
        return
    latest = max(others)
    message = (
        f"version {latest} was replayed for this window already, and {others[latest]} actions were "
        f"sent: --version {latest} goes on with it; --version {version} sends the window anew, under "
        "other ids"
    )
    raise RefusedError(message)


def _confirm(wish: Wish, compiled: CompiledWorkflow, counts: Counts) -> None:
    """Ask, unless that was answered before."""
    paused = compiled.workflow.state == "paused"
    if paused:
        output.note(
            f"{wish.workflow_id} is paused: it fires for nothing now, and is sent all the same"
        )
    if not wish.yes:
        which = f"{wish.workflow_id} version {compiled.version}{', paused' if paused else ''}"
        click.confirm(f"Send {counts.total} actions of {which}?", abort=True, err=True)


async def _sent(desk: Desk, wish: Wish, replay: Replay, version: int, total: int) -> int:
    """Send them, and say how to go on if that is stopped on the way; how many were sent."""
    sent = 0

    def told(count: int) -> None:
        nonlocal sent
        sent += count

    try:
        await replay.send(wish.pace, desk.clock, told)
    except BaseException:
        output.note(
            f"{sent} of {total} were sent before this stopped; to go on: {wish.again(version)}"
        )
        raise
    if sent < total:
        output.note(f"{total - sent} were sent by another operator meanwhile")
    return sent


def _say(counts: Counts) -> None:
    """The counts, before anything is sent."""
    unreadable = f", {counts.unreadable} unreadable" if counts.unreadable else ""
    output.note(
        f"{counts.events} events, {counts.matched} matched{unreadable}, {counts.sent} actions sent "
        "before"
    )
    for webhook, count in sorted(counts.actions.items()):
        output.note(f"  {count:>6}  {webhook}")
    left_out = {
        "were sent by this same replay and are left out": counts.done,
        "are left out: their chain of workflows is at its limit": counts.beyond,
        "are left out: their event is too large to travel in an action": counts.too_large,
        "events broke the workflow, and nothing of them is sent": counts.broken,
    }
    for words, count in left_out.items():
        if count:
            output.note(f"  {count} {words}")
    for problem in counts.problems:
        output.note(f"    {problem}")
