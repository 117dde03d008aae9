"""`hookline workflows explain`: why a workflow fired for an event, or why not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.text import Text
from rich.tree import Tree

from console.cli import output
from console.cli.desk import Desk
from console.cli.event_argument import event_id, event_text
from console.cli.examples import Command
from console.cli.exits import Exit
from console.cli.options import bound, personal_option, since_option

if TYPE_CHECKING:
    from console.explanation import Answer


@click.command(cls=Command)
@click.argument("workflow_id")
@click.argument("event")
@click.option("--version", type=click.IntRange(1), help="Explain this version of the workflow.")
@click.option(
    "--entity", help="Look on this entity's topic only; by default on the workflow's first."
)
@personal_option
@since_option("7d")
@output.json_option
@click.pass_obj
def explain(
    desk: Desk,
    workflow_id: str,
    event: str,
    version: int | None,
    entity: str | None,
    since: timedelta | datetime | None,
    *,
    personal: bool,
    as_json: bool,
) -> int:
    """Say why a workflow fires for an event, or why not, and what really became of the event.

    EVENT is an event id, topic:partition:offset (of the event or of its dead letter), or a file (-
    for standard input) with the event as JSON: as `hookline events show --json` prints it, or as the
    gateway takes it. The version in force
    is explained, of a removed workflow its last one; what is said differs from then where the
    workflow was changed since. Nothing is written.

    Examples:
      hookline workflows explain lead-won 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001
      hookline workflows explain lead-won crm.lead.events:3:1042 --version 2
      echo '{"after": {"id": "7", "title": "Engine"}}' | hookline workflows explain lead-won -

    JSON: {"workflow", "version", "matched", "reason", "first_failed": path, "verdicts": [{path,
    condition, field, operator, expected, expected_value, before, after, actual, verdict, reason,
    inner}], "then": [{index, webhook, made, if: verdict}], "event": {…, topic, partition, offset}, "version_in_force": n, "version_then": {version,
    approximate}, "fate": {kind, sentences, actions, dead_letters, consumer: {group, committed,
    behind}, fired}, "notes": [sentence]}. `verdict` is null where it is unknown; `fate.kind` is
    acted, dry_run, dead_letter, behind, nothing, unreadable, not_found or not_published. Exit
    code 0 if it matches, 1 if not, or if there is no such event.
    """
    event = event_id(event) or event
    text = event_text(event)
    at = bound(since, desk.clock.now())
    answer = desk.run(
        _explain(desk, workflow_id, event, text, version, entity, at, personal=personal)
    )
    if as_json:
        output.document(answer.view())
    else:
        output.show(_tree(answer), *_after(answer))
    return Exit.OK if answer.opinion.matched else Exit.PROBLEM


async def _explain(
    desk: Desk,
    workflow_id: str,
    event: str,
    text: str | None,
    version: int | None,
    entity: str | None,
    since: datetime | None,
    *,
    personal: bool,
) -> Answer:
    """Ask; personal fields are masked in what is shown, not in what is judged."""
    from console.explanation import explanation  # noqa: PLC0415
    from console.seek import Asked  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        entities = session.known(entity) if entity else None
        now = desk.clock.now()
        asked = Asked(workflow_id, event, text, version, entities, since, now)
        answer = await explanation(session, asked)
        return answer if personal else answer.masked(session)


def _tree(answer: Answer) -> Tree:
    """The verdicts as a person reads them; the first that failed is marked."""
    from console.cli.verdict_tree import tree  # noqa: PLC0415

    return tree(answer.opinion, "has nothing to judge" if answer.event is None else None)


def _after(answer: Answer) -> list[Text]:
    """What really became of the event, then what a reader must know."""
    title = "what became of it" if answer.event else "where it is"
    what = f" ({answer.record.place})" if answer.record else ""
    lines = [Text(f"{title}{what}:", "bold")]
    lines += [Text(f"  {sentence}") for sentence in answer.fate.sentences]
    return lines + [Text(f"note: {note}", "yellow") for note in answer.notes]
