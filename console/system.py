"""Starts a whole local system on a real broker, watches it, and leaves nothing behind.

The demo and `hookline dev` run the same system; so do end-to-end tests.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.util
import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from console.catalogs import catalog_of
from console.children import Child, start, stop
from console.plan import ENDPOINTS, PORTS, Ground, Plan, plan
from console.ports import free_ports
from runtime import topics
from runtime.broker import Broker
from runtime.kafka import KafkaBroker
from runtime.local_broker import LocalBroker
from runtime.secrets import new_key
from runtime.settings import PREFIX, Settings
from schemas.errors import BrokerError, ConfigurationError, HooklineError

Announce = Callable[[str], None]

#: A process that is not ready by then never will be; a busy two-core machine needs about 10.
READY_WITHIN_S = 90.0
#: Between two looks at readiness and at whether all processes live.
LOOK_EVERY_S = 0.1
#: Shares no code with Hookline; part of the extra `demo`.
VERIFIER = "standardwebhooks"
#: Standard Webhooks: 24 to 64 bytes.
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class System:
    """A running system.

    Attributes:
        kind: How the broker came: `given`, `docker` or `jvm`.
        directory: Databases and logs; removed at the end.
        http: For talking to its services; no proxies from the environment.
    """

    plan: Plan
    kind: str
    directory: Path
    settings: Settings
    broker: Broker
    children: Sequence[Child]
    http: aiohttp.ClientSession

    async def died(self) -> None:
        """Return never; raise when a process ends by itself.

        Raises:
            ChildDiedError: With its last log lines.
        """
        while True:
            for child in self.children:
                child.check()
            await asyncio.sleep(LOOK_EVERY_S)


@contextlib.asynccontextmanager
async def running(
    environ: Mapping[str, str],
    name: str,
    announce: Announce,
    prepare: Callable[[Plan, Settings, Broker], Awaitable[None]],
    logs: Path | None = None,
) -> AsyncIterator[System]:
    """A system for as long as the block lasts.

    Args:
        name: `demo` or `dev`; first part of the topics' names.
        announce: Told in a sentence what is being done; may be called from another thread.
        prepare: Called when the topics are there, before any process starts: saves definitions.
        logs: Where the processes' logs go, to be kept; None keeps none.

    Raises:
        ConfigurationError: A setting is wrong, the receiver's library is not installed, or no
            broker can be found or started; names what is missing.
        BrokerError: The broker does not answer.
        ChildDiedError: A process ended while the system started.
    """
    require(environ)
    async with contextlib.AsyncExitStack() as stack:
        found = await stack.enter_async_context(LocalBroker.find_or_start(environ, announce))
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=f"hookline-{name}-"))
        )
        made = plan(_ground(environ, found.bootstrap_servers, name, directory))
        settings = Settings.from_env(made.settings)
        broker = KafkaBroker(settings)
        announce(f"creating the topics {made.prefix}.* on {found.bootstrap_servers}")
        stack.push_async_callback(_delete_topics, broker, made.prefix)
        await _create_topics(settings, broker)
        (directory / "receiver.json").write_text(json.dumps(made.secrets))
        await prepare(made, settings, broker)
        http = await stack.enter_async_context(aiohttp.ClientSession(trust_env=False))
        children: list[Child] = []
        stack.push_async_callback(_stop, children, announce)
        announce(f"starting {len(made.programs)} processes")
        base = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
        children.extend(
            [await start(program, base, directory, logs or directory) for program in made.programs]
        )
        system = System(made, found.kind, directory, settings, broker, children, http)
        await _ready(system)
        yield system


def require(environ: Mapping[str, str]) -> None:
    """Refuse at once what would only be found out after a broker was started.

    Raises:
        ConfigurationError: A setting is wrong, or what the receiver verifies with is missing.
    """
    Settings.from_env(environ)
    if importlib.util.find_spec(VERIFIER) is None:
        message = (
            f"the receiver verifies signatures with the library {VERIFIER}, which is not installed: "
            "`make setup` in a clone of Hookline, or `pip install 'hookline[demo]'`, installs it"
        )
        raise ConfigurationError(message)


def _ground(environ: Mapping[str, str], servers: str, name: str, directory: Path) -> Ground:
    """Everything that must be found or drawn."""
    return Ground(
        environ=environ,
        servers=servers,
        prefix=f"{name}-{secrets.token_hex(4)}",
        secret_key=new_key(),
        directory=directory,
        ports=free_ports(PORTS),
        secrets={endpoint: _signing_secret() for endpoint in ENDPOINTS},
    )


def _signing_secret() -> str:
    """A fresh Standard Webhooks secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


async def _create_topics(settings: Settings, broker: Broker) -> None:
    """All topics of the system."""
    admin = broker.admin()
    try:
        wanted = settings.topics.all(catalog_of(settings.schemas_dir).entities)
        await topics.ensure(admin, wanted, settings.topic_replication)
    finally:
        await admin.close()


async def _delete_topics(broker: Broker, prefix: str) -> None:
    """Everything with the system's prefix; a broker that is gone took its topics along."""
    admin = broker.admin()
    try:
        mine = [name for name in await admin.topics() if name.startswith(f"{prefix}.")]
        await admin.delete(mine)
    except BrokerError:
        return
    finally:
        await admin.close()


async def _stop(children: Sequence[Child], announce: Announce) -> None:
    """Stop every process; say which did not stop by itself."""
    announce(f"stopping {len(children)} processes")
    for name in await stop(children):
        announce(f"{name} did not stop in time and was killed")


async def _ready(system: System) -> None:
    """Wait until every process says that it is ready.

    Raises:
        HooklineError: One is not in time; says which, and its last log lines.
    """
    waiting = list(system.children)
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while waiting:
                for child in system.children:
                    child.check()
                waiting = [child for child in waiting if not await _is_ready(system, child)]
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        child = waiting[0]
        message = (
            f"{child.program.name} was not ready within {READY_WITHIN_S:.0f} s:\n{child.tail()}"
        )
        raise HooklineError(message) from None


async def _is_ready(system: System, child: Child) -> bool:
    """Whether one process says that it is ready."""
    try:
        async with system.http.get(child.program.ready_url) as answer:
            return answer.status == 200  # noqa: PLR2004
    except aiohttp.ClientError:
        return False
