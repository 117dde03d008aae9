"""Processes of a local system: their logs, their deaths, and that they end with their parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from console.children import Child, ChildDiedError, Program, start, stop
from console.leash import command
from tests.waiting import until

BASE = {"PATH": os.environ["PATH"]}


def program(name: str, *arguments: str, module: str = "http.server") -> Program:
    """A program of the standard library."""
    return Program(name, module, arguments, {}, "http://127.0.0.1:1")


async def test_a_child_that_ends_by_itself_is_named_with_its_last_lines(tmp_path: Path):
    child = await start(program("web", "--no-such-option"), BASE, tmp_path, tmp_path)
    await child.process.wait()

    with pytest.raises(ChildDiedError) as died:
        child.check()

    assert "web (pid" in str(died.value)
    assert "exit code 2" in str(died.value)
    assert "--no-such-option" in str(died.value)


async def test_children_are_stopped_and_nothing_is_left(tmp_path: Path):
    port = "0"
    children: list[Child] = [
        await start(program(f"web-{number}", port), BASE, tmp_path, tmp_path) for number in range(2)
    ]

    killed = await stop(children)

    assert killed == ()
    assert not any(psutil.pid_exists(child.pid) for child in children)
    assert all(child.process.returncode == -signal.SIGTERM for child in children)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux tells a child")
async def test_a_child_ends_when_its_parent_is_killed():
    code = (
        "import os, subprocess, sys\n"
        "from console.leash import command\n"
        "child = subprocess.Popen(command(os.getpid(), 'http.server', ('0',)))\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    # The child must have asked the kernel before its parent dies.
    await until(lambda: "http.server" in psutil.Process(pid).cmdline(), message="no child")
    listening = lambda: psutil.Process(pid).net_connections(kind="tcp")  # noqa: E731
    await until(listening, message="the child does not listen")

    parent.kill()
    await parent.wait()

    await until(lambda: not psutil.pid_exists(pid), message="the child lives on")


def test_a_child_whose_parent_is_gone_already_does_not_start():
    done = subprocess.run(command(1, "this"), check=False, capture_output=True)

    assert done.returncode == 1
    assert done.stdout == b""
