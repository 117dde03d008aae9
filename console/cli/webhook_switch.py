"""`hookline webhooks pause|resume|disable`: an operator's decision, for all members at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.webhook_named import named

if TYPE_CHECKING:
    from webhook_service.webhook import State

_ids = click.argument("webhook_ids", nargs=-1, required=True)
_reason = click.option("--reason", default="", help="Kept with the decision, and shown.")


@click.command(cls=Command)
@_ids
@_reason
@output.json_option
@click.pass_obj
def pause(desk: Desk, webhook_ids: tuple[str, ...], reason: str, *, as_json: bool) -> None:
    """Let deliveries to webhooks wait, without spending attempts, until they are resumed.

    It holds over restarts and new versions. Requests under way are finished.

    Examples:
      hookline webhooks pause orders --reason "maintenance until 5 pm"
      hookline webhooks pause orders invoices

    JSON: {"webhooks": [id], "state": "paused"}. Exit code 1 if one does not exist or its manifest
    says something else; then none is changed.
    """
    _decide(desk, webhook_ids, "paused", reason, as_json=as_json)


@click.command(cls=Command)
@_ids
@_reason
@output.json_option
@click.pass_obj
def resume(desk: Desk, webhook_ids: tuple[str, ...], reason: str, *, as_json: bool) -> None:
    """Let deliveries to paused webhooks go on.

    What has waited is looked at again after at most half of the time that the pause has lasted,
    and within 5 minutes.

    Examples:
      hookline webhooks resume orders

    JSON: {"webhooks": [id], "state": "active"}. Exit code 1 if one does not exist or its manifest
    says something else; then none is changed.
    """
    _decide(desk, webhook_ids, "active", reason, as_json=as_json)


@click.command(cls=Command)
@_ids
@_reason
@output.json_option
@click.pass_obj
def disable(desk: Desk, webhook_ids: tuple[str, ...], reason: str, *, as_json: bool) -> None:
    """Call webhooks no more: deliveries become dead letters at once, without an attempt.

    Examples:
      hookline webhooks disable old-shop --reason "the shop is closed"

    `hookline webhooks enable` undoes it, with what was missed or without it.

    JSON: {"webhooks": [id], "state": "disabled"}. Exit code 1 if one does not exist or its manifest
    says something else; then none is changed.
    """
    _decide(desk, webhook_ids, "disabled", reason, as_json=as_json)


def _decide(
    desk: Desk, webhook_ids: tuple[str, ...], state: State, reason: str, *, as_json: bool
) -> None:
    """Write it and say so."""
    desk.run(_written(desk, webhook_ids, state, reason))
    if as_json:
        answer: dict[str, Any] = {"webhooks": list(webhook_ids), "state": state}
        output.document(answer)
    else:
        click.echo(f"{', '.join(webhook_ids)}: {state}")


async def _written(desk: Desk, webhook_ids: tuple[str, ...], state: State, reason: str) -> None:
    from console.apply import Author  # noqa: PLC0415
    from console.lane_states import decide  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        webhooks = [named(session, id) for id in dict.fromkeys(webhook_ids)]
        await decide(session, webhooks, state, reason, Author(desk.operator, desk.clock))
