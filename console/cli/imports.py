"""`hookline import`: what other systems know, as manifests."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit

if TYPE_CHECKING:
    from console.krayin import Conversion

KINDS = {
    "differs": "means something else",
    "left-out": "left out",
    "not-converted": "not converted",
}


@click.group("import", cls=Group)
def imports() -> None:
    """Definitions of other systems, converted to manifests; nothing is saved."""


@imports.command()
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True)
)
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the manifests here instead of to standard output.",
)
@click.option(
    "--state",
    type=click.Choice(["dry_run", "paused", "active"]),
    default="dry_run",
    show_default=True,
    help="Of the workflows; a dry run shows what would be sent and sends nothing.",
)
@click.option(
    "--time-zone", default="UTC", show_default=True, help="Krayin's own (its APP_TIMEZONE)."
)
@output.json_option
@click.pass_obj
def krayin(
    desk: Desk, file: Path, target: Path | None, state: str, time_zone: str, *, as_json: bool
) -> int:
    """Convert the workflows and webhooks of a Krayin CRM.

    FILE has the rows of its tables workflows and webhooks as JSON, as phpMyAdmin exports them, or
    as {"workflows": [row, …], "webhooks": [row, …]}; - reads standard input. What is equivalent is
    converted; every place where the meaning differs, and all that cannot be converted, is named on
    standard error with the reason. Save the result with hookline apply.

    Examples:
      hookline import krayin krayin.json -o krayin.yaml && hookline apply -f krayin.yaml --dry-run
      hookline import krayin krayin.json --time-zone Europe/Berlin --json | jq '.notes'

    JSON: {"manifests": […], "notes": [{kind, place, message}], "everywhere": […], "rows": count};
    kind is differs, left-out or not-converted. Exit code 1 if a row was not converted.
    """
    from console.krayin import convert, read_rows  # noqa: PLC0415
    from console.krayin.convert import EVERYWHERE  # noqa: PLC0415
    from schemas.catalog import Catalog  # noqa: PLC0415
    from webhook_service.address import networks  # noqa: PLC0415

    with click.open_file(str(file), encoding="utf-8", errors="replace") as stream:
        rows = read_rows(stream.read())
    found = convert(
        rows,
        Catalog.load(desk.settings.schemas_dir),
        state=state,  # type: ignore[arg-type]  # click.Choice has the same words
        zone=_zone(time_zone),
        allowed=networks(desk.settings.webhook_allow_networks),
    )
    manifests = _yaml(found.manifests)
    if target is not None:
        target.write_text(manifests, encoding="utf-8")
    if as_json:
        notes = [asdict(note) for note in found.notes]
        output.document(
            {
                "manifests": found.manifests,
                "notes": notes,
                "everywhere": EVERYWHERE,
                "rows": found.total,
            }
        )
    else:
        if target is None:
            click.echo(manifests, nl=False)
        _say(found, EVERYWHERE)
    return Exit.OK if len(found.manifests) == found.total else Exit.PROBLEM


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"the time zone {name!r} is unknown; there is UTC, Europe/Berlin, …"
        raise click.BadParameter(message, param_hint="--time-zone") from error


def _yaml(manifests: tuple[dict[str, Any], ...]) -> str:
    """All of them in one file, ready for `hookline apply`."""
    import yaml  # noqa: PLC0415

    return str(yaml.safe_dump_all(manifests, sort_keys=False, allow_unicode=True))


def _say(found: Conversion, everywhere: tuple[str, ...]) -> None:
    """What to know, on standard error, so that manifests can be piped on."""
    for kind, title in KINDS.items():
        notes = [note for note in found.notes if note.kind == kind]
        if notes:
            click.echo(f"\n{title}:", err=True)
            for note in notes:
                click.echo(f"  {note}", err=True)
    click.echo("\nfor all of them:", err=True)
    for sentence in everywhere:
        click.echo(f"  {sentence}", err=True)
    click.echo(f"\nconverted {len(found.manifests)} of {found.total} rows", err=True)
