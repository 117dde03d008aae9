"""All settings of all services: one frozen object, read once from `HOOKLINE_*` variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import DirectoryPath, Field, FilePath, SecretStr, ValidationError, model_validator

from runtime.kafka_settings import KafkaSettings
from runtime.setting_values import (
    PREFIX,
    HttpUrl,
    Networks,
    ProxyUrl,
    Secrets,
    Tiers,
    unknown,
    variable,
    wrong,
)
from schemas.errors import ConfigurationError
from schemas.topics import DEFAULT_TIERS, Topics

__all__ = ["HIDDEN", "PREFIX", "Settings"]

#: Fields whose values are never shown.
HIDDEN = frozenset(
    {
        "entity_database_url",
        "gateway_tokens",
        "kafka_oauth_client_secret",
        "kafka_sasl_password",
        "registry_password",
        "secret_keys",
        "webhook_proxy_url",
    }
)


class Settings(KafkaSettings):
    """What an operator can set; each field is the variable `HOOKLINE_<FIELD>` in capitals."""

    # Topics
    topic_prefix: str = Field(default="crm", pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    """First part of every topic's name."""
    topic_partitions: int = Field(default=6, ge=1, le=1_000)
    """Of each data topic; the most processes of one service that can share the work."""
    topic_replication: int = Field(default=1, ge=1, le=9)
    """Replicas of each topic that is created; 3 in production."""
    retry_tiers_ms: Tiers = DEFAULT_TIERS
    """Delays of the retry topics, rising; the smallest bounds how late a retry can be."""

    # Schemas
    schemas_dir: DirectoryPath | None = None
    """A folder with more entities: one `.avsc` each."""
    registry_url: HttpUrl | None = None
    """A Confluent-compatible schema registry; without one, schemas live in a topic."""
    registry_username: str | None = None
    """For basic authentication at the registry."""
    registry_password: SecretStr | None = None
    """For basic authentication at the registry."""
    registry_ca_file: FilePath | None = None
    """Certificates to trust there (PEM), instead of the system's."""

    # Secrets at rest
    secret_keys: Secrets = ()
    """Fernet keys that seal webhooks' secrets, newest first, separated by commas."""

    # Every service
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Log lines below it are dropped."""
    log_format: Literal["json", "console"] = "json"
    """One JSON object a line, or text for people."""
    health_host: str = Field(default="127.0.0.1", min_length=1)
    """Where `/health/live`, `/health/ready` and `/metrics` are served; 0.0.0.0 in a container."""
    health_port: int = Field(default=0, ge=0, le=65_535)
    """0 takes any free port and logs it."""
    stop_timeout_ms: int = Field(default=20_000, ge=0, le=600_000)
    """How long a service may finish its work after SIGTERM."""
    instance: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$")
    """This process's own name among the live members of its service (a random one if not set). One
    that stays the same over a restart takes over its open transaction at once, not at its timeout."""

    # Gateway
    gateway_host: str = Field(default="127.0.0.1", min_length=1)
    """Where the gateway listens."""
    gateway_port: int = Field(default=8080, ge=0, le=65_535)
    """0 takes any free port and logs it."""
    gateway_tokens: Secrets = ()
    """Bearer tokens that clients may use, separated by commas; none: no token is asked for."""
    gateway_max_body_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    """Larger requests are refused with 413."""
    gateway_max_batch: int = Field(default=500, ge=1, le=10_000)
    """Events in one request."""
    gateway_max_event_bytes: int = Field(default=900_000, ge=1024, le=64 * 1024 * 1024)
    """One event, encoded; below the 1 MiB that a broker takes unless told otherwise."""
    gateway_in_flight_bytes: int = Field(default=64 * 1024 * 1024, ge=1024, le=2**31)
    """Bodies being read or published at a time; beyond it requests are refused with 503."""
    gateway_body_timeout_ms: int = Field(default=15_000, ge=100, le=600_000)
    """How long a client may take to send its body."""
    gateway_publish_timeout_ms: int = Field(default=15_000, ge=100, le=600_000)
    """A request is answered within this time after its body, broker or not."""
    gateway_idempotency_ttl_s: int = Field(default=86_400, ge=1, le=604_800)
    """How long an `Idempotency-Key` is remembered."""
    gateway_idempotency_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, le=2**31)
    """Memory for remembered answers; the oldest go first."""

    # Entity service
    entity: str = Field(default="person", min_length=1)
    """The entity that this entity service keeps."""
    entity_host: str = Field(default="127.0.0.1", min_length=1)
    """Where the entity service listens."""
    entity_port: int = Field(default=8081, ge=0, le=65_535)
    """0 takes any free port and logs it."""
    entity_database_url: str = Field(default="sqlite:///hookline-entities.db", repr=False)
    """Any SQLAlchemy address: SQLite, PostgreSQL, MySQL."""
    entity_max_body_bytes: int = Field(default=256 * 1024, ge=1024, le=64 * 1024 * 1024)
    """Larger requests are refused with 413. An event holds its record twice, before and after, and
    a broker takes 1 MiB unless told otherwise."""
    relay_poll_ms: int = Field(default=200, ge=1, le=60_000)
    """How often the relay looks for outbox rows that nobody told it of."""
    relay_batch: int = Field(default=500, ge=1, le=10_000)
    """Outbox rows published at a time."""

    # Workflow service
    workflow_group: str = Field(default="hookline-workflows", min_length=1)
    """Consumer group; processes with the same one share the work."""
    workflow_batch: int = Field(default=500, ge=1, le=10_000)
    """Events per transaction, at most."""
    workflow_counts_interval_ms: int = Field(default=30_000, ge=100, le=3_600_000)
    """How often a member writes what workflows have said so far; a crash loses that much of it."""
    workflow_series: int = Field(default=1_000, ge=0, le=100_000)
    """Workflows with metrics of their own in one process; `hookline workflows list` shows all."""
    max_hops: int = Field(default=8, ge=1, le=100)
    """An event that is so many actions away from its first cause is a loop."""
    dead_letter_limit: int = Field(default=50, ge=0, le=1_000_000)
    """Unreadable events in a row, and no readable one between them, at which the service pauses
    instead of emptying a topic into its dead letters; 0: it never does."""
    dead_letter_pause_ms: int = Field(default=10_000, ge=100, le=3_600_000)
    """Pause before it tries again."""

    # Webhook service
    webhook_group: str = Field(default="hookline-webhooks", min_length=1)
    """Consumer group; processes with the same one share the work."""
    webhook_account_interval_ms: int = Field(default=100, ge=1, le=60_000)
    """How often attempts, retries, dead letters and offsets are committed, in one transaction."""
    webhook_max_in_flight: int = Field(default=1_000, ge=1, le=100_000)
    """Actions queued and not settled yet, in one process; as many requests may be under way to
    endpoints that answer within a second, and as many again to slow ones."""
    webhook_allow_networks: Networks = ()
    """Private networks that webhooks may reach, separated by commas: `10.0.0.0/8`."""
    webhook_proxy_url: ProxyUrl | None = None
    """A proxy that every delivery goes through, by CONNECT to an address that was vetted here:
    `http://user:password@proxy.example:3128`. Its own address is yours to choose."""
    webhook_retry_after_cap_s: int = Field(default=86_400, ge=1, le=604_800)
    """The longest `Retry-After` that is honoured."""
    webhook_response_body_bytes: int = Field(default=16 * 1024, ge=0, le=1024 * 1024)
    """How much of an answer's body is read and kept."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from an environment; an empty value counts as not set.

        Raises:
            ConfigurationError: Naming every variable that is unknown (with the nearest name),
                whose value is out of bounds, or that contradicts another.
        """
        known = {variable(name): name for name in cls.model_fields}
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        problems = [unknown(name, known) for name in sorted(given.keys() - known.keys())]
        values: dict[str, Any] = {
            known[name]: value for name, value in given.items() if name in known and value
        }
        try:
            settings = cls(**values)
        except ValidationError as error:
            problems += [wrong(dict(problem), HIDDEN) for problem in error.errors()]
        if problems:
            raise ConfigurationError("; ".join(problems))
        return settings

    @model_validator(mode="after")
    def _registry_agrees(self) -> Self:
        """Refuse credentials that would be sent nowhere."""
        for name in ("registry_username", "registry_password", "registry_ca_file"):
            if getattr(self, name) is not None and self.registry_url is None:
                raise ValueError(f"{variable(name)} is set but {variable('registry_url')} is not")
        if (self.registry_username is None) != (self.registry_password is None):
            raise ValueError(
                f"{variable('registry_username')} and {variable('registry_password')} "
                "are set together or not at all"
            )
        return self

    @property
    def topics(self) -> Topics:
        """The names and shapes of the topics."""
        return Topics(self.topic_prefix, self.topic_partitions, self.retry_tiers_ms)
