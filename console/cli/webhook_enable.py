"""`hookline webhooks enable`: deliver again, with what was missed meanwhile or without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.webhook_named import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.dead_letters import DeadLetter

Choice = Literal["replayed", "discarded"]


@dataclass(frozen=True, slots=True)
class Enabled:
    """What came of it: dead letters that were settled, and those that were left."""

    settled: int
    left: int


@click.command(cls=Command)
@click.argument("webhook_id")
@click.option("--replay-missed", "choice", flag_value="replayed", help="Deliver what was missed.")
@click.option("--discard-missed", "choice", flag_value="discarded", help="Settle it undelivered.")
@click.option("--reason", default="", help="Kept with the decision, and shown.")
@output.json_option
@click.pass_obj
def enable(
    desk: Desk, webhook_id: str, choice: Choice | None, reason: str, *, as_json: bool
) -> None:
    """Call a disabled webhook again, and decide about what was missed meanwhile.

    What was missed are its open dead letters of the classes `disabled` and `gone`. Replayed, they
    come after what is delivered from now on; receivers compare versions. Without a choice they
    stay: `hookline dead-letters list --where webhook=ID` shows them.

    Examples:
      hookline webhooks enable orders --replay-missed
      hookline webhooks enable orders --discard-missed --reason "imported by hand"

    JSON: {"webhook": id, "state": "active", "replayed": n, "discarded": n, "left": n}. Exit code 1
    if it does not exist or its manifest says something else; 4 if another operator took over.
    """
    done = desk.run(_enabled(desk, webhook_id, choice, reason))
    if as_json:
        counts = {kind: done.settled if choice == kind else 0 for kind in ("replayed", "discarded")}
        output.document({"webhook": webhook_id, "state": "active", **counts, "left": done.left})
        return
    click.echo(f"{webhook_id}: active")
    if choice is not None:
        click.echo(f"{done.settled} missed deliveries {choice}")
    if done.left:
        click.echo(
            f"{done.left} missed deliveries are dead letters; to send them: "
            f"hookline webhooks enable {webhook_id} --replay-missed"
        )


async def _enabled(desk: Desk, webhook_id: str, choice: Choice | None, reason: str) -> Enabled:
    from console.apply import Author  # noqa: PLC0415
    from console.lane_states import decide, missed  # noqa: PLC0415
    from console.replay import Decision  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from console.takeover import settle_open  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        author = Author(desk.operator, desk.clock)
        await decide(session, [named(session, webhook_id)], "active", reason, author)
        found = await missed(session, webhook_id)
        if choice is None or not found:
            return Enabled(0, len(found))
        settled: list[DeadLetter] = []

        def note(some: Sequence[DeadLetter]) -> None:
            settled.extend(some)

        places = {letter.record.place for letter in found}
        decision = Decision(choice, reason or f"{webhook_id} was enabled", desk.operator)
        await settle_open(session, places, decision, clock=desk.clock, settled=note)
        return Enabled(len(settled), len(found) - len(settled))
