"""`hookline webhooks remove`: takes webhooks away that nobody names."""

from __future__ import annotations

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command


@click.command(cls=Command)
@click.argument("webhook_ids", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Even if workflows name it; their actions will die.")
@output.json_option
@click.pass_obj
def remove(desk: Desk, webhook_ids: tuple[str, ...], *, force: bool, as_json: bool) -> None:
    """Remove webhooks; refused while a workflow names one, unless --force.

    Examples:
      hookline webhooks remove old-shop
      hookline webhooks remove old-shop --force

    JSON: {"removed": [id]}. Exit code 1 if one does not exist or is in use; then none is removed.
    """
    from console.cli.removal import removed  # noqa: PLC0415

    desk.run(removed(desk, "webhook", webhook_ids, force=force))
    if as_json:
        output.document({"removed": webhook_ids})
    else:
        click.echo(f"removed {', '.join(webhook_ids)}")
