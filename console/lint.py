"""What is doubtful about definitions taken together: loops, actions that reach nobody, dry runs.

Pure.  Nothing here is wrong enough to be refused when it is saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from console.cycles import MOST, Cycle, cycles_of
from schemas.catalog import Catalog
from webhook_service.webhook import Webhook
from workflow_service.language.check import check_warnings
from workflow_service.language.workflow import Workflow

Kind = Literal["cycle", "condition", "webhook", "dry-run", "undeclared"]
#: A dry run is to be looked at for a while and then decided about.
LONG_DRY_RUN: Final = timedelta(days=7)
#: Names in one sentence.
NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Definitions:
    """What is looked at.

    Attributes:
        saved_at: Of the workflows that are saved; what was never saved is not in it.
        about: The definitions that are asked about, as `workflow/id` and `webhook/id`; empty: all.
    """

    workflows: Mapping[str, Workflow]
    webhooks: Mapping[str, Webhook]
    saved_at: Mapping[str, datetime] = field(default_factory=dict)
    about: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to think about.

    Attributes:
        about: The definitions that it is about, as `workflow/id` and `webhook/id`.
        path: Of a cycle: each part, as it is to be read.
    """

    kind: Kind
    message: str
    advice: str
    about: tuple[str, ...]
    path: tuple[str, ...] = ()

    @property
    def warns(self) -> bool:
        """False for what only says how far the others can be trusted."""
        return self.kind != "undeclared"

    def view(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "kind": self.kind,
            "message": self.message,
            "advice": self.advice,
            "about": list(self.about),
            "path": list(self.path),
        }


def lint(
    given: Definitions, catalog: Catalog, now: datetime, *, everything: bool = False
) -> tuple[Finding, ...]:
    """All findings, cycles first.

    Args:
        everything: Also follow what is paused or tried out, as if it were active.
    """
    acting, called = _acting(given, everything=everything)
    found = (
        *_cycles(acting, called),
        *_conditions(given.workflows.values(), catalog),
        *_unreached(acting, given.webhooks),
        *_dry_runs(given, now),
        *_undeclared(acting, called),
    )
    return _asked(found, given)


def cycle_findings(given: Definitions) -> tuple[Finding, ...]:
    """The cycles alone, of what is active."""
    return _asked(_cycles(*_acting(given, everything=False)), given)


def _acting(
    given: Definitions, *, everything: bool
) -> tuple[Mapping[str, Workflow], Mapping[str, Webhook]]:
    """What is active, or everything."""
    return (
        {id: it for id, it in given.workflows.items() if everything or it.state == "active"},
        {id: it for id, it in given.webhooks.items() if everything or it.state == "active"},
    )


def _asked(found: Iterable[Finding], given: Definitions) -> tuple[Finding, ...]:
    """Those that are about what is asked about."""
    return tuple(each for each in found if not given.about or given.about & set(each.about))


def _cycles(
    workflows: Mapping[str, Workflow], webhooks: Mapping[str, Webhook]
) -> Iterator[Finding]:
    found = cycles_of(workflows, webhooks)
    for cycle in found:
        about = (
            *(f"workflow/{turn.workflow}" for turn in cycle.turns),
            *(f"webhook/{turn.webhook}" for turn in cycle.turns),
        )
        path = (*map(str, cycle.turns), cycle.turns[0].workflow)
        what = "can set itself off" if len(cycle.turns) == 1 else "can set each other off"
        names = " and ".join(dict.fromkeys(cycle.workflows))
        more = f" (only the first {MOST} cycles are shown)" if len(found) == MOST else ""
        message = f"{names} {what}, again and again: {cycle}{more}"
        yield Finding(
            "cycle", message, _advice(cycle, workflows), tuple(dict.fromkeys(about)), path
        )


def _advice(cycle: Cycle, workflows: Mapping[str, Workflow]) -> str:
    """What ends a cycle, of what its workflows do not say yet."""
    members = [workflows[id] for id in cycle.workflows]
    ways = ["source: {not_in: [workflow]}, if it need not see what webhooks' receivers write"]
    if not all(workflow.when_changed for workflow in members):
        ways.append("when_changed with fields that the receiver does not write")
    if any(workflow.only_if and workflow.fire == "every" for workflow in members):
        ways.append("fire: on_entering, to fire once when its condition becomes true")
    one = "this workflow" if len(members) == 1 else "one of these workflows"
    return (
        f"give {one} {'; or '.join(ways)}. Without that the chain ends in a dead letter after "
        "HOOKLINE_MAX_HOPS actions, if the receiver hands the X- headers on, and never if it does not"
    )


def _conditions(workflows: Iterable[Workflow], catalog: Catalog) -> Iterator[Finding]:
    for workflow in workflows:
        for problem in check_warnings(workflow, catalog):
            yield Finding(
                "condition",
                f"{workflow.id}: {problem}",
                "take it out, or say what was meant",
                (f"workflow/{workflow.id}",),
            )


def _unreached(
    workflows: Mapping[str, Workflow], webhooks: Mapping[str, Webhook]
) -> Iterator[Finding]:
    for workflow in workflows.values():
        for id in workflow.webhooks:
            webhook = webhooks.get(id)
            about = (f"workflow/{workflow.id}", f"webhook/{id}")
            if webhook is None:
                message = f"{workflow.id} names the webhook {id}, which does not exist"
                advice = "apply it, or its actions become dead letters"
                yield Finding("webhook", message, advice, about)
            elif webhook.state != "active":
                message = f"{workflow.id} is {workflow.state} and its webhook {id} {webhook.state}"
                advice = f"its deliveries wait until {id} is active; pause the workflow if none are wanted"
                yield Finding("webhook", message, advice, about)


def _dry_runs(given: Definitions, now: datetime) -> Iterator[Finding]:
    for id, workflow in given.workflows.items():
        saved_at = given.saved_at.get(id)
        if workflow.state != "dry_run" or saved_at is None or now - saved_at < LONG_DRY_RUN:
            continue
        message = f"{id} has been a dry run for {(now - saved_at).days} days: nothing is delivered"
        yield Finding("dry-run", message, "make it active, or paused", (f"workflow/{id}",))


def _undeclared(
    workflows: Mapping[str, Workflow], webhooks: Mapping[str, Webhook]
) -> Iterator[Finding]:
    users = {
        f"workflow/{workflow.id}": silent
        for workflow in workflows.values()
        if (
            silent := {
                id for id in workflow.webhooks if id in webhooks and webhooks[id].writes is None
            }
        )
    }
    named = sorted(set().union(*users.values()))
    if not named:
        return
    shown = ", ".join(named[:NAMED])
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    message = f"cycles through {shown}{more} cannot be seen: they do not declare what their receivers write"
    advice = (
        "declare it in the webhook's manifest, such as writes: {lead: [updated]}, or writes: {}"
    )
    about = (*(f"webhook/{id}" for id in named), *users)
    yield Finding("undeclared", message, advice, about)
