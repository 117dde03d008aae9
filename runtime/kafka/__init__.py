"""The broker port over Apache Kafka; the only package that imports the client library."""

from __future__ import annotations

from runtime.kafka.adapter import KafkaBroker

__all__ = ["KafkaBroker"]
