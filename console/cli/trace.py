"""`hookline trace`: one event from its publication to the outcome of each delivery."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.text import Text
from rich.tree import Tree

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.options import bound, personal_option, since_option

if TYPE_CHECKING:
    from console.dead_letters import DeadLetter
    from console.follow import Followed
    from console.trace import Trace
    from console.verdicts import Opinion


@click.command(cls=Command)
@click.argument("event_id", type=click.UUID)
@click.option("--entity", help="Look on this entity's topic only, which is quicker.")
@personal_option
@since_option("7d")
@output.json_option
@click.pass_obj
def trace(
    desk: Desk,
    event_id: object,
    entity: str | None,
    since: timedelta | datetime | None,
    *,
    personal: bool,
    as_json: bool,
) -> None:
    """Follow an event: verdict per workflow, actions, attempts, outcome or next attempt.

    Verdicts are those of the workflows as they are saved now; an action names the version that
    made it.

    Examples:
      hookline trace 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001
      hookline trace 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001 --entity lead --json | jq '.actions[].stand'

    JSON: {"event": {…, topic, partition, offset}, "workflows": [{workflow, version, matched,
    reason, verdicts}], "actions": [{action_id, workflow_id, webhook_id, stand, sentence,
    delivery, dead_letters, …}], "dead_letters": […], "notes": [sentence]}. `stand` is queued,
    delivered, waiting, dead, replayed, discarded, or dry_run: delivered to nobody. Exit code 1 if
    there is no such event.
    """
    answer = desk.run(
        _trace(desk, str(event_id), entity, bound(since, desk.clock.now()), personal=personal)
    )
    if as_json:
        output.document(answer.view())
    else:
        output.show(_tree(answer))


async def _trace(
    desk: Desk, event_id: str, entity: str | None, since: datetime | None, *, personal: bool
) -> Trace:
    """Find the event and follow it; personal fields masked in what is shown, not in what is judged."""
    from console.find_events import Placed, find  # noqa: PLC0415
    from console.personal import masked_event  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from console.trace import trace as followed  # noqa: PLC0415
    from console.verdicts import masked_opinion  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        entities = session.known(entity)
        placed = await find(session, event_id, entities, since)
        answer = await followed(session, placed)
        if personal:
            return answer
        fields = session.catalog.fields(placed.event.entity)
        return dataclasses.replace(
            answer,
            placed=Placed(masked_event(placed.event, fields), placed.record),
            opinions=[masked_opinion(one) for one in answer.opinions],
        )


def _tree(answer: Trace) -> Tree:
    """The trace as a person reads it."""
    event, record = answer.placed.event, answer.placed.record
    root = Tree(
        Text.assemble(
            (f"{event.entity} {event.operation}", "bold"),
            f"  {event.entity}/{event.entity_id} version {event.version}  {record.place}"
            f"  {output.moment(event.occurred_at)}  source {event.source}",
        )
    )
    if event.changed_fields:
        root.add(Text(f"changed: {', '.join(event.changed_fields)}"))
    workflows = root.add(Text("workflows", style="bold"))
    for opinion in answer.opinions:
        workflows.add(_opinion(opinion))
    if not answer.opinions:
        workflows.add(Text(f"none is about {event.entity}"))
    _actions(root, answer.followed)
    for letter in answer.unread:
        root.add(Text(letter_line(letter), "red"))
    for note in answer.notes:
        root.add(Text(note, style="yellow"))
    return root


def _opinion(opinion: Opinion) -> Text:
    """One workflow's word on one line."""
    word, style = {
        True: ("matches", "green"),
        False: ("no match", "dim"),
        None: ("invalid", "red"),
    }[opinion.matched]
    if opinion.matched and any(one.actual == "dry_run" for one in opinion.verdicts[:1]):
        word = "matches, as a dry run"
    name = f"{opinion.workflow} (version {opinion.version}): "
    return Text.assemble(name, (word, style), "" if opinion.matched else f": {opinion.reason}")


def _actions(root: Tree, followed: Sequence[Followed]) -> None:
    """What was made, and apart from it what was only tried out."""
    real = [one for one in followed if not one.dry_run]
    tried = [one for one in followed if one.dry_run]
    branch = root.add(Text(f"actions ({len(real)})", style="bold"))
    for one in real:
        _action(branch, one)
    if tried:
        branch = root.add(Text(f"dry-run actions ({len(tried)})", style="bold"))
    for one in tried:
        _action(branch, one)


def letter_line(letter: DeadLetter) -> str:
    """A dead letter that an event led to before there was a delivery."""
    if letter.is_action:
        what = f"an action of {letter.workflow} for {letter.webhook} was refused"
    else:
        what = f"{letter.workflow or 'the event'} could not be matched"
    return f"{what}: {letter.reason} (dead letter {letter.address})"


def _action(branch: Tree, one: Followed) -> None:
    """One action with its attempts."""
    action = one.action
    node = branch.add(
        Text.assemble(
            f"{action.workflow_id} (version {action.workflow_version}) → {action.webhook_id}  ",
            (one.sentence, output.OUTCOME_STYLES.get(one.stand, "")),
            (f"  {action.action_id}", "dim"),
        )
    )
    for line in output.attempt_lines(one.delivery) if one.delivery else ():
        node.add(line)
