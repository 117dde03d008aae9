"""`hookline schemas`: whether the schemas go together with every release of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit
from console.schema_check import RELEASED, SchemaReport, check_schemas, release_schemas
from schemas.catalog import Catalog

if TYPE_CHECKING:
    from console.stored_check import StoredReport

released_option = click.option(
    "--released",
    type=click.Path(file_okay=False, path_type=Path),
    default=RELEASED,
    help="Where releases are recorded; by default in the package itself.",
)


@click.group(cls=Group)
def schemas() -> None:
    """The schemas of all records, and how they may change."""


@schemas.command()
@released_option
@click.option(
    "--schemas-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Entities that are about to be used, in place of those of HOOKLINE_SCHEMAS_DIR.",
)
@click.option(
    "--workflows",
    "stored",
    is_flag=True,
    help="Also check the stored workflows and webhooks: read from Kafka, nothing is written.",
)
@output.json_option
@click.pass_obj
def check(
    desk: Desk, released: Path, schemas_dir: Path | None, *, stored: bool, as_json: bool
) -> int:
    """Compare the schemas with every release; exit code 1 if an incompatible change is found.

    A change must suit the records of all releases, in both directions (FULL_TRANSITIVE), because
    any of them may still stand in a topic or a dead letter. Entities of HOOKLINE_SCHEMAS_DIR are
    looked at too.

    With --workflows the stored workflows, and the bodies of webhooks, are compiled against these
    schemas, and each that would break is named. Run it before a schema is deployed: services start
    all the same, and what does not compile is out of force. For the schemas that a new release of
    Hookline brings, run it with that release.

    Examples:
      hookline schemas check
      hookline schemas check --workflows --schemas-dir ./next
      hookline schemas check --json | jq -r '.problems[].reason'

    JSON: {"releases": [version], "changed": [schema], "added": [schema],
    "problems": [{release, schema, reason}]}; with --workflows also "stored": {"workflows": count,
    "webhooks": count, "breaking": [{kind, id, version, already, problems: [{path, message}]}]}.
    """
    catalog = Catalog.load(schemas_dir or desk.settings.schemas_dir)
    report = check_schemas(catalog, released)
    found = desk.run(_stored(desk, catalog, changed=schemas_dir is not None)) if stored else None
    if as_json:
        beside = {"stored": found.view()} if found else {}
        output.document({**asdict(report), **beside})
    else:
        _say(report)
        if found:
            _say_stored(found)
    return Exit.PROBLEM if report.problems or (found and found.breaking) else Exit.OK


async def _stored(desk: Desk, catalog: Catalog, *, changed: bool) -> StoredReport:
    """What the stored definitions make of the schemas."""
    from console.session import opened  # noqa: PLC0415
    from console.stored_check import check_stored  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        workflows, webhooks = session.workflows.current, session.webhooks.current
        used = session.catalog if changed else None
        return check_stored(workflows, webhooks, catalog, used)


def _say(report: SchemaReport) -> None:
    """The comparison with the releases, for people."""
    for problem in report.problems:
        click.echo(str(problem))
    for what, names in (("changed", report.changed), ("new", report.added)):
        if names and report.releases:
            click.echo(f"{what} since {report.releases[-1]}: {', '.join(names)}")
    against = f"{len(report.releases)} releases" if report.releases else "no release yet"
    click.echo(f"compared with {against}: {len(report.problems) or 'no'} incompatible changes")


def _say_stored(found: StoredReport) -> None:
    """What the stored definitions make of the schemas, for people."""
    for one in found.breaking:
        for line in one.lines():
            click.echo(line)
    click.echo(
        f"checked what is stored, workflows: {found.workflows}, webhooks: {found.webhooks}: "
        f"{len(found.breaking) or 'none'} would not work with these schemas"
    )


@schemas.command()
@click.argument("version")
@released_option
@output.json_option
@click.pass_obj
def release(desk: Desk, version: str, released: Path, *, as_json: bool) -> None:
    """Record the schemas as those of a release; what is recorded never changes.

    Examples:
      hookline schemas release 0.2.0
      hookline schemas release 0.2.0 --released ./released --json

    JSON: {"version": …, "files": [path]}. Exit code 2 if a change is incompatible, or the version
    is recorded already.
    """
    files = release_schemas(Catalog.load(desk.settings.schemas_dir), version, released)
    if as_json:
        output.document({"version": version, "files": [str(path) for path in files]})
    else:
        click.echo(f"recorded {len(files)} schemas in {released / version}")
