"""Hookline's processes and commands as a user starts them, and a receiver that notes what arrives."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from runtime.local_broker.jvm import free_ports
from runtime.settings import PREFIX, Settings
from tests.waiting import until

ROOT = Path(__file__).parents[1]


def environment(**settings: object) -> dict[str, str]:
    """The variables of one system; nothing of the developer's own settings."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return outside | {f"{PREFIX}{name.upper()}": str(value) for name, value in settings.items()}


def environment_of(settings: Settings, **more: object) -> dict[str, str]:
    """The variables that bring processes into the system of a test's settings."""
    given: dict[str, object] = {
        "kafka_bootstrap_servers": ",".join(settings.kafka_bootstrap_servers),
        "topic_prefix": settings.topic_prefix,
        "topic_partitions": settings.topic_partitions,
        "retry_tiers_ms": "100,400",
        "secret_keys": settings.secret_keys[0].get_secret_value(),
        "workflow_group": settings.workflow_group,
        "webhook_group": settings.webhook_group,
        "webhook_allow_networks": "127.0.0.0/8",
    }
    return environment(**given | more)


async def command(environ: Mapping[str, str], *arguments: str) -> str:
    """Run a command to its end, which must be a good one; gives what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=dict(environ),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, f"{arguments}: {said.decode()}{complained.decode()}"
    return said.decode()


@asynccontextmanager
async def service(environ: Mapping[str, str], module: str, log: Path) -> AsyncIterator[None]:
    """A process of Hookline's, ready to work; it must stop well when asked to."""
    (port,) = free_ports(1)
    health = f"http://127.0.0.1:{port}/health/ready"
    said = log.read_text
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            env=environ | {f"{PREFIX}HEALTH_PORT": str(port)},
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    try:
        await until(
            lambda: process.returncode is not None or _answers(health),
            message=lambda: f"{module} is not ready: {said()}",
        )
        assert process.returncode is None, said()
        yield
        process.terminate()
        assert await process.wait() == 0, said()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


@dataclass
class Arrivals:
    """What a receiver got: its address, then headers and bodies in order."""

    url: str
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def receiver() -> AsyncIterator[Arrivals]:
    """A receiver that answers 204 to everything."""
    arrivals = Arrivals("")

    async def take(request: web.Request) -> web.Response:
        arrivals.bodies.append(await request.read())
        arrivals.headers.append(dict(request.headers))
        return web.Response(status=204)

    app: Any = web.Application()
    app.router.add_post("/hooks", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        arrivals.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
        yield arrivals
    finally:
        await runner.cleanup()
