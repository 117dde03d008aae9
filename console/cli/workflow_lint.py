"""`hookline workflows lint`: what is doubtful about definitions taken together, loops above all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit

if TYPE_CHECKING:
    from console.lint import Finding


@click.command(cls=Command)
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, metavar="[FILE]...")
@click.option("--alone", is_flag=True, help="Look at the files alone, without Kafka.")
@click.option("--all", "everything", is_flag=True, help="Also follow what is paused or a dry run.")
@output.json_option
@click.pass_obj
def lint(
    desk: Desk, paths: tuple[Path, ...], *, alone: bool, everything: bool, as_json: bool
) -> int:
    """Warn about workflows that can set each other off, and about actions that reach nobody.

    Without a FILE all saved definitions are looked at; with one (or a directory), what there would
    be if it were applied, and only what concerns it is shown. What a receiver writes back nobody can
    see: a webhook's manifest declares it, such as `writes: {lead: [updated]}`, or `writes: {}`.

    Also shown: conditions that are always true, webhooks that are paused, disabled or missing, and
    workflows that have been a dry run for more than a week.

    Examples:
      hookline workflows lint
      hookline workflows lint hooks/ --alone
      hookline workflows lint --json | jq -r '.findings[] | select(.kind == "cycle") | .path[]'

    JSON: {"findings": [{kind, message, advice, about: [kind/id], path: [part]}], "warnings": n};
    `kind` is cycle, condition, webhook, dry-run or undeclared, and the last is no warning. Exit code
    1 if there are warnings, 2 if a file is wrong.
    """
    if alone and not paths:
        message = "--alone looks at files: name one"
        raise click.UsageError(message)
    found = desk.run(_found(desk, paths, alone=alone, everything=everything))
    warnings = sum(finding.warns for finding in found)
    if as_json:
        output.document({"findings": [each.view() for each in found], "warnings": warnings})
    else:
        output.show(*(line for finding in found for line in _lines(finding)))
        click.echo(f"{warnings} warnings" if warnings else "no warnings")
    return Exit.PROBLEM if warnings else Exit.OK


async def _found(
    desk: Desk, paths: tuple[Path, ...], *, alone: bool, everything: bool
) -> tuple[Finding, ...]:
    """Everything that is doubtful."""
    from console.catalogs import catalog_of  # noqa: PLC0415
    from console.definitions_at_hand import saved, with_manifests  # noqa: PLC0415
    from console.lint import Definitions  # noqa: PLC0415
    from console.lint import lint as look  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415
    from runtime.manifests import load  # noqa: PLC0415
    from webhook_service.address import networks  # noqa: PLC0415

    there = Definitions({}, {})
    if not alone:
        async with opened(desk.settings, desk.broker) as session:
            there = saved(session)
    catalog = catalog_of(desk.settings.schemas_dir)
    if paths:
        allowed = networks(desk.settings.webhook_allow_networks)
        there = with_manifests(there, load(paths), catalog, allowed)
    return look(there, catalog, desk.clock.now(), everything=everything)


def _lines(finding: Finding) -> list[Text]:
    """One finding for people."""
    word, style = ("warning", "yellow") if finding.warns else ("note", "dim")
    return [
        Text.assemble((f"{word}: ", style), finding.message),
        Text(f"  {finding.advice}"),
    ]
