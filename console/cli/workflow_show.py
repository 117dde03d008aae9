"""`hookline workflows show`: one workflow as its manifest says it."""

from __future__ import annotations

from collections.abc import Mapping
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
@click.option("--version", type=click.IntRange(1), help="Not the one in force, but this version.")
@output.json_option
@click.pass_obj
def show(desk: Desk, workflow_id: str, version: int | None, *, as_json: bool) -> None:
    """Show one workflow as its manifest says it.

    Examples:
      hookline workflows show lead-won
      hookline workflows show lead-won > lead-won.yaml
      hookline workflows show lead-won --version 3

    JSON: {"id", "version", "saved_at", "saved_by", "manifest": {…}}. Exit code 1 if there is none.
    """
    from console.verdicts import spec_of  # noqa: PLC0415

    definition = desk.run(_version(desk, workflow_id, version))
    manifest = {"kind": "Workflow", **spec_of(definition)}
    if as_json:
        output.document({**output.definition_view(definition), "manifest": manifest})
    else:
        click.echo(output.yaml_of(definition, manifest), nl=False)


async def _version(desk: Desk, workflow_id: str, number: int | None) -> Definition:
    """The version asked for, or the one in force.

    Raises:
        NotFoundError: There is none.
    """
    from console.history import history_of  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        if number is None:
            return _named(session.workflows.current, workflow_id)
        return (await history_of(session, workflow_id)).content(number)


def _named(found: Mapping[str, Definition], workflow_id: str) -> Definition:
    """The one with that id."""
    if workflow_id not in found:
        message = f"no workflow {workflow_id!r}; there are {', '.join(sorted(found)) or 'none'}"
        raise NotFoundError(message)
    return found[workflow_id]
