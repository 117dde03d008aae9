"""Makes consumers, publishers, tables, readers and admins from settings."""

from __future__ import annotations

from collections.abc import Collection

from runtime.bridge.administering import AdminDesk
from runtime.bridge.following import FollowedTables
from runtime.bridge.handover import RebalanceSink
from runtime.bridge.member import GroupMember
from runtime.bridge.poller import Grouping
from runtime.bridge.producing import BoundedPublisher
from runtime.bridge.scanning import LogReader, Reading
from runtime.bridge.transacting import TransactionPublisher
from runtime.kafka.admin import KafkaAdministration
from runtime.kafka.connection import client_arguments, silence_client_logs
from runtime.kafka.failures import DIALECT
from runtime.kafka.group import KafkaGroup
from runtime.kafka.log import KafkaLog
from runtime.kafka.producing import KafkaProducing
from runtime.kafka.transactions import KafkaTransactor
from runtime.settings import Settings


class KafkaBroker:
    """Apache Kafka behind the port of `runtime.broker`, by kafka-python."""

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

        def connect(group: str, topics: Collection[str], sink: RebalanceSink) -> KafkaGroup:
            return KafkaGroup(self._settings, group, topics, sink)

        return GroupMember(self._settings, group, topics, Grouping(connect, DIALECT))

    def publisher(self) -> BoundedPublisher:
        """The process's idempotent producer."""
        return BoundedPublisher(self._settings, KafkaProducing(self._settings), DIALECT)

    def transactional_publisher(self, transactional_id: str) -> TransactionPublisher:
        """A transactional producer; the id is this process's own, unique among live ones."""
        transactor = KafkaTransactor(self._settings, transactional_id)
        return TransactionPublisher(self._settings, transactional_id, transactor)

    def tables(self) -> FollowedTables:
        """One reader for all compacted topics of the process."""
        return FollowedTables(self._settings, self._reading(), self.admin())

    def reader(self) -> LogReader:
        """A reader for operators' commands."""
        return LogReader(self._settings, self._reading())

    def admin(self) -> AdminDesk:
        """For topics and lags."""
        return AdminDesk(self._settings, lambda: KafkaAdministration(self._settings), DIALECT)

    def _reading(self) -> Reading:
        return Reading(lambda: KafkaLog(self._settings), DIALECT)
