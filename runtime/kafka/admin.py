"""Topics and group lags through the client's admin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka import TopicPartition as ClientPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code
from kafka.protocol.consumer import IsolationLevel

from runtime.broker import Position, TopicConfig, TopicPartition
from runtime.kafka.client import Untyped, build, patiently
from runtime.kafka.connection import client_arguments
from runtime.kafka.failures import broker_error
from runtime.kafka.worker import Worker
from runtime.settings import Settings

#: What Hookline sets on a topic, or cares about.
CONFIG_KEYS = ("cleanup.policy", "max.message.bytes", "min.insync.replicas", "retention.ms")

T = TypeVar("T")


class KafkaAdmin:
    """`runtime.broker.Admin`; connects with the first call."""

    def __init__(self, settings: Settings) -> None:
        """Connects nothing yet."""
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._worker = Worker("hookline-admin")
        self._client: Untyped = None

    async def topics(self) -> Mapping[str, TopicConfig]:
        """Every topic there is, with the configuration keys that Hookline sets."""
        return await self._ask("listing the topics", self._topics)

    async def create(self, topics: Collection[TopicConfig], replication: int) -> None:
        """Create topics that are not there; one that exists already is left as it is."""
        if topics:
            names = ", ".join(topic.name for topic in topics)
            await self._ask(f"creating {names}", lambda: self._create(topics, replication))

    async def delete(self, names: Collection[str]) -> None:
        """Delete topics; one that is not there is no error."""
        if names:
            await self._ask(f"deleting {', '.join(names)}", lambda: self._delete(names))

    async def committed(self, group: str) -> Mapping[TopicPartition, int]:
        """The next offset that the group will read, per partition it has committed anything for."""
        return await self._ask(f"reading the offsets of {group}", lambda: self._committed(group))

    async def positions(self, group: str) -> Mapping[TopicPartition, Position]:
        """What the group has committed, metadata included: all partitions as of one moment."""
        return await self._ask(f"reading the offsets of {group}", lambda: self._positions(group))

    async def lag(self, group: str) -> Mapping[TopicPartition, int]:
        """Records between the group's committed position and the end, per partition."""
        return await self._ask(f"reading the lag of {group}", lambda: self._lag(group))

    async def close(self) -> None:
        """Free everything."""
        client, self._client = self._client, None
        if client is not None:
            await self._worker.run(client.close)
        self._worker.close()

    async def _ask(self, doing: str, call: Callable[[], T]) -> T:
        try:
            timeout_s = self._settings.kafka_request_timeout_ms / 1000
            return await self._worker.run(lambda: patiently(call, timeout_s))
        except KafkaError as error:
            raise broker_error(error, doing, self._servers) from error

    # Everything below runs on the worker's thread.

    def _admin(self) -> Untyped:
        if self._client is None:
            self._client = build(KafkaAdminClient, client_arguments(self._settings))
        return self._client

    def _topics(self) -> dict[str, TopicConfig]:
        described = [
            topic
            for topic in self._admin().describe_topics()
            if not topic["error_code"] and not topic["is_internal"]
        ]
        if not described:
            return {}
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, topic["name"], dict.fromkeys(CONFIG_KEYS))
            for topic in described
        ]
        configs = self._admin().describe_configs(resources, config_filter="all")["topic"]
        return {
            name: TopicConfig(
                name,
                len(topic["partitions"]),
                {key: entry["value"] for key, entry in configs.get(name, {}).items()},
            )
            for topic in described
            for name in (topic["name"],)
        }

    def _create(self, topics: Collection[TopicConfig], replication: int) -> None:
        wanted = {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": replication,
                "configs": dict(topic.config),
            }
            for topic in topics
        }
        answer = self._admin().create_topics(wanted, raise_errors=False)
        _raise_all_but(answer["topics"], TopicAlreadyExistsError)
        self._admin().wait_for_topics(
            list(wanted), timeout_ms=self._settings.kafka_request_timeout_ms
        )

    def _delete(self, names: Collection[str]) -> None:
        answer = self._admin().delete_topics(list(names), raise_errors=False)
        _raise_all_but(answer["topics"], UnknownTopicOrPartitionError)

    def _committed(self, group: str) -> dict[TopicPartition, int]:
        committed = self._admin().list_group_offsets(group).get(group, {})
        return {TopicPartition(*place): position.offset for place, position in committed.items()}

    def _positions(self, group: str) -> dict[TopicPartition, Position]:
        committed = self._admin().list_group_offsets(group).get(group, {})
        return {
            TopicPartition(*place): Position(position.offset, position.metadata or "")
            for place, position in committed.items()
        }

    def _lag(self, group: str) -> dict[TopicPartition, int]:
        committed = self._admin().list_group_offsets(group).get(group, {})
        if not committed:
            return {}
        ends = self._admin().list_partition_offsets(
            dict.fromkeys(committed, OffsetSpec.LATEST), IsolationLevel.READ_COMMITTED
        )
        return {
            TopicPartition(*partition): max(0, ends[partition].offset - position.offset)
            for partition, position in committed.items()
            if partition in ends
        }


def end_offsets(
    admin: Untyped,
    partitions: Collection[ClientPartition],
) -> dict[ClientPartition, int]:
    """Where each partition ends, open transactions included."""
    ends = admin.list_partition_offsets(
        dict.fromkeys(partitions, OffsetSpec.LATEST), IsolationLevel.READ_UNCOMMITTED
    )
    return {partition: found.offset for partition, found in ends.items()}


def _raise_all_but(answers: Collection[Mapping[str, Any]], expected: type[KafkaError]) -> None:
    """Raise the first error that is not the expected one, naming its topic."""
    for answer in answers:
        kind = for_code(answer["error_code"])
        if answer["error_code"] and kind is not expected:
            raise kind(f"{answer['name']}: {answer.get('error_message') or kind.__name__}")
