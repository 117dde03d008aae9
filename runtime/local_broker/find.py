"""Which broker to use: the one given, else Docker's, else one on the local JVM."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from runtime.local_broker import docker, java
from runtime.local_broker.java import Announce
from runtime.local_broker.jvm import JvmBroker
from schemas.errors import BrokerError, ConfigurationError

VARIABLE = "HOOKLINE_KAFKA_BOOTSTRAP_SERVERS"
REACH_TIMEOUT_S = 5.0
Kind = Literal["given", "docker", "jvm"]
B = TypeVar("B", bound="Startable")


class Startable(Protocol):
    """A broker that can be started and closed; both block."""

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect, once started."""

    def start(self) -> None:
        """Start and wait until it serves."""

    def abort(self) -> None:
        """Make a start in another thread give up, if it can."""

    def close(self) -> None:
        """Leave nothing behind."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a broker.

    Attributes:
        why_not: Says in a clause why this way is closed here, and how to open it; None if open.
        make: Makes the broker, not started yet.
    """

    kind: Kind
    why_not: Callable[[], str | None]
    make: Callable[[], Startable]


class GivenBroker:
    """A broker that is somebody else's: only looked at."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Take the addresses as they were given."""
        self.bootstrap_servers = bootstrap_servers

    def start(self) -> None:
        """See that something answers at one of the addresses.

        Raises:
            BrokerError: Nothing does.
        """
        addresses = [part.strip() for part in self.bootstrap_servers.split(",")]
        if not any(_answers(address) for address in addresses):
            raise BrokerError(
                f"{VARIABLE} is {self.bootstrap_servers}, where nothing answers: start that broker, "
                "or unset the variable to have one started"
            )

    def abort(self) -> None:
        """Nothing to give up."""

    def close(self) -> None:
        """It stays as it is."""


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_TIMEOUT_S):
            return True
    except (OSError, ValueError):
        return False


def ways(environ: Mapping[str, str], announce: Announce = lambda _: None) -> tuple[Way, ...]:
    """The ways to a broker, best first."""
    given = environ.get(VARIABLE, "")
    return (
        Way(
            "given",
            lambda: None if given else f"{VARIABLE} is not set",
            lambda: GivenBroker(given),
        ),
        Way(
            "docker",
            lambda: docker.why_no_engine(environ),
            lambda: docker.DockerBroker(docker.new_container(), announce),
        ),
        Way(
            "jvm",
            lambda: _why_no_jvm(environ),
            lambda: JvmBroker(environ, announce=announce),
        ),
    )


def _why_no_jvm(environ: Mapping[str, str]) -> str | None:
    try:
        java.find_java(environ)
        if not java.have_jars(environ):
            java.find_maven(environ)
    except ConfigurationError as error:
        return str(error)
    return None


def choose(candidates: Sequence[Way]) -> Way:
    """The first way that is open.

    Raises:
        ConfigurationError: None is; says of each why, and what to do.
    """
    reasons = []
    for way in candidates:
        reason = way.why_not()
        if reason is None:
            return way
        reasons.append(reason)
    raise ConfigurationError("no Kafka can be found or started: " + "; ".join(reasons))


@dataclass(frozen=True, slots=True)
class LocalBroker:
    """A broker that is there.

    Attributes:
        bootstrap_servers: Where clients connect: the value for `HOOKLINE_KAFKA_BOOTSTRAP_SERVERS`.
        kind: How it came: somebody's own, in a container, or on the JVM.
    """

    bootstrap_servers: str
    kind: Kind

    @staticmethod
    def find_or_start(
        environ: Mapping[str, str], announce: Announce = lambda _: None
    ) -> AbstractAsyncContextManager[LocalBroker]:
        """Find a broker or start one for as long as the block runs.

        Args:
            announce: Told in a sentence what takes long; called from another thread.

        Raises:
            ConfigurationError: There is no way to one here; names each way and what is missing.
            BrokerError: A way is open, but the broker does not answer or start.
        """
        return _found(environ, announce)

    @staticmethod
    def start_jvm(
        environ: Mapping[str, str],
        *,
        overrides: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
        announce: Announce = lambda _: None,
    ) -> AbstractAsyncContextManager[JvmBroker]:
        """Start a node of one's own for as long as the block runs: it can be paused and killed.

        The arguments and the errors are `JvmBroker`'s.
        """
        return _started(
            JvmBroker(
                environ, overrides=overrides, format_options=format_options, announce=announce
            )
        )


@asynccontextmanager
async def _found(environ: Mapping[str, str], announce: Announce) -> AsyncIterator[LocalBroker]:
    way = await asyncio.to_thread(choose, ways(environ, announce))
    async with _started(way.make()) as broker:
        yield LocalBroker(broker.bootstrap_servers, way.kind)


@asynccontextmanager
async def _started(broker: B) -> AsyncIterator[B]:
    """Start in a thread; a cancellation ends the start too, and nothing is left behind."""
    starting = asyncio.ensure_future(asyncio.to_thread(broker.start))
    try:
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            broker.abort()
            await asyncio.gather(starting, return_exceptions=True)
            raise
        yield broker
    finally:
        await asyncio.shield(asyncio.to_thread(broker.close))
