"""`hookline apply`: manifests checked as a whole, shown as a diff, then saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command

if TYPE_CHECKING:
    from console.changes import Change, Plan
    from schemas.errors import Problem


@click.command(cls=Command)
@click.option(
    "-f",
    "--file",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="A YAML file, or a directory of them; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Check and show the diff; write nothing.")
@click.option("--prune", is_flag=True, help="Remove whatever is saved and not in the manifests.")
@click.option("--yes", is_flag=True, help="Do not ask before removing with --prune.")
@output.json_option
@click.pass_obj
def apply(
    desk: Desk, paths: tuple[Path, ...], *, dry_run: bool, prune: bool, yes: bool, as_json: bool
) -> None:
    """Save workflows and webhooks: all of them, or, if anything is wrong, none.

    Every problem is named with its file, line and path. Running services take changes up within a
    second. Secrets are sealed with HOOKLINE_SECRET_KEYS before they leave this machine.

    Examples:
      hookline apply -f hooks/ --dry-run
      hookline apply -f hooks/
      hookline apply -f webhooks.yaml -f workflows.yaml --prune

    A manifest:
      kind: Workflow
      id: big-lead
      entity: lead
      on: [created, updated]
      only_if: {field: after.lead_value, at_least: 10000}
      then: [{webhook: sales}]
      ---
      kind: Webhook
      id: sales
      url: https://example.com/hooks/sales

    A condition that is always true is saved, with a warning; so are workflows that can set each
    other off (see `hookline workflows lint`).

    JSON: {"dry_run": bool, "changes": [{kind, id, what, version, diff: [line]}], "warnings":
    [{place, message}]}; `what` is create, update, remove or unchanged. Exit code 2 if anything is
    wrong with the manifests.
    """
    planned, odd = desk.run(_apply(desk, paths, dry_run=dry_run, prune=prune, yes=yes))
    if as_json:
        changes = [_view(change) for change in planned.changes]
        warnings = [{"place": each.place, "message": each.message} for each in odd]
        output.document({"dry_run": dry_run, "changes": changes, "warnings": warnings})
        return
    for each in odd:
        click.echo(f"warning: {each}", err=True)
    output.show(*(_lines(planned)))
    would = "would be " if dry_run else ""
    words = (("create", "created"), ("update", "updated"), ("remove", "removed"))
    counts = [f"{planned.count(what)} {would}{done}" for what, done in words]  # type: ignore[arg-type]
    click.echo(", ".join([*counts, f"{planned.count('unchanged')} unchanged"]))


async def _apply(
    desk: Desk, paths: tuple[Path, ...], *, dry_run: bool, prune: bool, yes: bool
) -> tuple[Plan, tuple[Problem, ...]]:
    """Check, show, ask, save; what was changed, and what is odd about it."""
    from console.apply import Author, prepare  # noqa: PLC0415
    from console.apply import apply as save  # noqa: PLC0415
    from console.definitions_at_hand import loops  # noqa: PLC0415
    from console.oddities import oddities  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from runtime.manifests import load  # noqa: PLC0415

    manifests = load(paths)
    async with opened(desk.settings, desk.broker) as session:
        planned = await prepare(session, manifests, prune=prune)
        odd = (*oddities(manifests, session.catalog), *loops(session, manifests, prune=prune))
        if dry_run or not planned.writes:
            return planned, odd
        removed = [change.id for change in planned.writes if change.what == "remove"]
        if removed and not yes:
            click.confirm(f"Remove {', '.join(removed)}?", abort=True, err=True)
        author = Author(desk.operator, desk.clock)
        return await save(session, manifests, author, shown=planned, prune=prune), odd


def _view(change: Change) -> dict[str, Any]:
    """One change for `--json`."""
    return {
        "kind": change.kind,
        "id": change.id,
        "what": change.what,
        "version": change.version,
        "diff": change.diff,
    }


_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _lines(planned: Plan) -> list[Text]:
    """The diff of every change."""
    lines = []
    for change in planned.writes:
        lines.append(
            Text(f"{change.what} {change.kind} {change.id} (version {change.version})", "bold")
        )
        lines += [Text(f"  {line}", _DIFF_STYLES.get(line[:1], "")) for line in change.diff]
    return lines
