"""What a local system consists of: its settings, its processes, their addresses.

Pure: no clock, no I/O; ports, keys and names come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.children import Program

#: Two members of each consuming service, so that one can see them share the work.
MEMBERS = 2
ENTITIES = ("person", "lead")
#: One endpoint per webhook of the example definitions.
ENDPOINTS = ("people", "sales", "billing", "organizations")
PARTITIONS = 6
#: Tiers and schedule are short, so that a retry takes seconds and a death a few of them.
TIERS_MS = (250, 1_000)
#: Only loopback: the receiver is on this machine.
ALLOWED_NETWORKS = "127.0.0.0/8"
#: Entity services, gateway, members of both services with one health port each, and the receiver.
PORTS = 2 * len(ENTITIES) + 2 + 2 * MEMBERS + 1

KAFKA = "HOOKLINE_KAFKA_"
REPLICATION = "HOOKLINE_TOPIC_REPLICATION"


@dataclass(frozen=True, slots=True)
class Plan:
    """A local system before it is started.

    Attributes:
        settings: The `HOOKLINE_*` variables that all its processes share, and that the `hookline`
            command needs to work with it.
        programs: In the order of starting.
        entities: Address of each entity service.
        secrets: Signing secret per endpoint of the receiver.
    """

    settings: Mapping[str, str]
    programs: tuple[Program, ...]
    entities: Mapping[str, str]
    gateway: str
    receiver: str
    secrets: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """First part of every topic's name."""
        return self.settings["HOOKLINE_TOPIC_PREFIX"]

    def hook(self, endpoint: str) -> str:
        """Where a webhook delivers to."""
        return f"{self.receiver}/hooks/{endpoint}"

    def control(self, endpoint: str) -> str:
        """Where an endpoint is told to fail or to work."""
        return f"{self.receiver}/control/{endpoint}"


@dataclass(frozen=True, slots=True)
class Ground:
    """What was found or drawn for a system.

    Attributes:
        environ: The user's; only what describes the connection to Kafka is taken from it.
        directory: Databases and logs; exists.
        ports: As many as `PORTS`.
        secrets: Signing secret per endpoint.
    """

    environ: Mapping[str, str]
    servers: str
    prefix: str
    secret_key: str
    directory: Path
    ports: Sequence[int]
    secrets: Mapping[str, str]


def plan(ground: Ground) -> Plan:
    """The whole system on that ground."""
    settings = _settings(ground)
    ports = iter(ground.ports)
    addresses = {entity: _url(next(ports)) for entity in ENTITIES}
    gateway, receiver = _url(next(ports)), _url(next(ports))
    programs = [_receiver(ground, receiver)]
    programs += [
        _service(
            entity + "s",
            "producers.entity_service",
            {
                **settings,
                "HOOKLINE_ENTITY": entity,
                "HOOKLINE_ENTITY_PORT": _port(address),
                "HOOKLINE_ENTITY_DATABASE_URL": f"sqlite:///{ground.directory / entity}.db",
            },
            next(ports),
        )
        for entity, address in addresses.items()
    ]
    own = {**settings, "HOOKLINE_GATEWAY_PORT": _port(gateway)}
    programs.append(_service("gateway", "producers.gateway", own, next(ports)))
    for kind, module in (("workflows", "workflow_service"), ("webhooks", "webhook_service")):
        programs += [
            _service(f"{kind}-{number}", module, settings, next(ports))
            for number in range(1, MEMBERS + 1)
        ]
    return Plan(settings, tuple(programs), addresses, gateway, receiver, ground.secrets)


def _settings(ground: Ground) -> dict[str, str]:
    """The variables that all processes share."""
    connection = {name: value for name, value in ground.environ.items() if name.startswith(KAFKA)}
    if REPLICATION in ground.environ:
        connection[REPLICATION] = ground.environ[REPLICATION]
    return {
        **connection,
        "HOOKLINE_KAFKA_BOOTSTRAP_SERVERS": ground.servers,
        "HOOKLINE_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "HOOKLINE_TOPIC_PREFIX": ground.prefix,
        "HOOKLINE_TOPIC_PARTITIONS": str(PARTITIONS),
        "HOOKLINE_RETRY_TIERS_MS": ",".join(map(str, TIERS_MS)),
        "HOOKLINE_SECRET_KEYS": ground.secret_key,
        "HOOKLINE_WORKFLOW_GROUP": f"{ground.prefix}-workflows",
        "HOOKLINE_WEBHOOK_GROUP": f"{ground.prefix}-webhooks",
        "HOOKLINE_WEBHOOK_ALLOW_NETWORKS": ALLOWED_NETWORKS,
        "HOOKLINE_STOP_TIMEOUT_MS": "5000",
    }


def _service(name: str, module: str, environ: Mapping[str, str], health: int) -> Program:
    """A service with its health address."""
    return Program(
        name=name,
        module=module,
        arguments=(),
        environ={**environ, "HOOKLINE_HEALTH_PORT": str(health)},
        url=_url(health),
    )


def _receiver(ground: Ground, url: str) -> Program:
    """The receiver; it is told its secrets in a file, because it shares nothing with Hookline."""
    return Program(
        name="receiver",
        module="console.receiver",
        arguments=("--port", _port(url), "--secrets", str(ground.directory / "receiver.json")),
        environ={},
        url=url,
    )


def _url(port: int) -> str:
    """A loopback address."""
    return f"http://127.0.0.1:{port}"


def _port(url: str) -> str:
    """The port of a loopback address."""
    return url.rsplit(":", 1)[1]
