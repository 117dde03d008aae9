"""`hookline schemas`: whether the schemas go together with every release of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit
from console.schema_check import RELEASED, check_schemas, release_schemas
from schemas.catalog import Catalog

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
@output.json_option
@click.pass_obj
def check(desk: Desk, released: Path, *, as_json: bool) -> int:
    """Compare the schemas with every release; exit code 1 if an incompatible change is found.

    A change must suit the records of all releases, in both directions (FULL_TRANSITIVE), because
    any of them may still stand in a topic or a dead letter. Entities of HOOKLINE_SCHEMAS_DIR are
    looked at too.

    Examples:
      hookline schemas check
      hookline schemas check --json | jq -r '.problems[].reason'

    JSON: {"releases": [version], "changed": [schema], "added": [schema],
    "problems": [{release, schema, reason}]}
    """
    report = check_schemas(Catalog.load(desk.settings.schemas_dir), released)
    if as_json:
        output.document(asdict(report))
        return Exit.PROBLEM if report.problems else Exit.OK
    for problem in report.problems:
        click.echo(str(problem))
    for what, names in (("changed", report.changed), ("new", report.added)):
        if names and report.releases:
            click.echo(f"{what} since {report.releases[-1]}: {', '.join(names)}")
    against = f"{len(report.releases)} releases" if report.releases else "no release yet"
    click.echo(f"compared with {against}: {len(report.problems) or 'no'} incompatible changes")
    return Exit.PROBLEM if report.problems else Exit.OK


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
