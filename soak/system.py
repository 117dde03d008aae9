"""What a soak runs in: a broker that may be stopped, topics, and members that may be killed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime import topics
from runtime.broker import Broker
from runtime.kafka import KafkaBroker
from runtime.settings import PREFIX, Settings
from schemas.catalog import Catalog
from soak.plan import Plan
from workflow_service.assembly import Ground, lay_ground

ROOT = Path(__file__).parents[1]
MEMBERS = ("one", "two")
#: The broker must allow it: a killed member is missed after so long.
SESSION_TIMEOUT_MS = 3_000
BROKER = {
    "group.min.session.timeout.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
}
#: Longer than the broker stands still: what was published once must not be published again.
DELIVERY_TIMEOUT_MS = 120_000
TERMINATE_WITHIN_S = 60


class Member:
    """A process of a service that is started again whenever it ended."""

    def __init__(
        self, environ: Mapping[str, str], log: Path, module: str = "workflow_service"
    ) -> None:
        """Start it."""
        self._module = module
        self._environ = dict(environ)
        self._log = log
        self.kills = 0
        #: Exit codes of a process that ended by itself, as a fenced one does.
        self.ends: list[int] = []
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - the modules are ours
                [sys.executable, "-m", self._module],
                cwd=ROOT,
                env=self._environ,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """End it as a power cut would, and start its successor."""
        self.kills += 1
        self._end()
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Of its process as it is now."""
        return self._process.pid

    def again(self) -> None:
        """Start a successor of one that was stopped."""
        self._process = self._start()

    def revive(self) -> None:
        """Start it again if it ended by itself, as a supervisor does."""
        code = self._process.poll()
        if code is not None:
            self.ends.append(code)
            self._process = self._start()

    def stop(self) -> int:
        """Ask it to finish; its exit code, 0 if it was asked before it could listen."""
        self._process.terminate()
        code = self._process.wait(TERMINATE_WITHIN_S)
        return 0 if code == -signal.SIGTERM else code

    def close(self) -> None:
        """End it, if it still runs."""
        self._end()

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


@dataclass(frozen=True, slots=True)
class System:
    """A system under fire.

    Attributes:
        folder: Of the members' logs.
    """

    settings: Settings
    broker: Broker
    ground: Ground
    members: tuple[Member, ...]
    folder: Path

    async def worked_off(self) -> int:
        """Events whose matching is committed."""
        admin = self.broker.admin()
        try:
            committed = await admin.committed(self.settings.workflow_group)
        finally:
            await admin.close()
        topic = self.settings.topics.events("lead")
        return sum(offset for place, offset in committed.items() if place.topic == topic)

    def said(self) -> str:
        """The end of what the members said."""
        return "\n".join(path.read_text()[-3_000:] for path in sorted(self.folder.glob("*.log")))


def settings_of(plan: Plan, servers: str) -> dict[str, str]:
    """The variables that bring a process into the system."""
    values = {
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "KAFKA_SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS),
        "KAFKA_DELIVERY_TIMEOUT_MS": str(DELIVERY_TIMEOUT_MS),
        "TOPIC_PREFIX": "soak",
        "TOPIC_PARTITIONS": str(plan.partitions),
        "WORKFLOW_GROUP": "soak-workflows",
        "LOG_LEVEL": "warning",
    }
    return {f"{PREFIX}{name}": value for name, value in values.items()}


@asynccontextmanager
async def system(
    plan: Plan, servers: str, environ: Mapping[str, str], folder: Path
) -> AsyncIterator[System]:
    """Topics and members; the processes are ended afterwards."""
    own = settings_of(plan, servers)
    settings, catalog = Settings.from_env(own), Catalog.load()
    broker = KafkaBroker(settings)
    admin = broker.admin()
    try:
        await topics.ensure(admin, settings.topics.all(catalog.entities), replication=1)
    finally:
        await admin.close()
    ground = await lay_ground(broker, settings, catalog)
    keeping = asyncio.create_task(ground.keep_settled())
    try:
        for schema in (catalog.definition, catalog.event("lead")):
            await ground.registry.register(schema)
        outside = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
        with _members(outside | own, folder) as members:
            yield System(settings, broker, ground, members, folder)
    finally:
        keeping.cancel()
        await ground.close()


@contextmanager
def _members(environ: Mapping[str, str], folder: Path) -> Iterator[tuple[Member, ...]]:
    started: list[Member] = []
    try:
        for name in MEMBERS:
            own = {**environ, f"{PREFIX}INSTANCE": name}
            started.append(Member(own, folder / f"{name}.log"))
        yield tuple(started)
    finally:
        for member in started:
            member.close()
