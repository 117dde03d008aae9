"""Runs a soak from its first event to its verdict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.broker import Span
from runtime.clock import SystemClock
from runtime.local_broker import JvmBroker
from soak import fire
from soak import plan as plans
from soak.findings import Findings
from soak.plan import Plan
from soak.system import System, system


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a soak ended.

    Attributes:
        problems: Everything that is not as promised; empty if all is.
        figures: What happened, for people.
    """

    problems: tuple[str, ...]
    figures: Mapping[str, object]


async def soak(plan: Plan, broker: JvmBroker, environ: Mapping[str, str], folder: Path) -> Verdict:
    """One soak on a broker of its own.

    Raises:
        TimeoutError: The events were not worked off in the plan's time; the members' logs are in
            the folder.
    """
    async with system(plan, broker.bootstrap_servers, environ, folder) as place:
        time = asyncio.get_running_loop().time
        began, definitions = time(), fire.Definitions(place, SystemClock())
        await definitions.begin()
        still = asyncio.Event()
        async with _beside(definitions.keep_changing(plan)):
            async with (
                _beside(fire.keep_killing(place, plan)),
                _beside(fire.stand_still(broker, plan, still)),
            ):
                await fire.publish(place, plan, still)
            published = time()
            async with asyncio.timeout(plan.give_up_s):
                await fire.until(place, plan.events)
        worked_off = time()
        for member in place.members:
            member.revive()
        codes = [await asyncio.to_thread(member.stop) for member in place.members]
        findings = await _judge(place, plan, definitions)
    problems = findings.problems
    if findings.least > len(definitions.saves[plans.FLIPPING]):
        problems.append(f"flipping needs a version {findings.least}, which was never saved")
    if any(codes):
        problems.append(f"members did not stop well: {codes}")
    figures = {
        "events": plan.events,
        "actions": findings.actions,
        "publishing_s": round(published - began, 1),
        "worked_off_s": round(worked_off - began, 1),
        "events_per_s": round(plan.events / (worked_off - began)),
        "changes": sum(len(definitions.saves[workflow]) for workflow in plans.CHANGING),
        "kills": sum(member.kills for member in place.members),
        "ended_by_themselves": [code for member in place.members for code in member.ends],
        "broker_still_s": plan.still_s,
        "latest_use_of_a_replaced_version_s": round(findings.latest_s, 2),
    }
    return Verdict(tuple(problems), figures)


async def _judge(place: System, plan: Plan, definitions: fire.Definitions) -> Findings:
    """Read every action as a consumer would: committed ones only."""
    findings = Findings(plan)
    span = Span(place.settings.topics.actions, settled=True)
    decode, saves = place.ground.codec.decode_action, definitions.saves[plans.TURNING]
    async for record in place.broker.reader().scan(span):
        action = decode(record.value)
        findings.take(record.partition, action)
        if action.workflow_id == plans.TURNING:
            findings.timely(saves, action)
    findings.conclude()
    return findings


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work for as long as the block lasts; if it fails before, that is raised at the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
