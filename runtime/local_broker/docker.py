"""Kafka in a container of a local Docker engine, through testcontainers."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Mapping
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from runtime.local_broker.java import Announce
from schemas.errors import BrokerError

ENGINE_TIMEOUT_S = 5
DEFAULT_ENGINE = "unix:///var/run/docker.sock"
NO_ENGINE = "no Docker engine answers (start Docker, or install it)"


class Container(Protocol):
    """What is used of a testcontainers Kafka, and no more."""

    def start(self) -> object:
        """Run it and wait until it serves."""

    def stop(self) -> None:
        """Remove it with its data."""

    def get_bootstrap_server(self) -> str:
        """Where clients on this machine connect."""


def why_no_engine(environ: Mapping[str, str]) -> str | None:
    """Why Docker cannot be used, in a clause; None if an engine answers."""
    try:
        docker = importlib.import_module("docker")
        importlib.import_module("testcontainers.community.kafka")
    except ImportError as error:
        return f"the Python package {error.name} is not installed (pip install 'hookline[demo]')"
    if not _listens(environ.get("DOCKER_HOST") or DEFAULT_ENGINE):
        return NO_ENGINE
    try:
        client = docker.from_env(timeout=ENGINE_TIMEOUT_S, environment=dict(environ))
        try:
            client.ping()
        finally:
            client.close()
    except docker.errors.DockerException:
        return NO_ENGINE
    return None


def _listens(engine: str) -> bool:
    """Whether anybody listens there; asked first, because the library leaves its socket open."""
    address = urlsplit(engine)
    family = socket.AF_UNIX if address.scheme == "unix" else socket.AF_INET
    if family == socket.AF_INET and not address.port:
        return address.scheme == "ssh"  # only the library can say
    with socket.socket(family) as probe:
        probe.settimeout(ENGINE_TIMEOUT_S)
        where: Any = address.path if family == socket.AF_UNIX else (address.hostname, address.port)
        return probe.connect_ex(where) == 0


def new_container() -> Container:
    """A Kafka container in KRaft mode, configured as the local JVM's node is."""
    kafka = importlib.import_module("testcontainers.community.kafka")
    container: Any = kafka.KafkaContainer().with_kraft()
    for name, value in (
        ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false"),
        ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
        ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
        ("KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS", "5"),
        ("KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS", "1000"),
        ("KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS", "1000"),
    ):
        container = container.with_env(name, value)
    return cast("Container", container)


class DockerBroker:
    """Kafka in a container, removed on `close`; testcontainers' reaper removes it if we cannot."""

    def __init__(self, container: Container, announce: Announce) -> None:
        """Prepare; nothing runs before `start`."""
        self._container = container
        self._announce = announce
        self.bootstrap_servers = ""

    def start(self) -> None:
        """Run it.

        Raises:
            BrokerError: The engine answers but the container does not start.
        """
        self._announce("starting Kafka in a Docker container (its image is fetched once)")
        try:
            self._container.start()
            self.bootstrap_servers = self._container.get_bootstrap_server()
        except Exception as error:
            self._container.stop()
            raise BrokerError(f"Docker could not run Kafka: {error}") from error

    def abort(self) -> None:
        """A container's start cannot be hurried; `close` follows."""

    def close(self) -> None:
        """Remove the container."""
        self._container.stop()
