"""Makes consumers, publishers, tables, readers and admins from settings."""

from __future__ import annotations

from collections.abc import Collection

from runtime.kafka.admin import KafkaAdmin
from runtime.kafka.connection import client_arguments, silence_client_logs
from runtime.kafka.member import GroupMember
from runtime.kafka.publisher import KafkaPublisher
from runtime.kafka.reader import KafkaReader
from runtime.kafka.tables import KafkaTables
from runtime.kafka.transactions import KafkaTransactionalPublisher
from runtime.settings import Settings


class KafkaBroker:
    """Apache Kafka behind the port of `runtime.broker`."""

    def __init__(self, settings: Settings) -> None:
        """Connects nothing yet.

        Raises:
            ConfigurationError: The security settings do not go together.
        """
        silence_client_logs()
        client_arguments(settings)
        self._settings = settings

    def consumer(self, *, group: str, topics: Collection[str]) -> GroupMember:
        """A member-to-be of `group` on these topics."""
        return GroupMember(self._settings, group, topics)

    def publisher(self) -> KafkaPublisher:
        """The process's idempotent producer."""
        return KafkaPublisher(self._settings)

    def transactional_publisher(self, transactional_id: str) -> KafkaTransactionalPublisher:
        """A transactional producer; the id is this process's own, unique among live ones."""
        return KafkaTransactionalPublisher(self._settings, transactional_id)

    def tables(self) -> KafkaTables:
        """One reader for all compacted topics of the process."""
        return KafkaTables(self._settings)

    def reader(self) -> KafkaReader:
        """A reader for operators' commands."""
        return KafkaReader(self._settings)

    def admin(self) -> KafkaAdmin:
        """For topics and lags."""
        return KafkaAdmin(self._settings)
