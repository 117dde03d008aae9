"""`hookline topics`: makes the topics, and finds drift."""

from __future__ import annotations

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Group
from console.cli.exits import Exit


@click.group(cls=Group)
def topics() -> None:
    """The topics of the system: made once, then only looked at."""


@topics.command()
@output.json_option
@click.pass_obj
def create(desk: Desk, *, as_json: bool) -> int:
    """Create the topics that are missing; what exists is never changed.

    Prefix, partitions and replication come from HOOKLINE_TOPIC_PREFIX, _PARTITIONS and
    _REPLICATION, the retry tiers from HOOKLINE_RETRY_TIERS_MS. Drift of existing topics is
    reported, and makes the exit code 1.

    Example:
      HOOKLINE_TOPIC_REPLICATION=3 hookline topics create

    JSON: {"created": [name], "existing": [name], "drift": [sentence]}
    """
    created, existing, drift = desk.run(_create(desk))
    if as_json:
        output.document({"created": created, "existing": existing, "drift": drift})
    else:
        for name in created:
            click.echo(f"created {name}")
        click.echo(f"{len(created)} created, {len(existing)} were there already")
        _say(drift)
    return Exit.PROBLEM if drift else Exit.OK


@topics.command()
@output.json_option
@click.pass_obj
def check(desk: Desk, *, as_json: bool) -> int:
    """Compare the topics with what they should be; exit code 1 if anything differs.

    Examples:
      hookline topics check
      hookline topics check --json | jq -r '.drift[]'

    JSON: {"checked": count, "drift": [sentence]}
    """
    checked, drift = desk.run(_check(desk))
    if as_json:
        output.document({"checked": checked, "drift": drift})
    else:
        _say(drift)
        click.echo(f"{checked} topics checked, {len(drift) or 'no'} differences")
    return Exit.PROBLEM if drift else Exit.OK


def _say(drift: tuple[str, ...]) -> None:
    """One sentence a line."""
    for sentence in drift:
        click.echo(f"drift: {sentence}")


async def _create(desk: Desk) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What was created, what was there, what differs."""
    from console.catalogs import catalog_of  # noqa: PLC0415
    from runtime.topics import ensure  # noqa: PLC0415

    settings = desk.settings
    wanted = settings.topics.all(catalog_of(settings.schemas_dir).entities)
    admin = desk.broker.admin()
    try:
        report = await ensure(admin, wanted, settings.topic_replication)
    finally:
        await admin.close()
    return report.created, report.existing, report.drift


async def _check(desk: Desk) -> tuple[int, tuple[str, ...]]:
    """How many topics were looked at, and what differs."""
    from console.catalogs import catalog_of  # noqa: PLC0415
    from runtime.topics import check as differences  # noqa: PLC0415

    settings = desk.settings
    wanted = list(settings.topics.all(catalog_of(settings.schemas_dir).entities))
    admin = desk.broker.admin()
    try:
        return len(wanted), await differences(admin, wanted)
    finally:
        await admin.close()
