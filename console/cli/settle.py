"""`hookline dead-letters replay|discard`: settles open dead letters, each exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit
from console.cli.options import Rate
from console.dead_letters import DeadLetter, Where, groups, pick, read, topics_of
from console.errors import RefusedError
from console.replay import Decision, Pace, Redirection
from console.views import letter_view
from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    from console.session import Session


@dataclass(frozen=True, slots=True)
class Choice:
    """Which dead letters a command is about."""

    addresses: tuple[str, ...]
    where: Where
    everything: bool

    @classmethod
    def of(cls, addresses: tuple[str, ...], where: tuple[str, ...], *, everything: bool) -> Choice:
        """Read the command line.

        Raises:
            ConfigurationError: Nothing was chosen, or two ways of choosing were mixed.
        """
        ways = sum((bool(addresses), bool(where), everything))
        if ways != 1:
            message = "choose either addresses, or --where key=value, or --all-open"
            raise ConfigurationError(message)
        return cls(addresses, Where.parse(where), everything)

    def among(self, found: Sequence[DeadLetter]) -> list[DeadLetter]:
        """The open ones that are meant.

        Raises:
            NotFoundError: An address names nothing.
            RefusedError: An address names one that is settled already.
        """
        if not self.addresses:
            return [one for one in found if one.state == "open" and self.where.holds(one)]
        named = {
            letter.record.place: letter for letter in (pick(found, it) for it in self.addresses)
        }
        for letter in named.values():
            if letter.resolution is not None:
                done = letter.resolution
                raise RefusedError(
                    f"{letter.address} was {done.kind} already by {done.by} at {done.at:%F %T}Z"
                    + (f" ({done.reason})" if done.reason else "")
                )
        return list(named.values())


@click.command(cls=Command)
@click.argument("addresses", nargs=-1)
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="As for list; may be repeated.")
@click.option("--all-open", is_flag=True, help="Every open dead letter.")
@click.option("--to", metavar="WEBHOOK", help="Deliver to this webhook instead.")
@click.option("--rate", type=Rate(), help="At most so many per second, such as 5/s.")
@click.option("--reason", default="", help="Kept with the resolution.")
@click.option("--dry-run", is_flag=True, help="Say what would be replayed; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@output.json_option
@click.pass_obj
def replay(
    desk: Desk,
    addresses: tuple[str, ...],
    where: tuple[str, ...],
    to: str | None,
    rate: float | None,
    reason: str,
    *,
    all_open: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Send dead letters again: one, several, or all that match a filter.

    The original bytes go to the original topic under the original key, together with the
    resolution in one transaction; the action keeps its id, so a receiver that saw it before can
    drop it. With --to the same action, under the same id, is delivered to another webhook.

    Examples:
      hookline dead-letters replay 3:17
      hookline dead-letters replay --where webhook=orders --where error=timeout --dry-run
      hookline dead-letters replay --where webhook=orders --rate 5/s --yes
      hookline dead-letters replay 3:17 --to orders-standby

    JSON: {"replayed": n, "dry_run": bool, "to": webhook | null, "dead_letters": [{address, …}]}
    Exit code 1 if nothing open matched; 4 if another operator took over on the way.
    """
    choice = Choice.of(addresses, where, everything=all_open)
    decision = Decision("replayed", reason, desk.operator)
    job = Job(desk, choice, decision, Pace(rate), to=to, dry_run=dry_run, yes=yes)
    return job.report(desk.run(job.work()), as_json=as_json)


@click.command(cls=Command)
@click.argument("addresses", nargs=-1)
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="As for list; may be repeated.")
@click.option("--all-open", is_flag=True, help="Every open dead letter.")
@click.option("--reason", required=True, help="Why it need not be delivered; kept for good.")
@click.option("--dry-run", is_flag=True, help="Say what would be discarded; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@output.json_option
@click.pass_obj
def discard(
    desk: Desk,
    addresses: tuple[str, ...],
    where: tuple[str, ...],
    reason: str,
    *,
    all_open: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Settle dead letters without sending them, with the reason; the records stay readable.

    Examples:
      hookline dead-letters discard 3:17 --reason "the order was cancelled"
      hookline dead-letters discard --where webhook=old-shop --reason "shop closed" --yes

    JSON: {"discarded": n, "dry_run": bool, "dead_letters": [{address, …}]}
    Exit code 1 if nothing open matched.
    """
    choice = Choice.of(addresses, where, everything=all_open)
    decision = Decision("discarded", reason, desk.operator)
    job = Job(desk, choice, decision, Pace(), to=None, dry_run=dry_run, yes=yes)
    return job.report(desk.run(job.work()), as_json=as_json)


@dataclass(frozen=True, slots=True)
class Job:
    """One replay or discard from the choice to the report."""

    desk: Desk
    choice: Choice
    decision: Decision
    pace: Pace
    to: str | None
    dry_run: bool
    yes: bool

    async def work(self) -> list[DeadLetter]:
        """Choose, confirm, take over, read again, settle; what was (or would be) settled."""
        from console.session import opened  # noqa: PLC0415

        async with opened(self.desk.settings, self.desk.broker) as session:
            chosen = self.choice.among(await self._read(session))
            redirect = await self._redirection(session, chosen) if self.to else None
            if not chosen or self.dry_run or not self._confirmed(chosen):
                return chosen if self.dry_run else []
            return await self._settled(session, {one.record.place for one in chosen}, redirect)

    async def _settled(
        self, session: Session, places: set[str], redirect: Redirection | None
    ) -> list[DeadLetter]:
        """Settle them, and say how far it came if it is stopped on the way."""
        from console.takeover import settle_open  # noqa: PLC0415

        done: list[DeadLetter] = []
        try:
            late = await settle_open(
                session,
                places,
                self.decision,
                clock=self.desk.clock,
                settled=done.extend,
                pace=self.pace,
                redirect=redirect,
            )
        except BaseException:
            output.note(
                f"{len(done)} of {len(places)} were {self.decision.kind} before this stopped"
            )
            raise
        if late:
            output.note(f"{late} were settled by somebody else meanwhile")
        return done

    async def _read(self, session: Session) -> list[DeadLetter]:
        """Every dead letter as of now."""
        return await read(session.reader, topics_of(session.topics, session.catalog.entities))

    async def _redirection(self, session: Session, chosen: Sequence[DeadLetter]) -> Redirection:
        """Everything needed to write the actions for another webhook, checked before any is."""
        from console.redirection import redirection  # noqa: PLC0415

        return await redirection(session, chosen, self.to or "")

    def _confirmed(self, chosen: Sequence[DeadLetter]) -> bool:
        """Whether the operator agrees, having seen the counts."""
        if self.yes:
            return True
        verb = "Replay" if self.decision.kind == "replayed" else "Discard"
        for group in groups(chosen):
            output.note(f"  {group.open:>6}  {group.webhook}  {group.error_class}  {group.reason}")
        to = f" to webhook {self.to}" if self.to else ""
        return click.confirm(f"{verb} {len(chosen)} dead letters{to}?", abort=True, err=True)

    def report(self, done: Sequence[DeadLetter], *, as_json: bool) -> int:
        """Say what was settled; the exit code."""
        kind = self.decision.kind
        if as_json:
            answer: dict[str, object] = {kind: 0 if self.dry_run else len(done)}
            answer["dry_run"] = self.dry_run
            if kind == "replayed":
                answer["to"] = self.to
            answer["dead_letters"] = [letter_view(letter) for letter in done]
            output.document(answer)
            return Exit.OK if done else Exit.PROBLEM
        for letter in done:
            click.echo(f"{letter.address}  {letter.webhook or letter.origin}  {letter.reason}")
        would = "would be " if self.dry_run else ""
        click.echo(
            f"{len(done)} {would}{kind}" if done else "nothing: no open dead letter was chosen"
        )
        return Exit.OK if done else Exit.PROBLEM
