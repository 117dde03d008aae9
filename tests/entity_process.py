"""An entity service as a process of its own: started, killed, started again on the same database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from runtime.settings import Settings
from tests.waiting import until

ROOT = Path(__file__).parents[1]


class EntityProcess:
    """One run of `python -m producers.entity_service`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        #: What is no log line: the last word of a process that gives up.
        self.said: list[str] = []
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self.process.pid

    def logged(self, event: str) -> dict[str, Any] | None:
        return next((line for line in self.lines if line.get("event") == event), None)

    @property
    def base(self) -> str:
        line = self.logged("entity.listening")
        assert line is not None
        return f"http://127.0.0.1:{line['port']}"

    @property
    def health(self) -> str:
        line = self.logged("health.listening")
        assert line is not None
        return f"http://127.0.0.1:{line['port']}/health/ready"

    async def has_logged(self, event: str) -> None:
        await until(
            lambda: self.logged(event) or self.process.returncode is not None,
            message=lambda: f"no {event} in {self.lines} {self.said}",
        )
        assert self.logged(event), f"exit code {self.process.returncode}: {self.said}"

    async def end(self, number: signal.Signals) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        code = await self.process.wait()
        await self._reading
        return code

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            text = raw.decode().rstrip()
            try:
                self.lines.append(json.loads(text))
            except ValueError:
                self.said.append(text)


@asynccontextmanager
async def entity_process(
    settings: Settings,
    database: Path,
    *,
    before: Callable[[], None] | None = None,
    **changes: str,
) -> AsyncIterator[EntityProcess]:
    """A service of leads on a database; killed at the end if it still runs.

    Args:
        before: Called in the child before it becomes Python.
        changes: Further settings, by their names.
    """
    environ = {
        "kafka_bootstrap_servers": ",".join(settings.kafka_bootstrap_servers),
        "topic_prefix": settings.topic_prefix,
        "topic_partitions": str(settings.topic_partitions),
        "entity": "lead",
        "entity_database_url": f"sqlite:///{database}",
        "entity_port": "0",
        "relay_poll_ms": "50",
        **changes,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "producers.entity_service",
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]}
        | {f"HOOKLINE_{name.upper()}": value for name, value in environ.items()},
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=before,
    )
    running = EntityProcess(process)
    try:
        yield running
    finally:
        await running.end(signal.SIGKILL)
