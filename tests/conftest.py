"""What all tests share: profiles, a real broker when one is asked for, and what a unit test must not do."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest

from runtime import topics
from runtime.broker import Broker
from runtime.local_broker import JvmBroker, choose, ways
from runtime.secrets import new_key
from runtime.settings import PREFIX, Settings
from schemas.catalog import Catalog
from schemas.errors import ConfigurationError
from schemas.topics import Topic

TESTS = Path(__file__).parent
#: Folders whose tests touch neither the network nor other processes, and never wait.
WITHOUT_IO = ("unit", "logic", "properties")
FORBIDDEN = frozenset(
    {
        "os.fork",
        "os.posix_spawn",
        "os.system",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "subprocess.Popen",
    }
)

hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


class _Guard:
    """Raises when a test without I/O does some; an audit hook cannot be removed, only switched."""

    on = False

    def __call__(self, event: str, _: object) -> None:
        if self.on and event in FORBIDDEN:
            self.on = False
            self.refuse(event)

    def sleep(self, _: float) -> None:
        self.refuse("time.sleep")

    def refuse(self, what: str) -> NoReturn:
        raise AssertionError(
            f"{what}: tests in {' and '.join(WITHOUT_IO)} do no I/O and do not sleep; "
            "pass a fake in, or move the test to tests/integration"
        )


_guard = _Guard()
sys.addaudithook(_guard)


def _folder(path: Path) -> str:
    return path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by what a test asks for, so that no mark is forgotten."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & {"kafka_servers", "own_broker"}:
            item.add_marker(pytest.mark.kafka)
        if _folder(item.path) == "e2e":
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(autouse=True)
def _no_io(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In folders that promise it, connecting, spawning and sleeping fail the test."""
    _guard.on = _folder(request.path) in WITHOUT_IO
    if _guard.on:
        monkeypatch.setattr(time, "sleep", _guard.sleep)
    yield
    _guard.on = False


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> Iterator[None]:
    """A developer's HOOKLINE_* variables do not reach the tests, but for the broker's address."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(PREFIX) and name != f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS":
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def kafka_servers() -> Iterator[str]:
    """The address of a real broker: the one given, else one that is started for this session."""
    broker = choose(ways(os.environ)).make()
    broker.start()
    try:
        yield broker.bootstrap_servers
    finally:
        broker.close()


@pytest.fixture
def own_broker() -> Iterator[JvmBroker]:
    """A node of the test's own, to be paused, killed and restarted."""
    try:
        with JvmBroker(os.environ) as broker:
            yield broker
    except ConfigurationError as error:
        pytest.skip(str(error))


def unique_settings(servers: str, **changes: object) -> Settings:
    """Settings of a system of its own on a shared broker: own topics, groups, and short waits."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    values: dict[str, object] = {
        "kafka_bootstrap_servers": servers,
        "kafka_session_timeout_ms": 6_000,
        "kafka_request_timeout_ms": 10_000,
        "topic_prefix": name,
        "topic_partitions": 3,
        "retry_tiers_ms": (timedelta(milliseconds=100), timedelta(milliseconds=400)),
        "secret_keys": new_key(),
        "workflow_group": f"{name}-workflows",
        "webhook_group": f"{name}-webhooks",
        "webhook_allow_networks": "127.0.0.0/8",
        "entity_port": 0,
        "gateway_port": 0,
    }
    return Settings.model_validate(values | changes)


@pytest.fixture
def settings(kafka_servers: str) -> Settings:
    """Settings of a system of the test's own on the session's broker."""
    return unique_settings(kafka_servers)


@pytest.fixture
def broker(settings: Settings) -> Broker:
    """The session's broker through the adapter; use `topics_created` to have the topics."""
    from runtime.kafka import KafkaBroker  # noqa: PLC0415 - most tests need no client

    return KafkaBroker(settings)


@pytest.fixture
async def topics_created(broker: Broker, settings: Settings) -> AsyncIterator[tuple[Topic, ...]]:
    """All topics of the test's system; whatever has its prefix afterwards is deleted."""
    catalog = Catalog.load(settings.schemas_dir)
    wanted = tuple(settings.topics.all(catalog.entities))
    admin = broker.admin()
    try:
        await topics.ensure(admin, wanted, replication=1)
        yield wanted
        mine = [
            name for name in await admin.topics() if name.startswith(f"{settings.topic_prefix}.")
        ]
        await admin.delete(mine)
    finally:
        await admin.close()
