"""`hookline workflows remove`: takes workflows out of force."""

from __future__ import annotations

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command


@click.command(cls=Command)
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
