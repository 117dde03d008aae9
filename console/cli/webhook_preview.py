"""`hookline webhooks preview`: the request that would be sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.event_argument import event_id as id_in
from console.cli.event_argument import event_text
from console.cli.examples import Command
from console.cli.options import delivery_options, personal_option
from console.cli.webhook_named import named, wanted_of
from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    from console.previews import Preview
    from console.try_out import Wanted
    from runtime.settings import Settings
    from schemas.records import Definition
    from webhook_service.webhook import Webhook


@click.command(cls=Command)
@click.argument("webhook_id")
@click.argument("event", required=False)
@delivery_options
@personal_option
@click.option("--reveal-secret", is_flag=True, help="Show secrets, and sign with them.")
@output.json_option
@click.pass_obj
def preview(
    desk: Desk,
    webhook_id: str,
    event: str | None,
    event_id: object,
    entity: str | None,
    workflow: str | None,
    *,
    personal: bool,
    reveal_secret: bool,
    as_json: bool,
) -> None:
    """Print the request that a webhook would send for an event, byte for byte; nothing is sent.

    EVENT is an event id, topic:partition:offset (of the event or of its dead letter), or a file (-
    for standard input) with the event as JSON; without it one is made up. What comes out is what would
    go out if it were sent now: the request line, every header, an empty line, the body. Secrets are
    ***, signatures too, and personal fields are masked unless --personal.

    Examples:
      hookline webhooks preview orders
      hookline webhooks preview orders 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001 --personal
      hookline webhooks preview orders crm.lead.events:3:1042 --workflow large-orders
      hookline webhooks preview orders event.json --personal --reveal-secret > request.bin

    --reveal-secret needs HOOKLINE_SECRET_KEYS. A token of OAuth2 is *** all the same.

    JSON: {"method", "url", "headers": {…}, "body": text, "exact": bool, "wire": text}; `wire` is the
    whole request; `exact` is false where personal fields are masked.
    """
    wanted = wanted_of(event_id, entity, workflow)
    if event is not None:
        if event_id is not None:
            raise ConfigurationError("give the event as an argument or as --event, not both")
        wanted = replace(wanted, event=id_in(event) or event, text=event_text(event))
    shown = desk.run(_preview(desk, webhook_id, wanted, personal=personal, reveal=reveal_secret))
    if as_json:
        output.document(shown.view())
    else:
        click.echo(shown.wire, nl=False)


async def _preview(
    desk: Desk, webhook_id: str, wanted: Wanted, *, personal: bool, reveal: bool
) -> Preview:
    """The request for the event, masked unless asked otherwise."""
    from console.personal import masked_event  # noqa: PLC0415
    from console.previews import wire_preview  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from console.try_out import chosen_event  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        definition = named(session, webhook_id)
        now = desk.clock.now()
        event, action = await chosen_event(session, definition, wanted, now)
        if not personal:
            event = masked_event(event, session.catalog.fields(event.entity))
        webhook = _webhook(desk.settings, definition, reveal=reveal)
        return wire_preview(
            webhook, action, event, session.catalog, now, exact=personal, reveal=reveal
        )


def _webhook(settings: Settings, definition: Definition, *, reveal: bool) -> Webhook:
    """The webhook; with a mask for every secret where these cannot be opened and need not be."""
    from console.previews import hidden_webhook  # noqa: PLC0415
    from runtime.secrets import SecretBox  # noqa: PLC0415
    from webhook_service.stored import from_spec  # noqa: PLC0415

    try:
        return from_spec(definition.spec, SecretBox(settings.secret_keys).open)
    except ConfigurationError:
        if reveal:
            raise
        return hidden_webhook(definition)
