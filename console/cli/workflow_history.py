"""`hookline workflows history`: every version of a workflow, with what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command

if TYPE_CHECKING:
    from console.history import History
    from schemas.records import Definition


@click.command(cls=Command)
@click.argument("workflow_id")
@output.json_option
@click.pass_obj
def history(desk: Desk, workflow_id: str, *, as_json: bool) -> None:
    """List the versions of a workflow: when, by whom, and what changed.

    A removal is a version too. `workflows show --version` prints one whole, `workflows explain
    --version` says what it makes of an event.

    Examples:
      hookline workflows history lead-won
      hookline workflows history lead-won --json | jq -r '.versions[] | [.version, .saved_by] | @tsv'

    JSON: {"workflow", "complete", "versions": [{id, version, saved_at, saved_by, what,
    diff: [line]}], "unreadable": [sentence]}; `what` is created, changed or removed, `complete`
    false if the first versions are not kept. Exit code 1 if there never was such a workflow.
    """
    found = desk.run(_history(desk, workflow_id))
    if as_json:
        output.document(_view(found))
        return
    if not found.complete:
        output.note("what was saved before there was a topic for the history is not kept")
    for sentence in found.unreadable:
        output.note(sentence)
    output.show(*_lines(found))


async def _history(desk: Desk, workflow_id: str) -> History:
    """All versions of one workflow."""
    from console.history import history_of  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        return await history_of(session, workflow_id)


def _what(definition: Definition, *, first: bool) -> str:
    """What a version did to the workflow."""
    from runtime.definitions import is_removed  # noqa: PLC0415

    if is_removed(definition):
        return "removed"
    return "created" if first else "changed"


def _view(found: History) -> dict[str, Any]:
    """For `--json`."""
    versions = [
        {
            **output.definition_view(definition),
            "what": _what(definition, first=definition.version == 1),
            "diff": list(diff),
        }
        for definition, diff in found.steps()
    ]
    return {
        "workflow": found.id,
        "complete": found.complete,
        "versions": versions,
        "unreadable": list(found.unreadable),
    }


_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _lines(found: History) -> list[Text]:
    """Each version with its diff."""
    lines = []
    for definition, diff in found.steps():
        what = _what(definition, first=definition.version == 1)
        saved = f"{output.moment(definition.saved_at)} by {definition.saved_by}"
        lines.append(Text(f"version {definition.version} {what} {saved}", "bold"))
        lines += [Text(f"  {line}", _DIFF_STYLES.get(line[:1], "")) for line in diff]
    return lines
