"""`hookline trace`: one event from its publication to the outcome of each delivery."""

from __future__ import annotations

import dataclasses
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
    from console.trace import Followed, Trace
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
    delivered, waiting, dead, replayed or discarded. Exit code 1 if there is no such event.
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
            opinions=[masked_opinion(one, fields) for one in answer.opinions],
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
    actions = root.add(Text(f"actions ({len(answer.followed)})", style="bold"))
    for one in answer.followed:
        _action(actions, one)
    for letter in answer.unread:
        root.add(
            Text(f"could not be matched: {letter.reason} (dead letter {letter.address})", "red")
        )
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
    name = f"{opinion.workflow} (version {opinion.version}): "
    return Text.assemble(name, (word, style), "" if opinion.matched else f": {opinion.reason}")


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
