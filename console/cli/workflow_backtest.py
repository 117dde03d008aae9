"""`hookline workflows backtest`: what a workflow would have done with the events there are."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli import output
from console.cli.desk import Desk
from console.cli.examples import Command
from console.cli.options import bound, since_option
from console.errors import NotFoundError
from schemas.errors import ConfigurationError, DefinitionError

if TYPE_CHECKING:
    from console.backtest import Report
    from console.session import Session
    from schemas.errors import Problem
    from workflow_service.language.compiled import CompiledWorkflow


@click.command(cls=Command)
@click.argument("what", metavar="FILE|ID")
@since_option("7d")
@output.json_option
@click.pass_obj
def backtest(desk: Desk, what: str, since: timedelta | datetime | None, *, as_json: bool) -> None:
    """Say what a workflow would have done with the events of its entity; nothing is written.

    FILE is a manifest of one workflow, which is compared, event by event, with the version in force
    of the same id; ID is a saved workflow. A near miss is an event for which exactly one part did
    not hold. A once_per_record workflow is taken to fire for the first event of each record in the
    window: what fired before is not asked. Requests are
    counted by the hour, and by the day where that would make more than 1,000 rows. State is not looked at, so a paused one can be tried.

    Examples:
      hookline workflows backtest big-lead-won.yaml --since 7d
      hookline workflows backtest big-lead-won --json | jq '.requests'

    JSON: {"workflow", "version_in_force", "events", "evaluated", "unreadable", "matched",
    "once_per_record", "matches",
    "looked_into", "near", "near_misses": [{event_id, entity_id, topic, partition, offset,
    occurred_at, path, condition}], "requests": [{webhook, hour, requests}], "requests_per": hour | day, "difference": {both,
    only_new, only_old, samples_new, samples_old} | null}. At most 20 samples of each kind.
    """
    at = bound(since, desk.clock.now())
    report, compared = desk.run(_report(desk, what, at, file=Path(what).is_file()))
    if as_json:
        output.document({"workflow": what, "version_in_force": compared, **report.view()})
    else:
        _say(report, compared)


async def _report(
    desk: Desk, what: str, since: datetime | None, *, file: bool
) -> tuple[Report, int | None]:
    """What was found, and the version that it was compared with."""
    from console.backtest import backtest as run  # noqa: PLC0415
    from console.session import opened  # noqa: PLC0415

    async with opened(desk.settings, desk.broker) as session:
        saved = session.workflows.current
        if not file:
            if what not in saved:
                known = ", ".join(sorted(saved)) or "none"
                message = f"no file and no workflow {what!r}; there are the workflows {known}"
                raise NotFoundError(message)
            return await run(session, _usable(_compiled(session, what)), None, since), None
        new = _in_file(session, Path(what))
        id = new.workflow.id
        old = _compiled(session, id) if id in saved else None
        if old is None or isinstance(old, tuple) or old.workflow.entity != new.workflow.entity:
            output.note(_why_alone(id, new, old))
            return await run(session, new, None, since), None
        return await run(session, new, old, since), old.version


def _compiled(session: Session, id: str) -> CompiledWorkflow | tuple[Problem, ...]:
    from workflow_service.library import compile_definition  # noqa: PLC0415

    return compile_definition(session.workflows.current[id], session.catalog)


def _why_alone(
    id: str, new: CompiledWorkflow, old: CompiledWorkflow | tuple[Problem, ...] | None
) -> str:
    """Why a file is compared with nothing."""
    if old is None:
        return f"nothing to compare with: no workflow {id!r} is saved"
    if isinstance(old, tuple):
        return f"not compared: the saved {id!r} does not fit the schemas any more"
    return (
        f"not compared: the saved {id!r} is about {old.workflow.entity}, the file about "
        f"{new.workflow.entity}, so no event is asked of both"
    )


def _usable(compiled: CompiledWorkflow | tuple[Problem, ...]) -> CompiledWorkflow:
    """It, or an error with all that is wrong with it."""
    if isinstance(compiled, tuple):
        raise DefinitionError(compiled)
    return compiled


def _in_file(session: Session, path: Path) -> CompiledWorkflow:
    """The one workflow of a file."""
    from runtime.manifests import load  # noqa: PLC0415
    from workflow_service.language.compiled import compile_workflow  # noqa: PLC0415
    from workflow_service.language.parse import parse_workflow  # noqa: PLC0415
    from workflow_service.language.workflow import Workflow  # noqa: PLC0415

    manifests = load([path])
    if manifests.problems:
        raise DefinitionError(manifests.problems)
    workflows = [each for each in manifests.definitions if each.kind == "workflow"]
    if len(workflows) != 1:
        message = f"{path} has {len(workflows)} workflows; a backtest takes one"
        raise ConfigurationError(message)
    parsed = parse_workflow(workflows[0].content)
    made = compile_workflow(parsed, 1, session.catalog) if isinstance(parsed, Workflow) else parsed
    if isinstance(made, tuple):
        raise DefinitionError(tuple(map(workflows[0].at, made)))
    return made


def _say(report: Report, compared: int | None) -> None:
    """The report for people."""
    unreadable = f", {report.unreadable:,} unreadable" if report.unreadable else ""
    click.echo(
        f"{report.events:,} events, {report.evaluated:,} evaluated, {report.matched:,} matched"
        f"{unreadable}"
    )
    if report.once:
        click.echo("once per record: what fired before this window is not known here")
    if report.requests:
        rows = [(w, hour, f"{count:,}") for (w, hour), count in sorted(report.requests.items())]
        output.show(
            output.table(
                ("webhook", "day" if report.by_day else "hour", "requests"), rows, "requests"
            )
        )
    _samples("matches", report.matches)
    title = f"near misses ({report.near:,} of {report.looked_into:,} looked into)"
    _samples(title, report.near_misses)
    if compared is not None:
        click.echo(
            f"beside version {compared}: {report.both:,} by both, {report.gained:,} only by the new, "
            f"{report.lost:,} only by the one in force"
        )
        _samples("only the new", report.only_new)
        _samples("only the one in force", report.only_old)


def _samples(title: str, samples: list[dict[str, Any]]) -> None:
    if not samples:
        return
    rows = [
        (
            str(each["event_id"]),
            str(each["entity_id"]),
            f"{each['topic']}:{each['partition']}:{each['offset']}",
            str(each.get("condition", "")) or ", ".join(each.get("webhooks", ())),
        )
        for each in samples
    ]
    output.show(output.table(("event", "record", "place", ""), rows, title))
