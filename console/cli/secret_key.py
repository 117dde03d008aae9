"""`hookline secret-key`: keys for secrets at rest."""

from __future__ import annotations

import click

from console.cli import output
from console.cli.examples import Group


@click.group("secret-key", cls=Group)
def secret_key() -> None:
    """Keys that seal signing secrets in the webhooks topic."""


@secret_key.command()
@output.json_option
def generate(*, as_json: bool) -> None:
    """Print a fresh key for HOOKLINE_SECRET_KEYS.

    Give the same key to every service and to this command; the newest comes first, older ones
    stay behind it, separated by commas, until everything was applied anew.

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
