"""Schema registries: the embedded one in Kafka, and Confluent's REST protocol."""

from __future__ import annotations

from runtime.registry.both import BothRegistries, registry_from
from runtime.registry.port import Registry
from runtime.registry.rest import RestRegistry
from runtime.registry.topic import TopicRegistry

__all__ = ["BothRegistries", "Registry", "RestRegistry", "TopicRegistry", "registry_from"]
