"""The benches' side of `bench.receiver`: starts it as a process and asks what has arrived."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

#: Arrivals of a whole bench come back in one line.
LINE_LIMIT = 64 * 1024 * 1024


class FastReceiver:
    """A receiver in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        """Talk to a process that listens already."""
        self._process = process
        self.url = f"http://127.0.0.1:{port}/hooks"

    @classmethod
    @asynccontextmanager
    async def started(cls, latency_ms: float = 0.0) -> AsyncIterator[Self]:
        """A receiver for as long as the block runs; answers after so long."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.receiver",
            str(latency_ms),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process with pipes has pipes")
        try:
            yield cls(process, int(await process.stdout.readline()))
        finally:
            process.stdin.close()
            await process.wait()

    async def count(self) -> int:
        """Requests so far."""
        return int((await self._ask("count"))["count"])

    async def arrivals(self) -> dict[str, float]:
        """When each `webhook-id` arrived first, Unix seconds."""
        first: dict[str, float] = {}
        for id, at in (await self._ask("arrivals"))["arrivals"]:
            first.setdefault(id, at)
        return first

    async def _ask(self, question: str) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a process with pipes has pipes")
        self._process.stdin.write(question.encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer
