"""`hookline webhooks test`: sends one test event, now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit
from console.cli.options import delivery_options
from console.cli.webhook_named import named, wanted_of

if TYPE_CHECKING:
    from console.try_out import Trial, Wanted


@click.command(cls=Command)
@click.argument("webhook_id")
@delivery_options
@output.json_option
@click.pass_obj
def test(
    desk: Desk,
    webhook_id: str,
    event_id: object,
    entity: str | None,
    workflow: str | None,
    *,
    as_json: bool,
) -> int:
    """Send one signed test event to a webhook, now, and show request and answer.

    It goes from this machine straight to the endpoint, past Kafka, with the header
    `hookline-test: true` and an id of its own. Secrets are masked in what is shown.

    Examples:
      hookline webhooks test orders
      hookline webhooks test orders --event 0b0e7a39-5f0c-4a53-8f1c-6f0f7f110001 --json | jq .status

    Needs HOOKLINE_SECRET_KEYS.

    JSON: {"delivered": bool, "request": {method, url, headers, body, exact}, "status": n | null,
    "error_class", "error", "response_headers", "response_body", "total_ms"}.
    Exit code 0 if the endpoint answered with 2xx, else 1.
    """
    trial = desk.run(_test(desk, webhook_id, wanted_of(event_id, entity, workflow)))
    if as_json:
        output.document(trial.view())
    else:
        output.show(*_answer(trial))
    return Exit.OK if trial.delivered else Exit.PROBLEM


async def _test(desk: Desk, webhook_id: str, wanted: Wanted) -> Trial:
    """Send one request."""
    from console.session import opened  # noqa: PLC0415
    from console.try_out import try_out  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return await try_out(session, named(session, webhook_id), wanted, desk.clock)


def _answer(trial: Trial) -> list[Text]:
    """Request and answer as a person reads them."""
    lines = [Text("request", style="bold"), Text(trial.request.text), Text("answer", style="bold")]
    if trial.status is None:
        lines.append(Text(f"none: {trial.error_class}: {trial.error}", style="red"))
        return lines
    style = "green" if trial.delivered else "red"
    lines.append(Text(f"{trial.status} in {trial.total_ms:.0f} ms", style=style))
    lines += [Text(f"{name}: {value}") for name, value in trial.response_headers.items()]
    return [*lines, Text(""), Text(trial.response_body)]
