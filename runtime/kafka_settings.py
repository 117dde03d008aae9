"""What an operator can set about Kafka itself: address, security, patience, bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, model_validator

from runtime.setting_values import HttpUrl, Servers, variable

#: What each mechanism needs beside itself.
NEEDED = {
    "PLAIN": ("kafka_sasl_username", "kafka_sasl_password"),
    "SCRAM-SHA-256": ("kafka_sasl_username", "kafka_sasl_password"),
    "SCRAM-SHA-512": ("kafka_sasl_username", "kafka_sasl_password"),
    "OAUTHBEARER": (
        "kafka_oauth_token_url",
        "kafka_oauth_client_id",
        "kafka_oauth_client_secret",
    ),
}
OF_SASL = (
    "kafka_sasl_mechanism",
    *dict.fromkeys(name for names in NEEDED.values() for name in names),
)
OF_TLS = ("kafka_ssl_ca_file", "kafka_ssl_cert_file", "kafka_ssl_key_file")


class KafkaSettings(BaseModel):
    """The part of `runtime.settings.Settings` that the Kafka adapter reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kafka_bootstrap_servers: Servers = Field(default=("localhost:9092",), min_length=1)
    """Brokers to begin with, `host:port` separated by commas."""
    kafka_client: Literal["kafka-python", "librdkafka"] = "kafka-python"
    """The client library: pure Python, or (`pip install 'hookline[librdkafka]'`) native and cheaper."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How connections are secured."""
    kafka_sasl_mechanism: (
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None
    ) = None
    """How the client proves who it is, with a `SASL_…` protocol."""
    kafka_sasl_username: str | None = None
    """For PLAIN and SCRAM."""
    kafka_sasl_password: SecretStr | None = None
    """For PLAIN and SCRAM."""
    kafka_oauth_token_url: HttpUrl | None = None
    """For OAUTHBEARER: where tokens are fetched (client credentials grant)."""
    kafka_oauth_client_id: str | None = None
    """For OAUTHBEARER."""
    kafka_oauth_client_secret: SecretStr | None = None
    """For OAUTHBEARER."""
    kafka_oauth_scope: str | None = None
    """For OAUTHBEARER, if the token server wants one."""
    kafka_ssl_ca_file: FilePath | None = None
    """Certificates to trust (PEM), instead of the system's."""
    kafka_ssl_cert_file: FilePath | None = None
    """The client's own certificate (PEM)."""
    kafka_ssl_key_file: FilePath | None = None
    """Its private key (PEM)."""
    kafka_request_timeout_ms: int = Field(default=30_000, ge=1_000, le=600_000)
    """How long one request may take."""
    kafka_session_timeout_ms: int = Field(default=10_000, ge=1_000, le=300_000)
    """A member not heard of for so long is dead; the broker's own bounds (6 s to 30 min) apply."""
    kafka_max_poll_interval_ms: int = Field(default=300_000, ge=10_000, le=3_600_000)
    """A member that does not poll for so long leaves the group."""
    kafka_transaction_timeout_ms: int = Field(default=15_000, ge=1_000, le=900_000)
    """A transaction that a dead process left open is aborted after this; readers wait for it."""
    kafka_delivery_timeout_ms: int = Field(default=30_000, ge=1_000, le=600_000)
    """How long a record may wait for its acknowledgement, retries included."""
    publish_buffer_records: int = Field(default=10_000, ge=1, le=1_000_000)
    """Records that may wait for the broker in one publisher; beyond it publishing waits."""
    publish_buffer_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, le=2**31)
    """The same in bytes."""
    publish_wait_ms: int = Field(default=10_000, ge=0, le=600_000)
    """How long publishing waits for room before it refuses."""
    fetch_buffer_records: int = Field(default=2_000, ge=1, le=100_000)
    """Records fetched and not yet handled; bounds a consumer's memory."""
    rebalance_budget_ms: int = Field(default=20_000, ge=100, le=300_000)
    """How long a member may finish its work when partitions are taken from it."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse what contradicts itself, or would silently have no effect."""
        problems = (*self._sasl_problems(), *self._tls_problems(), *self._time_problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _sasl_problems(self) -> Iterator[str]:
        protocol = self.kafka_security_protocol
        if not protocol.startswith("SASL_"):
            for name in OF_SASL:
                if getattr(self, name) is not None:
                    yield (
                        f"{variable(name)} is set but {variable('kafka_security_protocol')} is "
                        f"{protocol}: set that to SASL_SSL (or SASL_PLAINTEXT)"
                    )
            return
        if self.kafka_sasl_mechanism is None:
            yield (
                f"{variable('kafka_security_protocol')}={protocol} needs "
                f"{variable('kafka_sasl_mechanism')}: one of {', '.join(NEEDED)}"
            )
            return
        for name in NEEDED[self.kafka_sasl_mechanism]:
            if getattr(self, name) is None:
                yield (
                    f"{variable('kafka_sasl_mechanism')}={self.kafka_sasl_mechanism} needs "
                    f"{variable(name)}"
                )

    def _tls_problems(self) -> Iterator[str]:
        protocol = self.kafka_security_protocol
        if not protocol.endswith("SSL"):
            for name in OF_TLS:
                if getattr(self, name) is not None:
                    yield (
                        f"{variable(name)} is set but {variable('kafka_security_protocol')} is "
                        f"{protocol}: set that to SSL (or SASL_SSL)"
                    )
        if (self.kafka_ssl_cert_file is None) != (self.kafka_ssl_key_file is None):
            yield (
                f"{variable('kafka_ssl_cert_file')} and {variable('kafka_ssl_key_file')} "
                "are set together or not at all"
            )

    def _time_problems(self) -> Iterator[str]:
        if self.rebalance_budget_ms >= self.kafka_max_poll_interval_ms:
            yield (
                f"{variable('rebalance_budget_ms')} ({self.rebalance_budget_ms}) must be below "
                f"{variable('kafka_max_poll_interval_ms')} ({self.kafka_max_poll_interval_ms}), "
                "or a member that finishes its work is thrown out of its group"
            )
