"""`hookline dead-letters`: what could not be processed or delivered, and what to do about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.chain_of import KEYS, chain_of
from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.options import bound, personal_option, since_option
from console.cli.settle import discard, replay
from console.dead_letters import FIELDS, DeadLetter, Where, groups, pick, read, topics_of
from console.views import export_view, group_view, letter_view

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from console.letter_details import Details

WHERE_HELP = f"Filter, may be repeated; keys: {', '.join(FIELDS)}; values may use * and ?."


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """Records that could not be processed or delivered, with the reason.

    A dead letter is named by its address: partition:offset for an action that could not be
    delivered, topic:partition:offset for an event that could not be read; or by its action id.
    It stays open until it is replayed or discarded.

    A usual hour:
      hookline dead-letters list
      hookline dead-letters show 3:17
      hookline dead-letters replay --where webhook=orders --dry-run
      hookline dead-letters replay --where webhook=orders --rate 5/s
    """


@dead_letters.command("list")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help=WHERE_HELP)
@click.option(
    "--open/--all", "only_open", default=True, help="Only open ones (the default), or all."
)
@click.option("--each", is_flag=True, help="One line each instead of one per webhook and error.")
@since_option()
@output.json_option
@click.pass_obj
def list_(
    desk: Desk,
    where: tuple[str, ...],
    since: timedelta | datetime | None,
    *,
    only_open: bool,
    each: bool,
    as_json: bool,
) -> None:
    """List dead letters, grouped by webhook and error.

    Examples:
      hookline dead-letters list
      hookline dead-letters list --all --each --where webhook=orders --where 'error=time*'
      hookline dead-letters list --json | jq '.groups[] | select(.open > 10)'

    JSON: {"open": n, "resolved": n, "groups": [{webhook, error_class, reason, open, resolved,
    oldest_at, newest_at, newest}], "dead_letters": [{address, state, webhook, …}]}; the last one
    only with --each.
    """
    wanted = Where.parse(where)
    found = desk.run(letters_of(desk, bound(since, desk.clock.now())))
    chosen = [letter for letter in found if wanted.holds(letter)]
    shown = [letter for letter in chosen if letter.state == "open" or not only_open]
    if as_json:
        still_open = sum(letter.state == "open" for letter in chosen)
        answer: dict[str, object] = {
            "open": still_open,
            "resolved": len(chosen) - still_open,
            "groups": [group_view(group) for group in groups(shown)],
        }
        if each:
            answer["dead_letters"] = [letter_view(letter) for letter in shown]
        output.document(answer)
    elif not shown:
        resolved = f" ({len(chosen)} resolved; see --all)" if chosen else ""
        click.echo(f"no open dead letters{resolved}" if only_open else "no dead letters")
    else:
        output.show(_each(shown) if each else _grouped(shown, desk.clock.now()))


@dead_letters.command()
@click.argument("address")
@personal_option
@output.json_option
@click.pass_obj
def show(desk: Desk, address: str, *, personal: bool, as_json: bool) -> None:
    """Show one dead letter: the event, headers, attempts, and the request a replay would send.

    Examples:
      hookline dead-letters show 3:17
      hookline dead-letters show crm.lead.events-dlt:0:4 --personal
      hookline dead-letters show 5b0f6e1c-… --json | jq .event.after

    JSON: the fields of `list --each`, and {"headers": {…}, "chain": [{workflow, version,
    action_index, event_id, action_id}] | null, "event": {…} | null, "attempts_log": [attempt],
    "request": {method, url, headers, body} | null, "problems": [sentence]}.
    """
    details = desk.run(_details(desk, address, personal=personal))
    if as_json:
        output.document(details.view())
    else:
        output.show(*_sheet(details))


@dead_letters.command()
@click.option("--where", multiple=True, metavar="KEY=VALUE", help=WHERE_HELP)
@click.option(
    "--open/--all", "only_open", default=True, help="Only open ones (the default), or all."
)
@since_option()
@click.pass_obj
def export(
    desk: Desk, where: tuple[str, ...], since: timedelta | datetime | None, *, only_open: bool
) -> None:
    """Write dead letters as JSON lines on standard output, complete: bytes are in base64.

    The bytes hold the event as it was, personal fields included.

    Example:
      hookline dead-letters export --all --since 30d > dead-letters.jsonl

    JSON lines: the fields of `list --each`, and {"headers": {…}, "key": base64, "value": base64}.
    """
    wanted = Where.parse(where)
    count = 0
    for letter in desk.run(letters_of(desk, bound(since, desk.clock.now()))):
        if wanted.holds(letter) and (letter.state == "open" or not only_open):
            output.document(export_view(letter))
            count += 1
    output.note(f"{count} exported")


dead_letters.add_command(replay)
dead_letters.add_command(discard)


async def letters_of(desk: Desk, since: datetime | None = None) -> list[DeadLetter]:
    """Every dead letter of the system; headers suffice, so no schema is needed."""
    from console.catalogs import catalog_of  # noqa: PLC0415

    entities = catalog_of(desk.settings.schemas_dir).entities
    return await read(desk.broker.reader(), topics_of(desk.settings.topics, entities), since)


async def _details(desk: Desk, address: str, *, personal: bool) -> Details:
    """Everything there is to know about one dead letter."""
    from console.letter_details import details  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    letter = pick(await letters_of(desk), address)
    async with opened(desk.settings, desk.broker) as session:
        return await details(session, letter, personal=personal)


def _grouped(shown: list[DeadLetter], now: datetime) -> Table:
    """One row per webhook and error."""
    columns = ("webhook", "error", "open", "resolved", "oldest", "newest", "an example", "reason")
    rows = [
        (
            group.webhook,
            group.error_class,
            str(group.open),
            str(group.resolved),
            output.age(group.oldest_at, now),
            output.age(group.newest_at, now),
            group.newest,
            group.reason,
        )
        for group in groups(shown)
    ]
    return output.table(columns, rows)


def _each(shown: list[DeadLetter]) -> Table:
    """One row per dead letter."""
    columns = ("address", "state", "died", "webhook", "record", "attempts", "error", "reason")
    rows = [
        (
            letter.address,
            output.outcome(letter.state),
            output.moment(letter.died_at),
            letter.webhook or "-",
            f"{letter.entity}/{letter.entity_id}",
            str(letter.attempts),
            letter.error_class,
            letter.reason,
        )
        for letter in shown
    ]
    return output.table(columns, rows)


def _sheet(details: Details) -> list[RenderableType]:
    """One dead letter as a person reads it."""
    letter = details.letter
    parts: list[RenderableType] = [_summary(letter)]
    if chain := chain_of(letter.headers):
        rows = [[str(link[key]) for key in KEYS] for link in chain]
        columns = ("workflow", "version", "action", "event", "webhook-id")
        parts += [Text("the chain that led here, oldest first", style="bold")]
        parts += [output.table(columns, rows)]
    if details.event is not None:
        event = details.event
        words = f"event {event.event_id}: {event.entity} {event.operation}, version {event.version}"
        parts += [Text(words, style="bold"), output.sides(event)]
    if details.delivery is not None:
        parts += [Text("attempts", style="bold"), *output.attempt_lines(details.delivery)]
    if details.request is not None:
        what = "exactly" if details.request.exact else "with personal fields masked"
        title = f"the request a replay would send, {what}"
        parts += [Text(title, style="bold"), Text(details.request.text)]
    parts += [Text("headers of the record", style="bold")]
    parts += [output.table(("header", "value"), list(letter.headers.items()))]
    return parts + [Text(problem, style="yellow") for problem in details.problems]


def _summary(letter: DeadLetter) -> Table:
    """What it is, and whether it is settled."""
    rows: list[tuple[str, str | Text]] = [
        ("dead letter", letter.address),
        ("state", output.outcome(letter.state)),
        ("died", output.moment(letter.died_at)),
        ("webhook", letter.webhook or "-"),
        ("workflow", letter.workflow or "-"),
        ("record", f"{letter.entity}/{letter.entity_id}"),
        ("webhook-id", letter.action_id or "-"),
        ("error", letter.error_class),
        ("reason", letter.reason),
        ("attempts", str(letter.attempts)),
    ]
    if letter.resolution is not None:
        done = letter.resolution
        rows.append((done.kind, f"{output.moment(done.at)} by {done.by}: {done.reason or '-'}"))
    return output.table(("", ""), rows)
