"""`hookline workflows list`: the workflows in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command

if TYPE_CHECKING:
    from console.counts import Count
    from schemas.records import Definition


@click.command("list", cls=Command)
@output.json_option
@click.pass_obj
def list_(desk: Desk, *, as_json: bool) -> None:
    """List the workflows in force, with what they have said about the events so far.

    EVENTS were evaluated and MATCHED since the version was saved. A workflow that used to match and
    has gone quiet is marked: so many minutes with events and without a match would be a coincidence
    of less than one in a million, and it never paused even a third as long. FAILS AT is where it
    mostly fails, and about how often (~): one event in 16 is looked into, for one workflow after the
    other.

    Examples:
      hookline workflows list
      hookline workflows list --json | jq -r '.workflows[] | select(.counts.quiet).id'

    JSON: {"workflows": [{id, version, state, entity, on, fire, webhooks, description, saved_at,
    saved_by, counts: {evaluated, matched, sampled, failed: {condition: n}, last_match,
    last_event_id, quiet} | null}]}. `failed` counts, among the sampled events, the first condition
    that failed; `counts` is null for a paused workflow.
    """
    found = desk.run(_found(desk))
    if as_json:
        output.document({"workflows": found})
        return
    columns = (
        "workflow",
        "version",
        "state",
        "entity",
        "on",
        "webhooks",
        "events",
        "matched",
        "last match",
        "fails at",
        "description",
    )
    rows = [_cells(row) for row in found]
    output.show(output.table(columns, rows) if rows else "no workflows; see hookline apply --help")


async def _found(desk: Desk) -> list[dict[str, Any]]:
    """The definitions in force, by id, with their counts."""
    from console import counts  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        said = await counts.read(session)
        current = sorted(session.workflows.current.items())
        return [_row(definition, said.get(id)) for id, definition in current]


def _row(definition: Definition, count: Count | None) -> dict[str, Any]:
    """A workflow as the list shows it."""
    spec = json.loads(definition.spec)
    return {
        **output.definition_view(definition),
        "state": spec.get("state", "active"),
        "entity": spec["entity"],
        "on": spec["on"],
        "fire": spec.get("fire", "every"),
        "webhooks": list(dict.fromkeys(step["webhook"] for step in spec["then"])),
        "description": spec.get("description", ""),
        "counts": count.view() if count else None,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    return (
        row["id"],
        str(row["version"]),
        row["state"],
        row["entity"],
        ", ".join(row["on"]),
        ", ".join(row["webhooks"]),
        *_counted(row["counts"]),
        row["description"],
    )


def _counted(counts: dict[str, Any] | None) -> tuple[str, str, str, str]:
    """Events, matches, the last match, and where it mostly fails."""
    if counts is None:
        return "-", "-", "-", ""
    at = counts["last_match"]
    last = f"{at:%F %H:%M}Z" if at else "never"
    if counts["quiet"]:
        last += " (gone quiet)"
    condition, failures = next(iter(counts["failed"].items()), ("", 0))
    where = f"{condition} (~{100 * failures // counts['sampled']} %)" if failures else ""
    return f"{counts['evaluated']:,}", f"{counts['matched']:,}", last, where
