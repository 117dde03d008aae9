"""Apache Kafka on the local JVM: a throwaway node on free loopback ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from runtime.local_broker import warden
from runtime.local_broker.config import (
    JVM_OPTIONS,
    LOG4J,
    LOOPBACK,
    STARTED,
    server_properties,
)
from runtime.local_broker.java import Announce, fetch_jars, find_java
from runtime.local_broker.run import last_lines, run, wait
from schemas.errors import BrokerError, IllegalStepError

#: 4 s on an idle machine; the bound is for a crowded one.
START_TIMEOUT_S = 120.0
#: A free port may be taken by somebody else before the JVM binds it.
TRIES = 3
CLUSTER_ID = "aG9va2xpbmUtbG9jYWwtMQ"
TAKEN = "Address already in use"


class JvmBroker:
    """One node; `with` starts it and leaves nothing behind, however the process ends.

    Its data and ports stay the same over `kill` and `restart`, so that clients find it again.
    All methods block; from a loop use `LocalBroker.start_jvm` or a thread.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        overrides: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
        heap_mb: int = 512,
        announce: Announce = lambda _: None,
    ) -> None:
        """Prepare; nothing happens before `start`.

        Args:
            environ: The environment that Java and Maven are looked for in and run with.
            overrides: See `server_properties`.
            format_options: More for the storage tool: `("--add-scram", "SCRAM-SHA-256=[…]")`.
            announce: Told in a sentence what takes long.
        """
        self._environ = {
            name: value for name, value in environ.items() if not name.startswith("KAFKA_")
        }
        self._overrides = dict(overrides or {})
        self._format_options = tuple(format_options)
        self._heap_mb = heap_mb
        self._announce = announce
        self._aborted = threading.Event()
        self._home: Path | None = None
        self._command: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._warden: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """The JVM's process id."""
        return self._running().pid

    @property
    def data_dir(self) -> Path:
        """Where the node keeps its logs."""
        return self._directory() / "data"

    def log(self) -> str:
        """What the node has said so far."""
        path = self._directory() / "broker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Find Java, fetch the jars if need be, format the data directory, start, wait until it serves.

        Raises:
            ConfigurationError: Java or Maven is missing or unfit, or the jars cannot be fetched.
            BrokerError: Kafka did not start; the end of its log is quoted.
        """
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        java = find_java(self._environ)
        jars = fetch_jars(self._environ, self._announce, self._aborted.is_set)
        self._home = Path(tempfile.mkdtemp(prefix="hookline-kafka-"))
        self._begin_watch()
        (self._home / "log4j2.xml").write_text(LOG4J)
        self._command = (
            str(java),
            f"-Xmx{self._heap_mb}m",
            *JVM_OPTIONS,
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.xml'}",
            "-cp",
            f"{jars}/*",
        )
        self._announce("starting Apache Kafka on the local JVM")
        for remaining in reversed(range(TRIES)):
            self._configure()
            try:
                self._launch()
            except BrokerError:
                if remaining and TAKEN in self.log():
                    continue
                raise
            return

    def _configure(self) -> None:
        """Choose ports, write the properties, format the data directory."""
        self.port, controller_port = free_ports(2)
        shutil.rmtree(self.data_dir, ignore_errors=True)
        properties = self._directory() / "server.properties"
        properties.write_text(
            server_properties(
                str(self.data_dir),
                port=self.port,
                controller_port=controller_port,
                overrides=self._overrides,
            )
        )
        arguments = ("-t", CLUSTER_ID, "-c", str(properties), *self._format_options)
        failed = run(
            [*self._command, "kafka.tools.StorageTool", "format", *arguments],
            self._environ,
            timeout_s=START_TIMEOUT_S,
            aborted=self._aborted.is_set,
        )
        if failed is not None:
            raise BrokerError(f"Kafka's storage could not be formatted; it said:\n{failed}")

    def _launch(self) -> None:
        """Start the JVM and wait until it serves."""
        directory = self._directory()
        with (directory / "broker.log").open("wb") as sink:
            process = subprocess.Popen(  # noqa: S603 - a command of this module
                [*self._command, "kafka.Kafka", str(directory / "server.properties")],
                env=self._environ,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                # A terminal's Ctrl-C goes to its foreground group; when this node ends is ours to say.
                start_new_session=True,
            )
        self._process = process
        self._tell(f"kill {process.pid}")
        served = wait(
            lambda: STARTED in self.log() or process.poll() is not None,
            timeout_s=START_TIMEOUT_S,
            aborted=self._aborted.is_set,
        )
        if not served or process.poll() is not None:
            said = last_lines(self.log())
            self.kill()
            how = "ended at once" if served else f"did not serve within {START_TIMEOUT_S:g} s"
            raise BrokerError(f"Apache Kafka {how}; it said:\n{said}")

    def pause(self) -> None:
        """Stop it in its tracks (SIGSTOP): connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL); the data stays."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self._tell(f"forget {process.pid}")

    def restart(self) -> None:
        """Start it again after `kill` (or kill it first), on the same ports and data.

        Raises:
            BrokerError: It did not start; the end of its log is quoted.
        """
        self.kill()
        self._launch()

    def abort(self) -> None:
        """Make a `start` that runs in another thread give up soon."""
        self._aborted.set()

    def close(self) -> None:
        """End it and remove its data; closing again changes nothing."""
        self.kill()
        home, self._home = self._home, None
        if home is not None:
            shutil.rmtree(home, ignore_errors=True)
        watching, self._warden = self._warden, None
        if watching is not None:
            _pipe(watching).close()
            watching.wait()

    def _begin_watch(self) -> None:
        """From here on the warden cleans up if this process cannot."""
        self._warden = subprocess.Popen(  # noqa: S603 - a script of this package
            [sys.executable, "-I", "-S", warden.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            text=True,
            start_new_session=True,
        )
        self._tell(f"remove {self._directory()}")

    def _tell(self, line: str) -> None:
        if self._warden is not None:
            pipe = _pipe(self._warden)
            pipe.write(line + "\n")
            pipe.flush()

    def _directory(self) -> Path:
        if self._home is None:
            raise IllegalStepError("this broker was not started or is closed")
        return self._home

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise IllegalStepError("this broker does not run")
        return self._process


def _pipe(process: subprocess.Popen[str]) -> IO[str]:
    if process.stdin is None:
        raise IllegalStepError("the warden has no pipe")
    return process.stdin


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
