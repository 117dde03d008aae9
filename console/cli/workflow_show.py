"""`hookline workflows show`: one workflow as its manifest says it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.errors import NotFoundError

if TYPE_CHECKING:
    from schemas.records import Definition


@click.command(cls=Command)
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
