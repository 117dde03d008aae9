"""runtime.process and runtime.health in real processes: signals, exit codes, one clear line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from runtime.health import Health, HealthServer, serving
from runtime.settings import Settings
from schemas.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
HEAD = """
import asyncio, sys
from datetime import timedelta
from runtime import process
from runtime.health import serving
from runtime.process import patiently, run
from schemas.errors import *

async def main(settings, stop):
"""


class Program:
    """A service of a few lines, run as a process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "service.py"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, body: str, **environ: str) -> subprocess.Popen[str]:
        lines = textwrap.indent(textwrap.dedent(body), "    ")
        self.path.write_text(f'{HEAD}{lines}\nsys.exit(run(main, "test_service"))\n')
        process = subprocess.Popen(
            [sys.executable, str(self.path)],
            env={"PYTHONPATH": str(ROOT), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, body: str, **environ: str) -> tuple[int, str]:
        process = self.start(body, **environ)
        _, said = process.communicate(timeout=60)
        return process.returncode, said


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    for process in program.started:
        process.kill()
        process.communicate()


def events_of(said: str) -> list[str]:
    return [json.loads(line)["event"] for line in said.splitlines() if line.startswith("{")]


def plain(said: str) -> str:
    """What was said for people, without the log."""
    return "\n".join(line for line in said.splitlines() if not line.startswith("{"))


def test_a_service_that_ends_by_itself_ends_clean(program: Program):
    assert program.run("pass") == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=str)
def test_a_signal_asks_and_the_service_finishes(program: Program, number: signal.Signals):
    process = program.start(
        """
        print("ready", flush=True)
        await stop.wait()
        print("finished", flush=True)
        """
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    process.send_signal(number)
    finished, said = process.communicate(timeout=60)

    assert finished == "finished\n"
    assert process.returncode == 0
    assert events_of(said) == ["process.stopping"]


def test_a_second_signal_does_not_wait(program: Program):
    process = program.start(
        """
        print("ready", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        await asyncio.Event().wait()
        """
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.stdout.readline()

    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert events_of(said) == ["process.stopping", "process.cut"]
    assert plain(said) == "test_service: cut off by a second SIGTERM before it had finished"


def test_a_stop_that_takes_too_long_is_cut(program: Program):
    process = program.start(
        """
        process.GRACE = timedelta(0)
        print("ready", flush=True)
        await asyncio.Event().wait()
        """,
        HOOKLINE_STOP_TIMEOUT_MS="1",
    )
    assert process.stdout is not None
    process.stdout.readline()

    process.terminate()
    _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert events_of(said) == ["process.stopping", "process.stop_late"]
    assert "did not finish within" in plain(said)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param("ConfigurationError", 2, id="configuration"),
        pytest.param("BrokerError", 3, id="broker"),
        pytest.param("FencedError", 4, id="fenced"),
        pytest.param("SchemaError", 1, id="record"),
    ],
)
def test_an_expected_error_is_one_line_and_a_code(program: Program, error: str, code: int):
    assert program.run(f'raise {error}("what was wrong, and what to do")') == (
        code,
        "test_service: what was wrong, and what to do\n",
    )


def test_a_mistake_of_ours_shows_its_trace_and_ends_in_one_line(program: Program):
    code, said = program.run('raise ValueError("boom")')

    assert code == 1
    assert events_of(said) == ["process.crashed"]
    assert "Traceback" in said
    assert plain(said) == "test_service: crashed: ValueError: boom"


def test_a_bad_setting_stops_the_start_in_one_line(program: Program):
    code, said = program.run("pass", HOOKLINE_HEALTH_PROT="1")

    assert code == 2
    assert said == (
        "test_service: HOOKLINE_HEALTH_PROT is not a setting; did you mean HOOKLINE_HEALTH_PORT?\n"
    )


def test_a_second_start_on_the_same_port_is_told_so(program: Program):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        code, said = program.run(
            """
            async with serving(settings, "broker"):
                await stop.wait()
            """,
            HOOKLINE_HEALTH_PORT=str(port),
        )

    assert code == 2
    assert plain(said) == (
        f"test_service: port {port} on 127.0.0.1 is already in use, perhaps by a second start of "
        "this service: stop the other process, or set HOOKLINE_HEALTH_PORT to another port "
        "(0 takes any free one)"
    )


def test_while_the_broker_is_away_the_service_waits_and_can_be_stopped(program: Program):
    process = program.start(
        """
        async def connect():
            raise BrokerError("nobody answers")
        async with serving(settings, "broker") as health:
            await patiently(connect, what="consumer", stop=stop, health=health)
        """
    )
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(3)]

    process.terminate()
    _, said = process.communicate(timeout=60)

    assert process.returncode == 0
    assert events_of("".join(lines)) == ["health.listening", "broker.waiting", "broker.waiting"]
    assert json.loads(lines[1])["error"] == "nobody answers"
    assert events_of(said)[-1] == "process.stopping"


async def get(port: int, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_the_server_tells_life_readiness_and_metrics():
    health = Health(["broker"])
    server = await HealthServer(health, "127.0.0.1", 0).start()
    try:
        assert (await get(server.port, "/health/live"))[0] == 200
        status, body = await get(server.port, "/health/ready")
        assert status == 503
        assert json.loads(body)["checks"]["broker"]["detail"] == "has not reported yet"

        health.set("broker", ok=True)
        assert (await get(server.port, "/health/ready"))[0] == 200
        health.fail("stuck")
        assert (await get(server.port, "/health/live"))[0] == 503

        status, text = await get(server.port, "/metrics")
        assert status == 200
        assert "process_resident_memory_bytes" in text
    finally:
        await server.close()


async def test_the_port_is_free_again_after_the_block():
    settings = Settings()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(health_port=port)

    for _ in range(2):
        async with serving(settings, "broker") as health:
            assert not health.ready


async def test_an_address_that_is_not_ours_is_named():
    with pytest.raises(ConfigurationError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        await HealthServer(Health(), "192.0.2.1", 0).start()
