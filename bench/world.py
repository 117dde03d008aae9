"""What the benches run in: topics of their own on a real broker, and services as processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from runtime import topics
from runtime.broker import Broker, Publisher
from runtime.kafka import KafkaBroker
from runtime.registry import Registry, registry_from
from runtime.secrets import new_key
from runtime.settings import Settings
from schemas.catalog import Catalog
from schemas.codec import Codec

PARTITIONS = 6


@dataclass(frozen=True, slots=True)
class Service:
    """A running process of a service."""

    pid: int
    metrics_url: str

    async def total(self, counter: str) -> int:
        """A counter, summed over its labels; 0 while the process does not answer yet."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self.metrics_url) as answer:
                text = await answer.text()
        except aiohttp.ClientConnectionError:
            return 0
        samples = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(counter))
        return int(sum(float(value) for _, value in samples))


def _free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True, slots=True)
class World:
    """A system without its services.

    Attributes:
        environ: The `HOOKLINE_*` variables that bring a process into this world.
        folder: Removed at the end.
    """

    settings: Settings
    environ: Mapping[str, str]
    broker: Broker
    publisher: Publisher
    codec: Codec
    catalog: Catalog
    registry: Registry
    folder: Path

    async def lag(self, group: str) -> int | None:
        """Records the group has still to finish; None before it has committed anything."""
        admin = self.broker.admin()
        try:
            lags = await admin.lag(group)
        finally:
            await admin.close()
        return sum(lags.values()) if lags else None

    async def apply(self, manifests: Iterable[str]) -> None:
        """Write definitions as an operator does."""
        path = self.folder / f"{uuid.uuid4().hex}.yaml"
        path.write_text("---\n".join(manifests))
        await finish(self, "-m", "console", "apply", "-f", str(path), "--yes")

    @asynccontextmanager
    async def service(self, module: str, **more: str) -> AsyncIterator[Service]:
        """One process of a service for as long as the block runs."""
        log = self.folder / f"{module}-{uuid.uuid4().hex[:6]}.log"
        port = _free_port()
        more["HOOKLINE_HEALTH_PORT"] = str(port)
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, env=self._environ(more), stdout=output, stderr=output
            )
        try:
            yield Service(process.pid, f"http://127.0.0.1:{port}/metrics")
            if process.returncode is not None:
                raise RuntimeError(f"{module} ended by itself:\n{log.read_text()[-2000:]}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    def _environ(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "HOOKLINE_LOG_LEVEL": "warning", **self.environ, **more}


async def finish(world: World, *arguments: str) -> None:
    """Run a Python command in the world to its end; what it says is shown only if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=world._environ({}),  # noqa: SLF001
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{output.decode()}")


@asynccontextmanager
async def world(servers: str) -> AsyncIterator[World]:
    """Topics, registry and a publisher; everything is gone afterwards."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    environ = {
        "HOOKLINE_KAFKA_BOOTSTRAP_SERVERS": servers,
        "HOOKLINE_TOPIC_PREFIX": prefix,
        "HOOKLINE_TOPIC_PARTITIONS": str(PARTITIONS),
        "HOOKLINE_SECRET_KEYS": new_key(),
        "HOOKLINE_WORKFLOW_GROUP": f"{prefix}-workflows",
        "HOOKLINE_WEBHOOK_GROUP": f"{prefix}-webhooks",
        "HOOKLINE_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
    }
    settings = Settings.from_env(environ)
    broker, catalog = KafkaBroker(settings), Catalog.load()
    admin, publisher, tables = broker.admin(), broker.publisher(), broker.tables()
    await topics.ensure(admin, list(settings.topics.all(catalog.entities)), replication=1)
    await publisher.start()
    registry = registry_from(settings, publisher, tables)
    await tables.start()
    await registry.start()
    for schema in (catalog.event("lead"), catalog.action):
        await registry.register(schema)
    with TemporaryDirectory() as folder:
        try:
            codec = Codec(catalog, registry)
            yield World(
                settings, environ, broker, publisher, codec, catalog, registry, Path(folder)
            )
        finally:
            await tables.close()
            await publisher.close()
            mine = [name for name in await admin.topics() if name.startswith(f"{prefix}.")]
            await admin.delete(mine)
            await admin.close()
