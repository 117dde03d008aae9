"""`hookline workflows`: the saved rules."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text
from rich.tree import Tree

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit
from console.cli.options import bound, personal_option, since_option
from console.errors import NotFoundError

if TYPE_CHECKING:
    from console.verdicts import Opinion
    from schemas.records import Definition
    from workflow_service.verdict import Verdict


@click.group(cls=Group)
def workflows() -> None:
    """Workflows: which events go to which webhooks. Save them with `hookline apply`."""


@workflows.command("list")
@output.json_option
@click.pass_obj
def list_(desk: Desk, *, as_json: bool) -> None:
    """List the workflows in force.

    Examples:
      hookline workflows list
      hookline workflows list --json | jq -r '.workflows[] | select(.state == "paused").id'

    JSON: {"workflows": [{id, version, state, entity, on, webhooks, description, saved_at, saved_by}]}
    """
    found = [_row(definition) for definition in desk.run(_current(desk)).values()]
    if as_json:
        output.document({"workflows": found})
        return
    columns = ("workflow", "version", "state", "entity", "on", "webhooks", "description")
    rows = [
        (
            row["id"],
            str(row["version"]),
            row["state"],
            row["entity"],
            ", ".join(row["on"]),
            ", ".join(row["webhooks"]),
            row["description"],
        )
        for row in found
    ]
    output.show(output.table(columns, rows) if rows else "no workflows; see hookline apply --help")


@workflows.command()
@click.argument("workflow_id")
@output.json_option
@click.pass_obj
def show(desk: Desk, workflow_id: str, *, as_json: bool) -> None:
    """Show one workflow as its manifest says it.

    Examples:
      hookline workflows show lead-won
      hookline workflows show lead-won > lead-won.yaml

    JSON: {"id", "version", "saved_at", "saved_by", "manifest": {…}}. Exit code 1 if there is none.
    """
    definition = _named(desk.run(_current(desk)), workflow_id)
    manifest = {"kind": "Workflow", **json.loads(definition.spec)}
    if as_json:
        output.document({**output.definition_view(definition), "manifest": manifest})
    else:
        click.echo(output.yaml_of(definition, manifest), nl=False)


@workflows.command()
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


@workflows.command()
@click.argument("workflow_ids", nargs=-1, required=True)
@output.json_option
@click.pass_obj
def remove(desk: Desk, workflow_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Remove workflows; running services take that up within a second.

    Actions that were made already are delivered all the same.

    Example:
      hookline workflows remove lead-won

    JSON: {"removed": [id]}. Exit code 1 if one does not exist; then none is removed.
    """
    from console.cli.removal import removed  # noqa: PLC0415

    desk.run(removed(desk, "workflow", workflow_ids, force=False))
    if as_json:
        output.document({"removed": workflow_ids})
    else:
        click.echo(f"removed {', '.join(workflow_ids)}")


async def _current(desk: Desk) -> dict[str, Definition]:
    """The definitions in force, by id."""
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return dict(sorted(session.workflows.current.items()))


def _named(found: dict[str, Definition], workflow_id: str) -> Definition:
    """The one with that id.

    Raises:
        NotFoundError: There is none; lists those there are.
    """
    if workflow_id not in found:
        message = f"no workflow {workflow_id!r}; there are {', '.join(found) or 'none'}"
        raise NotFoundError(message)
    return found[workflow_id]


def _row(definition: Definition) -> dict[str, Any]:
    """A workflow as the list shows it."""
    spec = json.loads(definition.spec)
    return {
        **output.definition_view(definition),
        "state": spec.get("state", "active"),
        "entity": spec["entity"],
        "on": spec["on"],
        "webhooks": list(dict.fromkeys(step["webhook"] for step in spec["then"])),
        "description": spec.get("description", ""),
    }


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
    from console.verdicts import Opinion, masked_opinion, opinion_of  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        definition = _named(dict(session.workflows.current), workflow_id)
        placed = await find(session, event_id, session.known(entity), since)
        opinion = opinion_of(definition, placed.event, session.catalog)
        if opinion is None:
            reason = f"it is not about {placed.event.entity}"
            return Opinion(workflow_id, definition.version, matched=False, reason=reason)
        fields = session.catalog.fields(placed.event.entity)
        return opinion if personal else masked_opinion(opinion, fields)


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
