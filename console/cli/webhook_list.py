"""`hookline webhooks list`: the webhooks in force."""

from __future__ import annotations

import json
from typing import Any

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command


@click.command("list", cls=Command)
@output.json_option
@click.pass_obj
def list_(desk: Desk, *, as_json: bool) -> None:
    """List the webhooks in force, with the workflows that name them.

    Examples:
      hookline webhooks list
      hookline webhooks list --json | jq -r '.webhooks[] | select(.workflows == []).id'

    STATE is what is in force: what the manifest says, what pause, disable or the service itself
    has decided since, and whether the endpoint fails: `open` (left alone until the next probe).

    JSON: {"webhooks": [{id, version, state, method, url, entities, workflows, saved_at, saved_by,
    lane: {state, reason, since, by, next_probe_at, failing_since}}]}. `state` is the manifest's.
    """
    found = desk.run(_rows(desk))
    if as_json:
        output.document({"webhooks": found})
        return
    columns = ("webhook", "version", "state", "method", "url", "entities", "workflows")
    rows = [
        (
            row["id"],
            str(row["version"]),
            row["lane"]["state"],
            row["method"],
            row["url"],
            ", ".join(row["entities"] or ["any"]),
            ", ".join(row["workflows"]) or "-",
        )
        for row in found
    ]
    output.show(output.table(columns, rows) if rows else "no webhooks; see hookline apply --help")


async def _rows(desk: Desk) -> list[dict[str, Any]]:
    """Every webhook as the list shows it."""
    from console import lane_states  # noqa: PLC0415
    from console.previews import hidden_webhook  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from webhook_service.url import masked_url  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        users: dict[str, list[str]] = {}
        for workflow in sorted(session.workflows.current.values(), key=lambda one: one.id):
            for step in json.loads(workflow.spec)["then"]:
                names = users.setdefault(step["webhook"], [])
                names += [] if workflow.id in names else [workflow.id]
        lanes = await lane_states.read(session)
        rows = []
        for definition in sorted(session.webhooks.current.values(), key=lambda one: one.id):
            webhook = hidden_webhook(definition)
            rows.append(
                {
                    **output.definition_view(definition),
                    "state": webhook.state,
                    "lane": lane_states.view(definition, webhook.state, lanes),
                    "method": webhook.method,
                    "url": masked_url(webhook.url),
                    "entities": webhook.entities,
                    "workflows": users.get(definition.id, []),
                }
            )
        return rows
