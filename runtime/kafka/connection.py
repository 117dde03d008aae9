"""From settings to the client's arguments: addresses, TLS, SASL, timeouts."""

from __future__ import annotations

import logging
from typing import Any

from runtime.bridge.oauth import credentials
from runtime.kafka.oauth import Tokens
from runtime.settings import Settings
from schemas.errors import ConfigurationError

Arguments = dict[str, Any]

#: A fetch waits this long at the broker for the first record; also how late a resume can be.
FETCH_WAIT_MS = 100
#: Raw bytes of one fetch; with two nodes answering at once a consumer holds about 8 MiB.
FETCH_BYTES = 4 * 1024 * 1024


def client_arguments(settings: Settings) -> Arguments:
    """What every client of this process is given.

    Raises:
        ConfigurationError: SASL is asked for and something it needs is not set.
    """
    arguments: Arguments = {
        "bootstrap_servers": list(settings.kafka_bootstrap_servers),
        "client_id": "hookline",
        "request_timeout_ms": settings.kafka_request_timeout_ms,
        "bootstrap_timeout_ms": settings.kafka_request_timeout_ms,
        "connections_max_idle_ms": max(540_000, settings.kafka_request_timeout_ms + 60_000),
        "reconnect_backoff_max_ms": 2_000,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol in ("SSL", "SASL_SSL"):
        arguments |= _tls(settings)
    if settings.kafka_security_protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        arguments |= _sasl(settings)
    return arguments


def consumer_arguments(settings: Settings) -> Arguments:
    """What every consumer is given, with a group or without: read committed, commit nothing."""
    return client_arguments(settings) | {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "fetch_max_wait_ms": FETCH_WAIT_MS,
        "fetch_max_bytes": FETCH_BYTES,
        "max_poll_records": 500,
        "metrics_enabled": False,
    }


def producer_arguments(settings: Settings) -> Arguments:
    """What every producer is given: idempotent, acknowledged by all in-sync replicas."""
    delivery_ms = settings.kafka_delivery_timeout_ms
    return client_arguments(settings) | {
        # `acks` below "all" would silently switch idempotence off, hence both.
        "enable_idempotence": True,
        "acks": "all",
        "delivery_timeout_ms": delivery_ms,
        "request_timeout_ms": min(settings.kafka_request_timeout_ms, delivery_ms),
        "max_block_ms": max(1, settings.publish_wait_ms),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def silence_client_logs() -> None:
    """Hear of the client only what we do not report ourselves.

    It logs each failed connection attempt as an error, several a second while a broker is away;
    what matters of that reaches our own log as `broker.*` events and raised errors.
    """
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


def _tls(settings: Settings) -> Arguments:
    """Certificates as files; without a CA file the system's authorities are trusted."""
    files = {
        "ssl_cafile": settings.kafka_ssl_ca_file,
        "ssl_certfile": settings.kafka_ssl_cert_file,
        "ssl_keyfile": settings.kafka_ssl_key_file,
    }
    for name, path in files.items():
        if path is not None and not path.is_file():
            variable = (
                f"HOOKLINE_KAFKA_SSL_{name.removeprefix('ssl_').removesuffix('file').upper()}_FILE"
            )
            raise ConfigurationError(f"{variable}: there is no file {path}")
    return {"ssl_check_hostname": True} | {
        name: str(path) for name, path in files.items() if path is not None
    }


def _sasl(settings: Settings) -> Arguments:
    """User and password, or a source of tokens."""
    mechanism = settings.kafka_sasl_mechanism
    if mechanism is None:
        raise ConfigurationError(
            f"HOOKLINE_KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} also needs"
            " HOOKLINE_KAFKA_SASL_MECHANISM: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
        )
    if mechanism == "OAUTHBEARER":
        return {
            "sasl_mechanism": mechanism,
            "sasl_oauth_token_provider": Tokens(credentials(settings)),
        }
    username, password = settings.kafka_sasl_username, settings.kafka_sasl_password
    if username is None or password is None:
        raise ConfigurationError(
            f"HOOKLINE_KAFKA_SASL_MECHANISM={mechanism} also needs"
            " HOOKLINE_KAFKA_SASL_USERNAME and HOOKLINE_KAFKA_SASL_PASSWORD"
        )
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": username,
        "sasl_plain_password": password.get_secret_value(),
    }
