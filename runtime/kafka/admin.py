"""The client's admin."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kafka import KafkaAdminClient
from kafka import TopicPartition as ClientPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code
from kafka.protocol.consumer import IsolationLevel

from runtime.bridge.administering import CONFIG_KEYS
from runtime.bridge.failures import no_topic
from runtime.broker import Position, TopicConfig, TopicPartition
from runtime.kafka.client import Untyped, build
from runtime.kafka.connection import client_arguments
from runtime.kafka.offsets import text
from runtime.settings import Settings


class KafkaAdministration:
    """`runtime.bridge.administering.AdminClient`."""

    def __init__(self, settings: Settings) -> None:
        """Connects."""
        self._timeout_ms = settings.kafka_request_timeout_ms
        self._client: Untyped = build(KafkaAdminClient, client_arguments(settings))

    def close(self) -> None:
        """Free everything."""
        self._client.close()

    def topics(self) -> dict[str, TopicConfig]:
        """Every topic that is not the broker's own, with `CONFIG_KEYS`."""
        described = [
            topic
            for topic in self._client.describe_topics()
            if not topic["error_code"] and not topic["is_internal"]
        ]
        if not described:
            return {}
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, topic["name"], dict.fromkeys(CONFIG_KEYS))
            for topic in described
        ]
        configs = self._client.describe_configs(resources, config_filter="all")["topic"]
        return {
            name: TopicConfig(
                name,
                len(topic["partitions"]),
                {key: entry["value"] for key, entry in configs.get(name, {}).items()},
            )
            for topic in described
            for name in (topic["name"],)
        }

    def create(self, topics: Collection[TopicConfig], replication: int) -> None:
        """Create those that are not there, and wait until the broker knows them."""
        wanted = {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": replication,
                "configs": dict(topic.config),
            }
            for topic in topics
        }
        answer = self._client.create_topics(wanted, raise_errors=False)
        _raise_all_but(answer["topics"], TopicAlreadyExistsError)
        self._client.wait_for_topics(list(wanted), timeout_ms=self._timeout_ms)

    def delete(self, names: Collection[str]) -> None:
        """Delete those that are there."""
        answer = self._client.delete_topics(list(names), raise_errors=False)
        _raise_all_but(answer["topics"], UnknownTopicOrPartitionError)

    def positions(self, group: str) -> dict[TopicPartition, Position]:
        """What a group has committed."""
        committed = self._client.list_group_offsets(group).get(group, {})
        return {
            TopicPartition(*place): Position(position.offset, text(position.metadata))
            for place, position in committed.items()
        }

    def ends(
        self, partitions: Collection[TopicPartition], *, settled: bool
    ) -> dict[TopicPartition, int]:
        """Where each ends for committed records, or (settled) with open transactions included."""
        asked = {ClientPartition(*one): OffsetSpec.LATEST for one in partitions}
        level = IsolationLevel.READ_UNCOMMITTED if settled else IsolationLevel.READ_COMMITTED
        found = self._client.list_partition_offsets(asked, level)
        return {TopicPartition(*partition): end.offset for partition, end in found.items()}

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """Every partition of the topics."""
        described = list(self._client.describe_topics(sorted(topics)))
        if missing := [one["name"] for one in described if one["error_code"]]:
            raise no_topic(missing)
        return [
            TopicPartition(one["name"], part["partition_index"])
            for one in described
            for part in one["partitions"]
        ]


def _raise_all_but(answers: Collection[Mapping[str, Any]], expected: type[KafkaError]) -> None:
    """Raise the first error that is not the expected one, naming its topic."""
    for answer in answers:
        kind = for_code(answer["error_code"])
        if answer["error_code"] and kind is not expected:
            raise kind(f"{answer['name']}: {answer.get('error_message') or kind.__name__}")
