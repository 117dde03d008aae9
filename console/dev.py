"""`hookline dev`: the demo's system without the story, until Ctrl-C."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from console.demo.run import save_definitions
from console.demo.screen import Screen
from console.plan import Plan
from console.stoppable import Stopped, run
from console.system import System, running
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.settings import Settings


def main(environ: Mapping[str, str], clock: Clock) -> int:
    """Run until asked to stop; 0 then.

    Raises:
        HooklineError: It could not be started, or a process ended by itself.
    """
    screen = Screen()
    try:
        run(_dev(environ, screen, clock), lambda: screen.progress("stopping, as asked"))
    except Stopped:
        screen.progress("stopped; nothing is left behind")
    return 0


async def _dev(environ: Mapping[str, str], screen: Screen, clock: Clock) -> None:
    """Start, say how to use it, and watch over it."""

    async def prepare(plan: Plan, settings: Settings, broker: Broker) -> None:
        await save_definitions(plan, settings, broker, clock)

    screen.title("hookline dev", "The whole system for your own use. Ctrl-C stops it.")
    async with running(environ, "dev", screen.progress, prepare) as system:
        variables = system.directory / "env"
        variables.write_text(exports(system.plan.settings))
        _explain(system, screen, variables)
        await system.died()


def exports(settings: Mapping[str, str]) -> str:
    """The system's variables for a shell to read."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())


def _explain(system: System, screen: Screen, variables: Path) -> None:
    """The addresses, and an example for each thing."""
    screen.chapter("What runs")
    for child in system.children:
        where = f"{child.program.url} (health and metrics)  log {child.log}"
        screen.fact(child.program.name, f"pid {child.pid}  {where}")
    screen.aside("webhooks may call", "loopback addresses only", "dim")
    screen.chapter("Try it")
    for title, command in examples(system.plan, variables):
        screen.command(title, command)
    screen.chapter("Running")


def examples(plan: Plan, variables: Path) -> list[tuple[str, str]]:
    """One command for each thing one might want to try, ready to be pasted."""
    persons = f"{plan.entities['person']}/persons"
    leads = f"{plan.entities['lead']}/leads"
    json = "-H 'content-type: application/json'"
    hookline = f". {shlex.quote(str(variables))} && hookline"
    won = '{"stage": {"id": "5", "code": "won"}}'
    acme = '{"operation": "created", "after": {"id": "acme", "name": "Acme"}}'
    return [
        ("create a person", f'curl -si {persons} {json} -d \'{{"name": "Ada", "emails": []}}\''),
        ("create a lead", f'curl -s {leads} {json} -d \'{{"id": "7", "title": "Engine"}}\''),
        ("win it", f"curl -s -X PATCH {leads}/7 {json} -d '{won}'"),
        (
            "publish an event of any program",
            f"curl -s {plan.gateway}/events/organization {json} -d '{acme}'",
        ),
        ("the gateway's own description", f"curl -s {plan.gateway}/openapi.json"),
        ("what the receiver got and verified", f"curl -s {plan.receiver}/arrivals"),
        (
            "break an endpoint (200 repairs it)",
            f"curl -s -X PUT {plan.control('billing')} -d '{{\"status\": 503}}'",
        ),
        ("use the command line in another terminal", f"{hookline} workflows list"),
        ("follow deliveries", f"{hookline} deliveries list"),
        ("see what died, and replay it", f"{hookline} dead-letters list"),
    ]
