"""`hookline workflows test`: tests of workflows, for their owners' own CI."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.exits import Exit


@click.command("test", cls=Command)
@click.argument(
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    nargs=-1,
    required=True,
    metavar="FILE...",
)
@output.json_option
@click.pass_obj
def test(desk: Desk, files: tuple[Path, ...], *, as_json: bool) -> int:
    """Run tests of workflows; needs no Kafka.

    A FILE names manifests, relative to itself, and lists cases: an event as the gateway takes it,
    and whether the workflow must match, the webhooks of its actions in order, and the body of the
    first of them (JSON, or a text) or, as bodies, of each (null: any). What is not expected is not looked at, but match, which is true
    unless it says false.

      workflows: hooks.yaml
      cases:
        - name: a big lead that is won goes to sales
          workflow: big-lead-won
          event:
            before: {id: "7", title: Ship, stage: {id: new}}
            after: {id: "7", title: Ship, stage: {id: won}}
          expect: {match: true, actions: [sales-desk]}

    Examples:
      hookline workflows test tests/*.yaml
      hookline workflows test hooks-test.yaml --json | jq '.results[] | select(.passed | not)'

    JSON: {"results": [{name, workflow, place, passed, failure}], "passed": n, "failed": n}. Exit
    code 1 if a case fails, 2 if a file is wrong.
    """
    from console.catalogs import catalog_of  # noqa: PLC0415
    from console.workflow_tests import run_file  # noqa: PLC0415
    from webhook_service.address import networks  # noqa: PLC0415

    catalog = catalog_of(desk.settings.schemas_dir)
    allowed, now = networks(desk.settings.webhook_allow_networks), desk.clock.now()
    results = [each for file in files for each in run_file(file, catalog, allowed, now)]
    failed = [each for each in results if each.failure]
    passed = len(results) - len(failed)
    if as_json:
        views = [each.view() for each in results]
        output.document({"results": views, "passed": passed, "failed": len(failed)})
        return Exit.PROBLEM if failed else Exit.OK
    for each in failed:
        click.echo(f"✗ {each.place}: {each.name}\n    {each.failure}")
    click.echo(f"{passed} passed, {len(failed)} failed")
    return Exit.PROBLEM if failed else Exit.OK
