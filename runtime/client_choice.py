"""Which Kafka client stands behind the broker port: the operator's choice."""

from __future__ import annotations

from runtime.broker import Broker
from runtime.kafka import KafkaBroker
from runtime.settings import Settings
from schemas.errors import ConfigurationError


def kafka_broker(settings: Settings) -> Broker:
    """The broker by the client that `HOOKLINE_KAFKA_CLIENT` names; connects nothing yet.

    Raises:
        ConfigurationError: That client is not installed, or the security settings do not go
            together.
    """
    if settings.kafka_client == "kafka-python":
        return KafkaBroker(settings)
    try:
        # An optional dependency with native code: only who chooses it needs it.
        from runtime.librdkafka import LibrdkafkaBroker  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "HOOKLINE_KAFKA_CLIENT=librdkafka needs the package confluent-kafka:"
            " pip install 'hookline[librdkafka]'"
        ) from error
    return LibrdkafkaBroker(settings)
