"""`hookline webhooks preview`: the request that would be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.options import delivery_options, personal_option
from console.cli.webhook_named import named, wanted_of

if TYPE_CHECKING:
    from console.previews import Preview
    from console.try_out import Wanted


@click.command(cls=Command)
@click.argument("webhook_id")
@delivery_options
@personal_option
@output.json_option
@click.pass_obj
def preview(
    desk: Desk,
    webhook_id: str,
    event_id: object,
    entity: str | None,
    workflow: str | None,
    *,
    personal: bool,
    as_json: bool,
) -> None:
    """Show the request that a webhook would send for an event; nothing is sent.

    Examples:
      hookline webhooks preview orders
      hookline webhooks preview orders --event 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001 --personal
      hookline webhooks preview orders --workflow large-orders

    JSON: {"method", "url", "headers": {…}, "body": text, "exact": bool}; `exact` is false where
    personal fields are masked in the body.
    """
    wanted = wanted_of(event_id, entity, workflow)
    shown = desk.run(_preview(desk, webhook_id, wanted, personal=personal))
    if as_json:
        output.document(shown.view())
    else:
        output.show(Text(shown.text))


async def _preview(desk: Desk, webhook_id: str, wanted: Wanted, *, personal: bool) -> Preview:
    """The request for the event, masked unless asked otherwise."""
    from console.personal import masked_event  # noqa: PLC0415
    from console.previews import preview as rendered  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from console.try_out import chosen_event  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        definition = named(session, webhook_id)
        event, action = await chosen_event(session, definition, wanted, desk.clock.now())
        if not personal:
            event = masked_event(event, session.catalog.fields(event.entity))
        return rendered(definition, action, event, session.catalog, exact=personal)
