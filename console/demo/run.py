"""The demo from the first process to the table of counts and the exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from console.apply import Author, apply
from console.demo import scenes
from console.demo.expectations import Tally
from console.demo.manifests import manifests
from console.demo.screen import Screen
from console.demo.stage import Stage
from console.demo.totals import count
from console.demo.witness import NotSeenError, Witness
from console.plan import Plan
from console.session import opened
from console.system import System, running
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.manifests import read_texts
from runtime.settings import Settings

T = TypeVar("T")

KINDS = {
    "given": "the broker that HOOKLINE_KAFKA_BOOTSTRAP_SERVERS names",
    "docker": "a broker in Docker",
    "jvm": "Apache Kafka on the local JVM",
}


async def demo(
    environ: Mapping[str, str],
    screen: Screen,
    clock: Clock,
    *,
    repair: bool,
    logs: Path | None = None,
) -> Tally:
    """Run the whole story; what was seen and missed.

    Args:
        logs: Where the processes' logs are kept; None keeps none.
        repair: False leaves the broken endpoint broken, so that the replay must fail.

    Raises:
        ConfigurationError: There is no way to a broker; names what is missing.
        ChildDiedError: One of the processes ended by itself.
    """
    screen.title(
        "Hookline", "An event in, a signed webhook out, and a dead letter one can work from."
    )

    async def prepare(plan: Plan, settings: Settings, broker: Broker) -> None:
        await save_definitions(plan, settings, broker, clock)

    async with running(environ, "demo", screen.progress, prepare, logs) as system:
        _introduce(system, screen)
        async with opened(system.settings, system.broker) as session:
            witness = Witness(session)
            stage = Stage(system, session, witness, screen, clock)
            async with witness.watching(session.reader):
                await _unless_one_dies(system, _tell(stage, repair=repair))
    return stage.tally


async def save_definitions(plan: Plan, settings: Settings, broker: Broker, clock: Clock) -> None:
    """Save the example workflows and webhooks, as `hookline apply` does."""
    async with opened(settings, broker) as session:
        made = read_texts([("demo.yaml", manifests(plan))])
        await apply(session, made, Author("hookline", clock))


async def _unless_one_dies(system: System, story: Awaitable[None]) -> None:
    """Tell the story; stop when a process ends by itself."""
    telling = asyncio.ensure_future(story)
    watching = asyncio.ensure_future(system.died())
    try:
        await asyncio.wait({telling, watching}, return_when=asyncio.FIRST_COMPLETED)
        (watching if watching.done() else telling).result()
    finally:
        for task in (telling, watching):
            task.cancel()
        await asyncio.gather(telling, watching, return_exceptions=True)


async def _tell(stage: Stage, *, repair: bool) -> None:
    """Scene after scene; what depends on a missed one is missed too."""
    await _scene(stage, lambda: scenes.a_person(stage))
    lead = await _scene(stage, lambda: scenes.a_lead(stage))
    letter = await _scene(stage, lambda: scenes.a_failure(stage, lead)) if lead else None
    if letter is not None:
        await _scene(stage, lambda: scenes.an_inspection(stage, letter))
        await _scene(stage, lambda: scenes.a_replay(stage, letter, repair=repair))
    await _scene(stage, lambda: scenes.an_organization(stage))
    await _scene(stage, lambda: scenes.a_crowd(stage))
    await count(stage)


async def _scene(stage: Stage, play: Callable[[], Awaitable[T]]) -> T | None:
    """Play one scene; what it missed is remembered and the story goes on."""
    try:
        return await play()
    except NotSeenError as missed:
        stage.tally.missed.append(str(missed))
        stage.screen.missing(f"expected and not seen: {missed}")
        return None


def _introduce(system: System, screen: Screen) -> None:
    """Say what runs where."""
    plan = system.plan
    screen.fact("broker", f"{KINDS[system.kind]}: {system.settings.kafka_bootstrap_servers[0]}")
    screen.fact("topics", f"{plan.prefix}.*, removed at the end")
    running_now = ", ".join(f"{child.program.name} ({child.pid})" for child in system.children)
    screen.fact("processes (pid)", running_now)
    screen.fact("webhooks may call", "loopback addresses only (HOOKLINE_WEBHOOK_ALLOW_NETWORKS)")
