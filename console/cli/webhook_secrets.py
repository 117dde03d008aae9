"""`hookline webhooks rotate-secret`: a new signing secret, while the old one goes on for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.options import Duration

if TYPE_CHECKING:
    from console.rotation import Rotated

#: The longest overlap: a receiver that has not changed over by then never will.
LONGEST = timedelta(days=90)


@click.command("rotate-secret", cls=Command)
@click.argument("webhook_id")
@click.option(
    "--overlap",
    type=Duration(LONGEST),
    default="24h",
    show_default=True,
    help="How long the replaced secret signs, too: 0s, 30m, 24h, 7d.",
)
@click.option(
    "--kind",
    type=click.Choice(["hmac", "ed25519"]),
    help="Of the new secret; the kind of the old one by default.",
)
@output.json_option
@click.pass_obj
def rotate_secret(
    desk: Desk, webhook_id: str, overlap: timedelta, kind: str | None, *, as_json: bool
) -> None:
    """Give a webhook a new signing secret; the old one signs, too, until the overlap is over.

    Both signatures stand in the header `webhook-signature`, and a receiver accepts either. Give it
    the new secret meanwhile; the old one stops by itself. Leave `secret` out of the manifest, so that
    `hookline apply` keeps the one that is in force.

    Examples:
      hookline webhooks rotate-secret orders --overlap 24h
      hookline webhooks show orders --reveal-secret --json | jq -r .manifest.secret
      hookline webhooks rotate-secret orders --kind ed25519 --json | jq -r .public_key

    Needs HOOKLINE_SECRET_KEYS.

    JSON: {"id", "version", "previous_until": instant | null, "public_key": "whpk_…" | null}.
    Exit code 1 if there is no such webhook, or too many secrets of it sign already.
    """
    rotated = desk.run(_rotated(desk, webhook_id, overlap, kind))
    if as_json:
        output.document(rotated.view())
        return
    until = output.moment(rotated.previous_until)
    old = f"the old one signs, too, until {until}" if rotated.previous_until else "the old is gone"
    click.echo(f"{rotated.id} (version {rotated.version}) has a new secret; {old}")
    if rotated.public_key:
        click.echo(f"receivers verify with {rotated.public_key}")
    else:
        click.echo(f"see it with: hookline webhooks show {rotated.id} --reveal-secret")


async def _rotated(desk: Desk, webhook_id: str, overlap: timedelta, kind: str | None) -> Rotated:
    from console.apply import Author  # noqa: PLC0415
    from console.rotation import rotate_secret as rotated  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        author = Author(desk.operator, desk.clock)
        return await rotated(session, webhook_id, author, overlap=overlap, kind=kind)
