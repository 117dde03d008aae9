"""`hookline demo` and `hookline dev` for real: exit codes, counts, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import pytest

from runtime.kafka import KafkaBroker
from runtime.settings import Settings
from tests.waiting import until

#: Starting eight processes and the story on a busy two-core machine.
WITHIN_S = 240


@dataclass
class Run:
    """One run of the command line, with a directory for its temporary files."""

    process: asyncio.subprocess.Process
    out: Path
    temporary: Path

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return self.out.read_text()

    async def ended(self) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self.process.wait(), WITHIN_S)

    def children(self) -> list[psutil.Process]:
        """The processes it has started that still run."""
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
async def hookline(
    kafka_servers: str, tmp_path: Path, left_behind: None
) -> AsyncIterator[Callable[..., Awaitable[Run]]]:
    """Starts the command line; what still runs at the end of a test is stopped, topics looked for."""
    runs: list[Run] = []

    async def begin(*arguments: str) -> Run:
        runs.append(await _begin(*arguments, servers=kafka_servers, at=tmp_path))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.returncode is None:
            run.process.terminate()
            await run.ended()


async def _begin(*arguments: str, servers: str, at: Path) -> Run:
    """Start the command line with a temporary directory of its own."""
    temporary = at / "tmp"
    temporary.mkdir(parents=True)
    out = at / "out.txt"
    with out.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "console",
            *arguments,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={
                "PATH": os.environ["PATH"],
                "TMPDIR": str(temporary),
                "HOOKLINE_KAFKA_BOOTSTRAP_SERVERS": servers,
            },
        )
    return Run(process, out, temporary)


@pytest.fixture
async def left_behind(kafka_servers: str) -> AsyncIterator[None]:
    """Fails a test that leaves topics on the broker."""
    before = await prefixes(kafka_servers)
    yield
    assert await prefixes(kafka_servers) <= before


async def prefixes(servers: str) -> set[str]:
    """The prefixes of local systems' topics."""
    admin = KafkaBroker(Settings(kafka_bootstrap_servers=servers)).admin()
    try:
        names = await admin.topics()
    finally:
        await admin.close()
    return {name.split(".")[0] for name in names if name.startswith(("demo-", "dev-"))}


def own_processes(at: Path) -> list[psutil.Process]:
    """Processes whose temporary directory is this run's."""
    return [
        process
        for process in psutil.process_iter(["cwd"])
        if str(process.info["cwd"] or "").startswith(str(at))
    ]


async def test_the_demo_observes_everything_it_expects(hookline, tmp_path):
    run = await hookline("demo")

    assert await run.ended() == 0, run.text

    assert "Everything expected was observed" in run.text
    assert "✗" not in run.text
    for row in ("changes → events", "actions delivered", "dead letters resolved"):
        assert re.search(rf"{row} .*✓", run.text)
    assert list(run.temporary.iterdir()) == []
    assert own_processes(tmp_path) == []


async def test_what_is_missing_is_named_and_ends_with_1(hookline, tmp_path):
    run = await hookline("demo", "--without-repair")

    assert await run.ended() == 1, run.text

    missing = run.text.split("Missing:")[1]
    assert "the replayed delivery of billing" in missing
    assert re.search(r"actions delivered: expected (\d+), observed (\d+)", missing)
    assert list(run.temporary.iterdir()) == []


async def test_ctrl_c_stops_the_demo_and_leaves_nothing(hookline, tmp_path):
    run = await hookline("demo")
    await until(lambda: "record created" in run.text, within=WITHIN_S, message=lambda: run.text)
    children = run.children()
    assert len(children) == 8

    run.process.send_signal(signal.SIGINT)

    assert await run.ended() == 130, run.text
    assert not any(child.is_running() for child in children)
    assert list(run.temporary.iterdir()) == []


async def test_a_process_that_dies_is_named_with_its_last_lines(hookline, tmp_path):
    run = await hookline("demo")
    await until(lambda: "record created" in run.text, within=WITHIN_S, message=lambda: run.text)
    victim = next(one for one in run.children() if "producers.gateway" in one.cmdline())

    victim.kill()

    assert await run.ended() == 1, run.text
    assert "gateway (pid" in run.text
    assert "ended by signal SIGKILL" in run.text
    assert "Traceback" not in run.text
    assert own_processes(tmp_path) == []


async def test_dev_says_how_to_use_it_and_its_examples_work(hookline, tmp_path):
    run = await hookline("dev")
    await until(lambda: "Running" in run.text, within=WITHIN_S, message=lambda: run.text)
    lines = [line.strip() for line in run.text.splitlines()]
    create = next(line for line in lines if line.startswith("curl") and "/persons" in line)
    arrivals = next(line for line in lines if line.endswith("/arrivals")).split()[-1]

    made = await asyncio.create_subprocess_shell(create, stdout=subprocess.PIPE)
    out, _ = await made.communicate()

    assert b"201 Created" in out
    async with aiohttp.ClientSession() as http:

        async def verified() -> bool:
            async with http.get(arrivals) as answer:
                return any(one["verified"] for one in await answer.json())

        await until(verified, message="no verified delivery")
    command = next(line for line in lines if line.endswith("hookline workflows list"))
    shell = command.replace("hookline workflows", f"{sys.executable} -m console workflows")
    listed = await asyncio.create_subprocess_shell(shell, stdout=subprocess.PIPE)
    out, _ = await listed.communicate()
    assert b"welcome-person" in out

    run.process.send_signal(signal.SIGTERM)

    assert await run.ended() == 0, run.text
    assert list(run.temporary.iterdir()) == []
    assert own_processes(tmp_path) == []
