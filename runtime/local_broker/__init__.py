"""Finds or starts a real Kafka for development, the demo and tests."""

from runtime.local_broker.find import LocalBroker, choose, ways
from runtime.local_broker.jvm import JvmBroker

__all__ = ["JvmBroker", "LocalBroker", "choose", "ways"]
