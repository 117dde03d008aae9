"""Counts at the end what stands on the topics, in the receiver's log and in the services' metrics."""

from __future__ import annotations

import re

from console.demo.expectations import Count
from console.demo.manifests import ATTEMPTS
from console.demo.stage import Stage
from console.plan import MEMBERS
from schemas import headers

#: Which counter of a member says that it has worked, per kind of member.
WORKED = {
    "workflows": "hookline_workflow_events_total",
    "webhooks": "hookline_delivery_attempts_total",
}


async def count(stage: Stage) -> None:
    """Count everything, show the table, keep the counts."""
    stage.tally.counts.extend([*_topics(stage), *await _receiver(stage), *await _members(stage)])
    stage.screen.totals(stage.tally.counts)


def _topics(stage: Stage) -> list[Count]:
    """What stands on the topics."""
    witness, topics = stage.witness, stage.session.topics
    settled = [one for one in witness.letters if _has(one.headers, headers.RESOLVES)]
    delivered = {one.action_id for one in witness.attempts if one.outcome == "delivered"}
    failed = [one for one in witness.attempts if one.outcome != "delivered"]
    distinct = {action.action_id for action, _ in witness.actions}
    return [
        Count("changes → events", stage.changes, len(witness.events), f"{topics.prefix}.*.events"),
        Count("matches → actions", stage.matches, len(distinct), topics.actions),
        Count(
            "actions written, replays included",
            stage.matches + stage.replays,
            len(witness.actions),
            topics.actions,
        ),
        Count("actions delivered", stage.matches, len(delivered), topics.attempts),
        Count("failed attempts", ATTEMPTS, len(failed), topics.attempts, at_least=True),
        Count("dead letters", 1, len(witness.letters) - len(settled), topics.dead(topics.actions)),
        Count("dead letters resolved", 1, len(settled), topics.dead(topics.actions)),
    ]


async def _receiver(stage: Stage) -> list[Count]:
    """What the receiver says."""
    arrived = await stage.arrivals()
    accepted = {one["webhook_id"] for one in arrived if one["answered"] == 200}  # noqa: PLR2004
    unverified = [one for one in arrived if not one["verified"]]
    place = "the receiver's log"
    return [
        Count("webhook-ids accepted", stage.matches, len(accepted), place),
        Count(
            "requests verified",
            stage.matches + ATTEMPTS,
            len(arrived) - len(unverified),
            place,
            at_least=True,
        ),
        Count("requests with a bad signature", 0, len(unverified), place),
    ]


async def _members(stage: Stage) -> list[Count]:
    """How many members of each service did some of the work."""
    return [
        Count(
            f"{kind} members that worked", MEMBERS, await _workers(stage, kind, counter), "/metrics"
        )
        for kind, counter in WORKED.items()
    ]


async def _workers(stage: Stage, kind: str, counter: str) -> int:
    """How many members of a service have counted something."""
    worked = 0
    shares = []
    for child in stage.system.children:
        if not child.program.name.startswith(f"{kind}-"):
            continue
        async with stage.system.http.get(f"{child.program.url}/metrics") as answer:
            done = total(await answer.text(), counter)
        shares.append(f"{child.program.name}: {done:.0f}")
        worked += done > 0
    stage.screen.fact(f"{kind} share", ", ".join(shares))
    return worked


def total(metrics: str, counter: str) -> float:
    """The sum over all labels of a counter in Prometheus' text format."""
    values = re.findall(rf"^{counter}(?:{{[^}}]*}})? (\S+)$", metrics, re.MULTILINE)
    return sum(map(float, values))


def _has(found: tuple[tuple[str, bytes], ...], name: str) -> bool:
    """Whether a header is there."""
    return any(header == name for header, _ in found)
