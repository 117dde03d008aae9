"""From settings to the client's configuration: addresses, TLS, SASL, timeouts, bounds."""

from __future__ import annotations

import time
from typing import Any, Protocol

from confluent_kafka import KafkaException

from runtime.bridge.oauth import ClientCredentials, credentials
from runtime.clock import SystemClock
from runtime.librdkafka.failures import Trouble
from runtime.settings import Settings
from schemas.errors import ConfigurationError

Configuration = dict[str, Any]

#: A fetch waits this long at the broker for the first record; also how late a resume can be.
FETCH_WAIT_MS = 100
#: Raw bytes of one fetch, and what a consumer holds of them in all.
FETCH_BYTES = 4 * 1024 * 1024
HELD_KIB = 8 * 1024
#: What the client takes for the longest request timeout.
LONGEST_SOCKET_MS = 300_000
#: As the other client's: what a broker takes unless told otherwise.
LARGEST_RECORD = 1024 * 1024
#: Between two looks for a broker that is not there.
LOOK_AGAIN_S = 0.1


def client_configuration(settings: Settings, trouble: Trouble | None = None) -> Configuration:
    """What every client of this process is given.

    Raises:
        ConfigurationError: SASL is asked for and something it needs is not set.
    """
    request_ms = settings.kafka_request_timeout_ms
    configuration: Configuration = {
        "bootstrap.servers": ",".join(settings.kafka_bootstrap_servers),
        "client.id": "hookline",
        "socket.timeout.ms": min(request_ms, LONGEST_SOCKET_MS),
        "socket.connection.setup.timeout.ms": min(30_000, request_ms),
        "socket.nagle.disable": True,
        "connections.max.idle.ms": max(540_000, request_ms + 60_000),
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 2_000,
        "security.protocol": settings.kafka_security_protocol,
        # What matters of its log reaches our own as `broker.*` events and raised errors.
        "log_level": 0,
        "error_cb": (trouble or Trouble()).heard,
        "enable.metrics.push": False,
    }
    if settings.kafka_security_protocol in ("SSL", "SASL_SSL"):
        configuration |= _tls(settings)
    if settings.kafka_security_protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        configuration |= _sasl(settings)
    return configuration


def consumer_configuration(settings: Settings, trouble: Trouble) -> Configuration:
    """What every consumer is given, with a group or without: read committed, commit nothing."""
    return client_configuration(settings, trouble) | {
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "allow.auto.create.topics": False,
        "check.crcs": True,
        # Without it nobody could tell that what lies before the end are markers only.
        "enable.partition.eof": True,
        "fetch.wait.max.ms": FETCH_WAIT_MS,
        "fetch.max.bytes": FETCH_BYTES,
        "fetch.error.backoff.ms": 100,
        # Below it the client fetches ahead; above it, it looks again after the pause, which is a
        # second unless told otherwise.
        "queued.min.messages": settings.fetch_buffer_records,
        "queued.max.messages.kbytes": HELD_KIB,
        "fetch.queue.backoff.ms": 10,
    }


def producer_configuration(settings: Settings, trouble: Trouble) -> Configuration:
    """What every producer is given: idempotent, acknowledged by all in-sync replicas."""
    delivery_ms = settings.kafka_delivery_timeout_ms
    return client_configuration(settings, trouble) | {
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": delivery_ms,
        "request.timeout.ms": min(settings.kafka_request_timeout_ms, delivery_ms),
        "message.max.bytes": LARGEST_RECORD,
        "topic.metadata.propagation.max.ms": min(5_000, delivery_ms),
        # As Java's client, and kafka-python, put keys on partitions.
        "partitioner": "murmur2_random",
        "linger.ms": 0,
        # Bounded by us; these only must not be in the way.
        "queue.buffering.max.messages": 10_000_000,
        "queue.buffering.max.kbytes": 2_097_151,
    }


class Asked(Protocol):
    """What consumers, producers and admins of the client have in common."""

    def list_topics(self, topic: str = ..., timeout: float = ...) -> Any:
        """What there is."""

    def poll(self, timeout: float = ...) -> Any:
        """Let the client say what it has to."""


def reach(client: Asked, trouble: Trouble, settings: Settings) -> Any:
    """What there is on the broker, as soon as one answers.

    The client itself tries until the timeout, also where it was refused and knows.

    Raises:
        KafkaException: There is none within the request timeout, or it does not let us in.
    """
    deadline = time.monotonic() + settings.kafka_request_timeout_ms / 1000
    while True:
        try:
            return client.list_topics(timeout=max(0.1, min(1.0, deadline - time.monotonic())))
        except KafkaException:
            client.poll(0)
            trouble.check()
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_S)


def _tls(settings: Settings) -> Configuration:
    """Certificates as files; without a CA file the system's authorities are trusted."""
    files = {
        "ssl.ca.location": ("CA", settings.kafka_ssl_ca_file),
        "ssl.certificate.location": ("CERT", settings.kafka_ssl_cert_file),
        "ssl.key.location": ("KEY", settings.kafka_ssl_key_file),
    }
    for what, path in files.values():
        if path is not None and not path.is_file():
            raise ConfigurationError(f"HOOKLINE_KAFKA_SSL_{what}_FILE: there is no file {path}")
    return {
        "enable.ssl.certificate.verification": True,
        "ssl.endpoint.identification.algorithm": "https",
    } | {name: str(path) for name, (_, path) in files.items() if path is not None}


def _sasl(settings: Settings) -> Configuration:
    """User and password, or a source of tokens."""
    mechanism = settings.kafka_sasl_mechanism
    if mechanism is None:
        raise ConfigurationError(
            f"HOOKLINE_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} also needs"
            " HOOKLINE_KAFKA_SASL_MECHANISM: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
        )
    if mechanism == "OAUTHBEARER":
        return {"sasl.mechanisms": mechanism, "oauth_cb": _tokens(credentials(settings))}
    username, password = settings.kafka_sasl_username, settings.kafka_sasl_password
    if username is None or password is None:
        raise ConfigurationError(
            f"HOOKLINE_KAFKA_SASL_MECHANISM={mechanism} also needs"
            " HOOKLINE_KAFKA_SASL_USERNAME and HOOKLINE_KAFKA_SASL_PASSWORD"
        )
    return {
        "sasl.mechanisms": mechanism,
        "sasl.username": username,
        "sasl.password": password.get_secret_value(),
    }


def _tokens(source: ClientCredentials) -> Any:
    """As the client asks for tokens: with the Unix time at which each ends."""
    clock = SystemClock()

    def token(_: str) -> tuple[str, float]:
        token, life_s = source.token()
        return token, clock.now().timestamp() + life_s

    return token
