"""All settings of all services: one frozen object, read once from `HOOKLINE_*` variables."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from schemas.errors import ConfigurationError
from schemas.topics import DEFAULT_TIERS, Topics

PREFIX = "HOOKLINE_"


def _split(value: object) -> object:
    """A list in one variable is separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _tiers(value: object) -> object:
    """Retry tiers are milliseconds, separated by commas."""
    if isinstance(value, str):
        return tuple(timedelta(milliseconds=int(part)) for part in value.split(","))
    return value


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """What an operator can set; each field is the variable `HOOKLINE_<FIELD>` in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Kafka
    kafka_bootstrap_servers: Words = Field(default=("localhost:9092",), min_length=1)
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_oauth_token_url: str | None = None
    kafka_oauth_client_id: str | None = None
    kafka_oauth_client_secret: SecretStr | None = None
    kafka_oauth_scope: str | None = None
    kafka_ssl_ca_file: Path | None = None
    kafka_ssl_cert_file: Path | None = None
    kafka_ssl_key_file: Path | None = None
    kafka_request_timeout_ms: int = Field(default=30_000, ge=1_000, le=600_000)
    kafka_session_timeout_ms: int = Field(default=10_000, ge=1_000, le=300_000)
    kafka_max_poll_interval_ms: int = Field(default=300_000, ge=10_000, le=3_600_000)
    kafka_transaction_timeout_ms: int = Field(default=15_000, ge=1_000, le=900_000)
    kafka_delivery_timeout_ms: int = Field(default=30_000, ge=1_000, le=600_000)
    #: What may wait for the broker in one publisher; at the bound it refuses after the wait.
    publish_buffer_records: int = Field(default=10_000, ge=1, le=1_000_000)
    publish_buffer_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, le=2**31)
    publish_wait_ms: int = Field(default=10_000, ge=0, le=600_000)
    #: Records fetched and not yet received; bounds a consumer's memory.
    fetch_buffer_records: int = Field(default=2_000, ge=1, le=100_000)
    rebalance_budget_ms: int = Field(default=20_000, ge=100, le=300_000)

    # Topics
    topic_prefix: str = Field(default="crm", pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    topic_partitions: int = Field(default=6, ge=1, le=1_000)
    topic_replication: int = Field(default=1, ge=1, le=9)
    retry_tiers_ms: Annotated[tuple[timedelta, ...], BeforeValidator(_tiers)] = DEFAULT_TIERS

    # Schemas
    schemas_dir: Path | None = None
    registry_url: str | None = None
    registry_username: str | None = None
    registry_password: SecretStr | None = None
    registry_ca_file: Path | None = None

    # Secrets at rest: Fernet keys, newest first
    secret_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_split)] = ()

    # Every service
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    health_host: str = "127.0.0.1"
    health_port: int = Field(default=0, ge=0, le=65_535)
    stop_timeout_ms: int = Field(default=20_000, ge=0, le=600_000)

    # Gateway
    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(default=8080, ge=0, le=65_535)
    gateway_tokens: Annotated[tuple[SecretStr, ...], BeforeValidator(_split)] = ()
    gateway_max_body_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    gateway_max_batch: int = Field(default=500, ge=1, le=10_000)

    # Entity service
    entity: str = "person"
    entity_host: str = "127.0.0.1"
    entity_port: int = Field(default=8081, ge=0, le=65_535)
    entity_database_url: str = "sqlite:///hookline-entities.db"
    relay_poll_ms: int = Field(default=200, ge=1, le=60_000)
    relay_batch: int = Field(default=500, ge=1, le=10_000)

    # Workflow service
    workflow_group: str = "hookline-workflows"
    workflow_batch: int = Field(default=500, ge=1, le=10_000)
    max_hops: int = Field(default=8, ge=1, le=100)

    # Webhook service
    webhook_group: str = "hookline-webhooks"
    webhook_account_interval_ms: int = Field(default=100, ge=1, le=60_000)
    webhook_max_in_flight: int = Field(default=1_000, ge=1, le=100_000)
    webhook_allow_networks: Words = ()
    webhook_retry_after_cap_s: int = Field(default=86_400, ge=1, le=604_800)
    webhook_response_body_bytes: int = Field(default=16 * 1024, ge=0, le=1024 * 1024)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from an environment.

        Raises:
            ConfigurationError: Naming every variable that is unknown (with the nearest name) or
                whose value is out of bounds.
        """
        known = {f"{PREFIX}{name.upper()}": name for name in cls.model_fields}
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        problems = [_unknown(name, known) for name in sorted(given.keys() - known.keys())]
        values: dict[str, Any] = {known[name]: value for name, value in given.items() if name in known}
        try:
            settings = cls(**values)
        except ValidationError as error:
            problems += [_bad(problem) for problem in error.errors()]
        if problems:
            raise ConfigurationError("; ".join(problems))
        return settings

    @property
    def topics(self) -> Topics:
        """The names and shapes of the topics."""
        return Topics(self.topic_prefix, self.topic_partitions, self.retry_tiers_ms)


def _unknown(name: str, known: Mapping[str, str]) -> str:
    """One sentence about a variable that does not exist."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"{name} is not a setting; did you mean {near[0]}?"


def _bad(problem: Mapping[str, Any]) -> str:
    """One sentence about a value that is not allowed."""
    name = PREFIX + str(problem["loc"][0]).upper() if problem["loc"] else PREFIX + "*"
    return f"{name}={problem['input']!r}: {problem['msg']}"
