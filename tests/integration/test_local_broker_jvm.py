"""runtime.local_broker on this machine's JVM: it starts, survives kill -9 with its data, leaves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runtime.local_broker import JvmBroker, LocalBroker
from runtime.local_broker import java as java_module
from runtime.local_broker.find import GivenBroker
from runtime.local_broker.java import fetch_jars, find_java, find_maven
from runtime.local_broker.run import AbortedError
from schemas.errors import BrokerError, ConfigurationError
from tests.waiting import until, wait_until

ROOT = Path(__file__).parents[2]


def answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def script(folder: Path, name: str, text: str) -> Path:
    """A program that stands in for one of the machine's."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_killed_node_comes_back_on_its_port_with_its_data(own_broker: JvmBroker):
    pid, address, cluster = own_broker.pid, own_broker.bootstrap_servers, own_broker.data_dir
    before = (cluster / "meta.properties").read_bytes()

    own_broker.kill()
    assert gone(pid)
    assert not answers(address)
    own_broker.restart()

    assert answers(address)
    assert own_broker.bootstrap_servers == address
    assert own_broker.pid != pid
    assert (own_broker.data_dir / "meta.properties").read_bytes() == before


def test_a_paused_node_is_stopped_until_it_is_resumed(own_broker: JvmBroker):
    process = psutil.Process(own_broker.pid)

    own_broker.pause()
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
    own_broker.resume()

    wait_until(lambda: process.status() != psutil.STATUS_STOPPED)


async def test_a_node_of_ones_own_ends_with_its_block():
    async with LocalBroker.start_jvm(os.environ) as broker:
        pid, home = broker.pid, broker.data_dir.parent
        assert answers(broker.bootstrap_servers)

    assert gone(pid)
    assert not home.exists()


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that starts a node, tells its pid and folder, and waits."""
    program = tmp_path / "starter.py"
    program.write_text(
        textwrap.dedent(
            """
            import os, signal
            from runtime.local_broker import JvmBroker
            # A test run in the background of a shell inherits that Ctrl-C is ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            broker = JvmBroker(os.environ)
            broker.start()
            print(broker.pid, broker.data_dir.parent, flush=True)
            signal.pause()
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=str)
def test_however_its_starter_ends_nothing_is_left(
    starter: subprocess.Popen[str], number: signal.Signals
):
    assert starter.stdout is not None
    pid, home = starter.stdout.readline().split()

    starter.send_signal(number)
    starter.wait(timeout=60)

    wait_until(lambda: gone(int(pid)), message=f"the broker {pid} outlived its starter")
    wait_until(lambda: not Path(home).exists(), message=f"{home} was left behind")


async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path):
    (tmp_path / "bin").mkdir()
    # It says its version and then hangs, as a JVM on a crowded machine does.
    script(
        tmp_path / "bin",
        "java",
        f"""case "$1" in -version) echo 'openjdk version "17"' >&2; exit 0;; esac
        echo $$ > {tmp_path}/pid; exec sleep 600""",
    )
    jars = tmp_path / "cache" / "hookline" / "kafka-4.3.1"
    jars.mkdir(parents=True)
    environ = {**os.environ, "JAVA_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    async def start() -> None:
        async with LocalBroker.start_jvm(environ):
            raise AssertionError("a broker that does nothing has started")

    task = asyncio.create_task(start())
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    pid = int((tmp_path / "pid").read_text())
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(pid)


def test_a_node_that_cannot_start_says_what_it_said(tmp_path: Path):
    broker = JvmBroker(os.environ, overrides={"listeners": "NONSENSE://127.0.0.1:{port}"})

    with pytest.raises(BrokerError, match="it said:"):
        broker.start()


def test_an_old_java_is_refused_with_what_to_install(tmp_path: Path):
    script(tmp_path, "java", """echo 'openjdk version "11.0.2"' >&2""")

    with pytest.raises(
        ConfigurationError, match=r"is Java 11, and Kafka 4\.3\.1 needs 17: install"
    ):
        find_java({"PATH": f"{tmp_path}:/bin"})


def test_a_java_that_does_not_run_is_named(tmp_path: Path):
    script(tmp_path, "java", "echo 'Unable to locate a Java Runtime.' >&2; exit 1")

    with pytest.raises(ConfigurationError, match="does not run: install a JRE"):
        find_java({"PATH": f"{tmp_path}:/bin"})


def test_without_java_or_maven_the_sentence_says_what_to_install(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="there is no java on the path: install a JRE"):
        find_java({"PATH": str(tmp_path)})
    with pytest.raises(ConfigurationError, match=r"JAVA_HOME \(.*\) holds no bin/java"):
        find_java({"PATH": str(tmp_path), "JAVA_HOME": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="there is no mvn on the path: install Maven"):
        find_maven({"PATH": str(tmp_path)})


MAVEN = """
for argument in "$@"; do case "$argument" in -DoutputDirectory=*) out="${argument#*=}";; esac; done
mkdir -p "$out"; echo jar > "$out/kafka.jar"; echo ran >> "$RUNS"
"""


def test_jars_are_fetched_once_by_several_processes_at_once(tmp_path: Path):
    script(tmp_path, "mvn", MAVEN)
    environ = {
        **os.environ,
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "RUNS": str(tmp_path / "runs"),
        "PYTHONPATH": str(ROOT),
    }
    fetch = "import os; from runtime.local_broker.java import fetch_jars; print(fetch_jars(os.environ, print, bool))"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", fetch], env=environ, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]

    folders = {process.communicate(timeout=60)[0].splitlines()[-1] for process in processes}

    (folder,) = folders
    assert (Path(folder) / "kafka.jar").exists()
    assert (tmp_path / "runs").read_text() == "ran\n"


def test_a_maven_that_fails_is_quoted_and_leaves_no_half_cache(tmp_path: Path):
    script(tmp_path, "mvn", "echo '[ERROR] Could not transfer artifact'; exit 1")
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}

    with pytest.raises(ConfigurationError, match=r"(?s)Maven could not fetch.*Could not transfer"):
        fetch_jars(environ, lambda _: None, lambda: False)
    assert not java_module.have_jars(environ)


def test_fetching_ends_when_nobody_wants_it_any_more(tmp_path: Path):
    script(tmp_path, "mvn", "exec sleep 600")
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}

    with pytest.raises(AbortedError):
        fetch_jars(environ, lambda _: None, lambda: True)


async def test_a_given_broker_that_does_not_answer_is_named():
    with pytest.raises(
        BrokerError, match=r"127\.0\.0\.1:1, where nothing answers: start that broker"
    ):
        GivenBroker("127.0.0.1:1").start()


async def test_a_given_broker_is_used_as_it_is(kafka_servers: str):
    async with LocalBroker.find_or_start(
        {"HOOKLINE_KAFKA_BOOTSTRAP_SERVERS": kafka_servers}
    ) as found:
        assert (found.bootstrap_servers, found.kind) == (kafka_servers, "given")

    assert answers(kafka_servers.split(",", maxsplit=1)[0])
