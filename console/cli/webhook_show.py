"""`hookline webhooks show`: one webhook as its manifest says it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.webhook_named import lane_line, named
from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    from schemas.records import Definition


@click.command(cls=Command)
@click.argument("webhook_id")
@click.option("--reveal-secret", is_flag=True, help="Show secret, header and query values.")
@output.json_option
@click.pass_obj
def show(desk: Desk, webhook_id: str, *, reveal_secret: bool, as_json: bool) -> None:
    """Show one webhook as its manifest says it, and how its lane stands; secrets are masked.

    Examples:
      hookline webhooks show orders
      hookline webhooks show orders --reveal-secret --json | jq -r .manifest.secret

    --reveal-secret needs HOOKLINE_SECRET_KEYS.

    JSON: {"id", "version", "saved_at", "saved_by", "manifest": {…}, "lane": {state, reason, since,
    by, next_probe_at, failing_since}, "public_key": "whpk_…" | null}. The public key of a whsk_ secret
    is what receivers verify with; it is shown where HOOKLINE_SECRET_KEYS is set. Exit code 1 if there
    is no such webhook.
    """
    definition, lane = desk.run(_found(desk, webhook_id))
    manifest = {"kind": "Webhook", **_spec(desk, definition, reveal=reveal_secret)}
    public = _public_key(desk, definition)
    if as_json:
        beside = {"manifest": manifest, "lane": lane, "public_key": public}
        output.document({**output.definition_view(definition), **beside})
    else:
        click.echo(f"# {lane_line(lane)}")
        if public is not None:
            click.echo(f"# receivers verify with {public}")
        click.echo(output.yaml_of(definition, manifest), nl=False)


async def _found(desk: Desk, webhook_id: str) -> tuple[Definition, dict[str, Any]]:
    """One webhook's definition, and how its lane stands."""
    from console import lane_states  # noqa: PLC0415
    from console.previews import hidden_webhook  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        found = named(session, webhook_id)
        lanes = await lane_states.read(session)
        return found, lane_states.view(found, hidden_webhook(found).state, lanes)


def _spec(desk: Desk, definition: Definition, *, reveal: bool) -> dict[str, Any]:
    """The webhook's content, with or without its secrets."""
    from console.previews import hidden_webhook  # noqa: PLC0415
    from runtime.secrets import SecretBox  # noqa: PLC0415
    from webhook_service.stored import from_spec, masked_spec, plain_spec  # noqa: PLC0415

    if not reveal:
        spec = masked_spec(hidden_webhook(definition))
    else:
        box = SecretBox(desk.settings.secret_keys)
        spec = plain_spec(from_spec(definition.spec, box.open))
    content: dict[str, Any] = json.loads(spec)
    return content


def _public_key(desk: Desk, definition: Definition) -> str | None:
    """What receivers verify with, if the secret is asymmetric and can be opened."""
    from runtime.secrets import SecretBox  # noqa: PLC0415
    from webhook_service.keys import public_key_of  # noqa: PLC0415
    from webhook_service.stored import from_spec  # noqa: PLC0415

    try:
        webhook = from_spec(definition.spec, SecretBox(desk.settings.secret_keys).open)
    except ConfigurationError:
        return None
    return public_key_of(webhook.secret)
