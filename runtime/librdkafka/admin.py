"""The client's admin."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewTopic

from runtime.bridge.administering import CONFIG_KEYS
from runtime.bridge.failures import no_topic
from runtime.broker import Position, TopicConfig, TopicPartition
from runtime.librdkafka.connection import client_configuration, reach
from runtime.librdkafka.failures import Trouble, code_of
from runtime.librdkafka.offsets import checked, client_partitions, ours
from runtime.settings import Settings

#: The broker's own.
INTERNAL = frozenset(
    {"__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"}
)
LOOK_AGAIN_S = 0.05


class LibrdkafkaAdministration:
    """`runtime.bridge.administering.AdminClient`."""

    def __init__(self, settings: Settings) -> None:
        """Connects."""
        self._timeout_s = settings.kafka_request_timeout_ms / 1000
        trouble = Trouble()
        self._client = AdminClient(client_configuration(settings, trouble))
        reach(self._client, trouble, settings)

    def close(self) -> None:
        """Nothing to do: the client is freed with its last reference."""

    def topics(self) -> dict[str, TopicConfig]:
        """Every topic that is not the broker's own, with `CONFIG_KEYS`."""
        there = {
            name: len(topic.partitions)
            for name, topic in self._there().items()
            if topic.error is None and name not in INTERNAL
        }
        if not there:
            return {}
        asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in there]
        answers = self._client.describe_configs(asked, request_timeout=self._timeout_s)
        configs = {resource.name: entries for resource, entries in _settled(answers, UNKNOWN)}
        return {
            name: TopicConfig(
                name, there[name], {key: str(entries[key].value) for key in CONFIG_KEYS}
            )
            for name, entries in configs.items()
        }

    def create(self, topics: Collection[TopicConfig], replication: int) -> None:
        """Create those that are not there, and wait until the broker knows them."""
        wanted = [
            NewTopic(one.name, one.partitions, replication, config=dict(one.config))
            for one in topics
        ]
        answers = self._client.create_topics(wanted, request_timeout=self._timeout_s)
        list(_settled(answers, KafkaError.TOPIC_ALREADY_EXISTS))
        deadline = time.monotonic() + self._timeout_s
        while not self._know({one.name for one in topics}) and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN_S)

    def delete(self, names: Collection[str]) -> None:
        """Delete those that are there."""
        answers = self._client.delete_topics(list(names), request_timeout=self._timeout_s)
        list(_settled(answers, UNKNOWN))

    def positions(self, group: str) -> dict[TopicPartition, Position]:
        """What a group has committed."""
        asked = [ConsumerGroupTopicPartitions(group)]
        answers = self._client.list_consumer_group_offsets(asked, request_timeout=self._timeout_s)
        return {
            ours(one): Position(one.offset, one.metadata or "")
            for _, found in _settled(answers, KafkaError.GROUP_ID_NOT_FOUND)
            for one in checked(found.topic_partitions)
            if one.offset >= 0
        }

    def ends(
        self, partitions: Collection[TopicPartition], *, settled: bool
    ) -> dict[TopicPartition, int]:
        """Where each ends for committed records, or (settled) with open transactions included."""
        if not partitions:
            return {}
        level = IsolationLevel.READ_UNCOMMITTED if settled else IsolationLevel.READ_COMMITTED
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked: dict[Any, Any] = dict.fromkeys(client_partitions(partitions), latest)
        answers = self._client.list_offsets(
            asked, isolation_level=level, request_timeout=self._timeout_s
        )
        return {ours(one): found.offset for one, found in _settled(answers, UNKNOWN)}

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """Every partition of the topics."""
        there = self._there()
        missing = [one for one in topics if one not in there or there[one].error is not None]
        if missing:
            raise no_topic(missing)
        return [
            TopicPartition(one, number)
            for one in sorted(topics)
            for number in sorted(there[one].partitions)
        ]

    def _there(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.list_topics(timeout=self._timeout_s).topics
        return found

    def _know(self, names: Collection[str]) -> bool:
        there = self._there()
        return all(
            name in there
            and there[name].error is None
            and all(part.leader >= 0 for part in there[name].partitions.values())
            for name in names
        )


UNKNOWN = KafkaError.UNKNOWN_TOPIC_OR_PART


def _settled(answers: Mapping[Any, Future[Any]], expected: int) -> Iterator[tuple[Any, Any]]:
    """What was asked with its answer; raises the first failure but the expected one."""
    for asked, answer in answers.items():
        try:
            yield asked, answer.result()
        except KafkaException as error:
            if code_of(error) != expected:
                raise
