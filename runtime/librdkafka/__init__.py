"""The broker port over Apache Kafka by librdkafka; the only package that imports it."""

from __future__ import annotations

from runtime.librdkafka.adapter import LibrdkafkaBroker

__all__ = ["LibrdkafkaBroker"]
