"""`hookline secret-key`: keys for secrets at rest."""

from __future__ import annotations

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit


@click.group("secret-key", cls=Group)
def secret_key() -> None:
    """Keys that seal signing secrets in the webhooks topic."""


@secret_key.command()
@output.json_option
def generate(*, as_json: bool) -> None:
    """Print a fresh key for HOOKLINE_SECRET_KEYS.

    Give the same key to every service and to this command; the newest comes first, older ones
    stay behind it, separated by commas, until `hookline secret-key rotate` has sealed everything
    with the newest.

    Example:
      export HOOKLINE_SECRET_KEYS=$(hookline secret-key generate)

    JSON: {"key": "…"}
    """
    from runtime.secrets import new_key  # noqa: PLC0415

    key = new_key()
    if as_json:
        output.document({"key": key})
    else:
        click.echo(key)


@secret_key.command()
@output.json_option
@click.pass_obj
def rotate(desk: Desk, *, as_json: bool) -> None:
    """Seal every secret that is stored with the newest key, so that older ones can go.

    Put the new key in front of the old one, give both to every service, and restart them; then run
    this; then the old key can be taken away. Kafka keeps the old records until it compacts the topic.

    Examples:
      export HOOKLINE_SECRET_KEYS=$(hookline secret-key generate),$HOOKLINE_SECRET_KEYS
      hookline secret-key rotate

    JSON: {"webhooks": [id]}: those that were sealed anew.
    """
    changed = desk.run(_rotated(desk))
    if as_json:
        output.document({"webhooks": changed})
    elif changed:
        click.echo(f"sealed with the newest key: {', '.join(changed)}")
    else:
        click.echo("everything is sealed with the newest key already")


@secret_key.command()
@output.json_option
@click.pass_obj
def usage(desk: Desk, *, as_json: bool) -> int:
    """Say which of the keys in HOOKLINE_SECRET_KEYS are in use, and by which webhooks.

    Example:
      hookline secret-key usage

    JSON: {"keys": {"1": [webhook]}, "unreadable": [webhook]}; keys are counted from 1, the newest.
    Exit code 1 if there are secrets that none of the keys opens.
    """
    found = desk.run(_usage(desk))
    lost = found.pop(0, ())
    if as_json:
        keys = {str(number): ids for number, ids in found.items()}
        output.document({"keys": keys, "unreadable": lost})
        return Exit.PROBLEM if lost else Exit.OK
    for number in range(1, len(desk.settings.secret_keys) + 1):
        name = "key 1 (the newest)" if number == 1 else f"key {number}"
        click.echo(f"{name}: {', '.join(found.get(number, ())) or 'not in use'}")
    if lost:
        click.echo(f"opened by none of them: {', '.join(lost)}")
    return Exit.PROBLEM if lost else Exit.OK


async def _rotated(desk: Desk) -> tuple[str, ...]:
    from console.apply import Author  # noqa: PLC0415
    from console.rotation import rotate_key  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return await rotate_key(session, Author(desk.operator, desk.clock))


async def _usage(desk: Desk) -> dict[int, tuple[str, ...]]:
    from console.rotation import keys_in_use  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return keys_in_use(session)
