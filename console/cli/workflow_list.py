"""`hookline workflows list`: the workflows in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command

if TYPE_CHECKING:
    from schemas.records import Definition


@click.command("list", cls=Command)
@output.json_option
@click.pass_obj
def list_(desk: Desk, *, as_json: bool) -> None:
    """List the workflows in force.

    Examples:
      hookline workflows list
      hookline workflows list --json | jq -r '.workflows[] | select(.state == "paused").id'

    JSON: {"workflows": [{id, version, state, entity, on, webhooks, description, saved_at, saved_by}]}
    """
    found = [_row(definition) for definition in desk.run(_current(desk)).values()]
    if as_json:
        output.document({"workflows": found})
        return
    columns = ("workflow", "version", "state", "entity", "on", "webhooks", "description")
    rows = [
        (
            row["id"],
            str(row["version"]),
            row["state"],
            row["entity"],
            ", ".join(row["on"]),
            ", ".join(row["webhooks"]),
            row["description"],
        )
        for row in found
    ]
    output.show(output.table(columns, rows) if rows else "no workflows; see hookline apply --help")


async def _current(desk: Desk) -> dict[str, Definition]:
    """The definitions in force, by id."""
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return dict(sorted(session.workflows.current.items()))


def _row(definition: Definition) -> dict[str, Any]:
    """A workflow as the list shows it."""
    spec = json.loads(definition.spec)
    return {
        **output.definition_view(definition),
        "state": spec.get("state", "active"),
        "entity": spec["entity"],
        "on": spec["on"],
        "webhooks": list(dict.fromkeys(step["webhook"] for step in spec["then"])),
        "description": spec.get("description", ""),
    }
