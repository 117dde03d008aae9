"""`hookline workflows explain`: why a workflow fired for an event, or why not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.text import Text
from rich.tree import Tree

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit
from console.cli.options import bound, personal_option, since_option
from console.errors import NotFoundError

if TYPE_CHECKING:
    from console.verdicts import Opinion
    from schemas.records import Definition
    from workflow_service.verdict import Verdict


@click.command(cls=Command)
@click.argument("workflow_id")
@click.argument("event_id", type=click.UUID)
@click.option("--entity", help="Look on this entity's topic only, which is quicker.")
@personal_option
@since_option("7d")
@output.json_option
@click.pass_obj
def explain(
    desk: Desk,
    workflow_id: str,
    event_id: object,
    entity: str | None,
    since: timedelta | datetime | None,
    *,
    personal: bool,
    as_json: bool,
) -> int:
    """Say why a workflow, as it is saved now, matches an event or does not.

    Example:
      hookline workflows explain lead-won 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001

    JSON: {"workflow", "version", "matched", "reason", "verdicts": [{path, condition, actual,
    verdict, reason, inner}]}. Exit code 0 if it matches, 1 if not.
    """
    at = bound(since, desk.clock.now())
    opinion = desk.run(_explain(desk, workflow_id, str(event_id), entity, at, personal=personal))
    if as_json:
        from console.verdicts import opinion_view  # noqa: PLC0415

        output.document(opinion_view(opinion))
    else:
        output.show(_tree(opinion))
    return Exit.OK if opinion.matched else Exit.PROBLEM


def _named(found: dict[str, Definition], workflow_id: str) -> Definition:
    """The one with that id.

    Raises:
        NotFoundError: There is none; lists those there are.
    """
    if workflow_id not in found:
        message = f"no workflow {workflow_id!r}; there are {', '.join(found) or 'none'}"
        raise NotFoundError(message)
    return found[workflow_id]


async def _explain(
    desk: Desk,
    workflow_id: str,
    event_id: str,
    entity: str | None,
    since: datetime | None,
    *,
    personal: bool,
) -> Opinion:
    """The workflow's word on the event."""
    from console.find_events import find  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from console.verdicts import masked_opinion, opinion_of  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        definition = _named(dict(session.workflows.current), workflow_id)
        placed = await find(session, event_id, session.known(entity), since)
        opinion = opinion_of(definition, placed.event, session.catalog)
        return opinion if personal else masked_opinion(opinion)


_MARKS = {True: ("✓ ", "green"), False: ("✗ ", "red"), None: ("? ", "yellow")}


def _tree(opinion: Opinion) -> Tree:
    """The verdicts as a person reads them."""
    words = {True: "matches", False: "does not match", None: "is invalid or unknown"}[
        opinion.matched
    ]
    head = f"{opinion.workflow} (version {opinion.version}) {words}: {opinion.reason}"
    root = Tree(Text(head, style="bold"))
    for verdict in opinion.verdicts:
        _branch(root, verdict)
    return root


def _branch(parent: Tree, verdict: Verdict) -> None:
    """One verdict with the ones inside it."""
    node = parent.add(
        Text.assemble(_MARKS[verdict.verdict], f"{verdict.condition}: {verdict.reason}")
    )
    for inner in verdict.inner:
        _branch(node, inner)
