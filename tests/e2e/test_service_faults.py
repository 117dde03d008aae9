"""Every service through the faults of a start and of its surroundings: what it says, how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from runtime import topics
from runtime.kafka import KafkaBroker
from runtime.local_broker.jvm import free_ports
from runtime.settings import PREFIX, Settings
from tests.conftest import unique_settings
from tests.delivery_rig import Receiver, person_event, receiving, rigged, webhook
from tests.processes import ROOT, environment
from tests.registry_server import RegistryServer
from tests.waiting import until

SERVICES = (
    "producers.gateway",
    "producers.entity_service",
    "workflow_service",
    "webhook_service",
)
CONSUMERS = ("workflow_service", "webhook_service")


def variables(settings: Settings, folder: Path, **more: object) -> dict[str, str]:
    """The variables of every service of a system."""
    values: dict[str, object] = {
        "kafka_bootstrap_servers": ",".join(settings.kafka_bootstrap_servers),
        "kafka_session_timeout_ms": settings.kafka_session_timeout_ms,
        "kafka_request_timeout_ms": 5_000,
        "topic_prefix": settings.topic_prefix,
        "topic_partitions": settings.topic_partitions,
        "retry_tiers_ms": "100,400",
        "secret_keys": settings.secret_keys[0].get_secret_value(),
        "workflow_group": settings.workflow_group,
        "webhook_group": settings.webhook_group,
        "webhook_allow_networks": "127.0.0.0/8",
        "gateway_port": 0,
        "entity_port": 0,
        "entity_database_url": f"sqlite:///{folder / 'entities.db'}",
    }
    return environment(**(values | more))


class Service:
    """A started service, its log and its health."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.health = f"http://127.0.0.1:{port}/health/ready"
        self.log = log

    @property
    def said(self) -> str:
        return self.log.read_text()

    def tail(self) -> str:
        """The end of its log."""
        return self.said[-3_000:]

    def says(self, words: str) -> Callable[[], bool]:
        """Whether it has said so by now."""
        return lambda: words in self.said

    async def status(self) -> int | None:
        """200 if it is ready, 503 if not; None if nobody answers."""
        try:
            async with aiohttp.ClientSession() as http, http.get(self.health) as answer:
                return answer.status
        except aiohttp.ClientError:
            return None

    async def ready(self) -> bool:
        assert self.process.returncode is None, self.said
        return await self.status() == 200

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 60)


@asynccontextmanager
async def started(
    module: str, environ: Mapping[str, str], folder: Path, *, port: int | None = None
) -> AsyncIterator[Service]:
    """A service that was started, in whatever state; it is killed in the end if it still runs."""
    chosen = port or free_ports(1)[0]
    log = folder / f"{module}-{chosen}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            env={**environ, f"{PREFIX}HEALTH_PORT": str(chosen)},
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    try:
        yield Service(process, chosen, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def sentence(said: str) -> str:
    """What was said for people, without the log; one line, or it is no clear sentence."""
    assert "Traceback" not in said
    (line,) = (line for line in said.splitlines() if not line.startswith("{"))
    return line


def nowhere() -> Settings:
    """A system whose broker is not there."""
    return unique_settings(f"127.0.0.1:{free_ports(1)[0]}")


@pytest.mark.parametrize("module", SERVICES)
async def test_an_unknown_setting_stops_the_start_and_names_the_nearest(module, tmp_path):
    environ = variables(nowhere(), tmp_path) | {"HOOKLINE_LOG_LEVLE": "info"}

    async with started(module, environ, tmp_path) as it:
        code = await it.ended()

    assert code == 2
    assert "HOOKLINE_LOG_LEVLE is not a setting; did you mean HOOKLINE_LOG_LEVEL?" in sentence(
        it.said
    )


@pytest.mark.parametrize("module", SERVICES)
async def test_a_second_start_on_the_health_port_is_one_sentence(module, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        async with started(module, variables(nowhere(), tmp_path), tmp_path, port=port) as it:
            code = await it.ended()

    assert code == 2
    assert f"port {port} on 127.0.0.1 is already in use" in sentence(it.said)
    assert "HOOKLINE_HEALTH_PORT" in sentence(it.said)


@pytest.mark.parametrize("module", SERVICES)
async def test_who_waits_for_a_broker_says_so_and_can_be_stopped(module, tmp_path):
    async with started(module, variables(nowhere(), tmp_path), tmp_path) as it:
        await until(it.says("broker.waiting"), message=it.tail)
        assert await it.status() == 503

        it.process.terminate()
        code = await it.ended()

    assert code == 0, it.said
    assert "Traceback" not in it.said


async def test_a_broker_that_comes_after_the_services_is_taken_up_by_each(own_broker, tmp_path):
    settings = unique_settings(own_broker.bootstrap_servers)
    await make_topics(settings)
    own_broker.kill()
    environ = variables(settings, tmp_path)
    async with AsyncExitStack() as stack:
        services = [
            await stack.enter_async_context(started(module, environ, tmp_path))
            for module in SERVICES
        ]
        for it in services:
            await until(it.says("broker.waiting"), message=it.tail)
        statuses = [await it.status() for it in services]

        own_broker.restart()
        for it in services:
            await until(it.ready, message=it.tail)
        for it in services:
            it.process.terminate()
        codes = [await it.ended() for it in services]

    assert statuses == [503] * len(SERVICES)
    assert codes == [0] * len(SERVICES), "\n".join(it.said[-2_000:] for it in services)


async def test_a_registry_that_comes_after_the_services_is_taken_up_by_each(
    kafka_servers, tmp_path
):
    settings = unique_settings(kafka_servers)
    (port,) = free_ports(1)
    environ = variables(settings, tmp_path, registry_url=f"http://127.0.0.1:{port}")
    async with made_topics(settings), AsyncExitStack() as stack:
        services = [
            await stack.enter_async_context(started(module, environ, tmp_path))
            for module in SERVICES
        ]
        # The gateway registers an entity's schema with its first event; the others at the start.
        for it in services[1:]:
            away = f"registry at http://127.0.0.1:{port} does not answer"
            await until(it.says(away), message=it.tail)
        statuses = [await it.status() for it in services[1:]]
        server = RegistryServer()
        async with server.serving(port=port):
            for it in services:
                await until(it.ready, message=it.tail)
        for it in services:
            it.process.terminate()
        codes = [await it.ended() for it in services]

    assert statuses == [503] * len(services[1:])
    assert codes == [0] * len(services)
    assert server.subjects.keys() >= {"crm.Action", "crm.Attempt", "crm.PersonEvent"}


@pytest.mark.parametrize("module", SERVICES)
async def test_topics_that_are_missing_stop_the_start_with_what_to_do(
    module, kafka_servers, tmp_path
):
    settings = unique_settings(kafka_servers)

    async with started(module, variables(settings, tmp_path), tmp_path) as it:
        code = await it.ended()

    assert code == 2
    assert f"{settings.topic_prefix}." in sentence(it.said)
    assert "`hookline topics create`" in sentence(it.said)


@pytest.mark.parametrize("module", CONSUMERS)
async def test_topics_with_another_number_of_partitions_stop_the_start(
    module, kafka_servers, tmp_path
):
    settings = unique_settings(kafka_servers)
    environ = variables(settings, tmp_path, topic_partitions=7)
    async with made_topics(settings), started(module, environ, tmp_path) as it:
        code = await it.ended()

    assert code == 2
    actions = settings.topics.actions
    assert f"{actions} has 3 partitions, expected 7" in sentence(it.said)
    assert "`hookline topics check`" in sentence(it.said)


async def test_members_stopped_while_requests_are_under_way_lose_and_repeat_nothing(
    kafka_servers, tmp_path
):
    settings = unique_settings(kafka_servers)
    environ = variables(settings, tmp_path)
    async with (
        made_topics(settings),
        receiving() as receiver,
        rigged(KafkaBroker(settings), settings) as rig,
    ):
        await rig.save(webhook("hook", f"{receiver.url}/hook", concurrency=4, timeout="60s"))
        actions = [rig.action(person_event(number), "hook") for number in range(130)]
        for acted in (0, 60):
            receiver.moods["/hook"] = 200
            async with started("webhook_service", environ, tmp_path) as it:
                # An endpoint that has not answered yet is asked once, and then as often as it may be.
                await rig.act(actions[acted : acted + 8])
                await until(arrived(receiver, acted + 8), message=it.tail)
                receiver.moods["/hook"] = "hang"
                await rig.act(actions[acted + 8 : acted + 60])
                await until(arrived(receiver, acted + 12), message=it.tail)
                it.process.terminate()
                await until(it.says("process.stopping"), message=it.tail)
                await until(answered_and_ended(receiver, it), message=it.tail)
                assert it.process.returncode == 0, it.tail()
            assert len(receiver.at("/hook")) < acted + 60
        receiver.moods["/hook"] = 200
        await rig.act(actions[120:])
        async with started("webhook_service", environ, tmp_path) as it:
            await until(arrived(receiver, len(actions)), message=it.tail)
            it.process.terminate()
            assert await it.ended() == 0, it.tail()
        attempts = await rig.attempts()

    ids = Counter(str(action.action_id) for action in actions)
    assert Counter(one.webhook_id for one in receiver.at("/hook")) == ids
    assert Counter(str(attempt.action_id) for attempt in attempts) == ids
    assert {attempt.outcome for attempt in attempts} == {"delivered"}


def answered_and_ended(receiver: Receiver, service: Service) -> Callable[[], bool]:
    """Each look answers what hangs by now, and nothing that comes later, until the service ends."""

    def look() -> bool:
        hanging, receiver.release = receiver.release, asyncio.Event()
        hanging.set()
        return service.process.returncode is not None

    return look


def arrived(receiver: Receiver, count: int) -> Callable[[], bool]:
    return lambda: len(receiver.at("/hook")) >= count


async def make_topics(settings: Settings) -> None:
    admin = KafkaBroker(settings).admin()
    try:
        await topics.ensure(admin, settings.topics.all(entities()), replication=1)
    finally:
        await admin.close()


@asynccontextmanager
async def made_topics(settings: Settings) -> AsyncIterator[None]:
    """The system's topics for as long as the block lasts."""
    await make_topics(settings)
    try:
        yield
    finally:
        admin = KafkaBroker(settings).admin()
        try:
            prefix = f"{settings.topic_prefix}."
            await admin.delete([n for n in await admin.topics() if n.startswith(prefix)])
        finally:
            await admin.close()


def entities() -> tuple[str, ...]:
    names = (ROOT / "schemas" / "entities").glob("*.avsc")
    return tuple(sorted(json.loads(path.read_text())["name"].lower() for path in names))
