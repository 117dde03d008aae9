"""Topics and group lags: a client's blocking admin behind the port."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeVar

from runtime.bridge.failures import Dialect
from runtime.bridge.patience import patiently
from runtime.bridge.worker import Worker
from runtime.broker import Position, TopicConfig, TopicPartition
from runtime.settings import Settings

#: What Hookline sets on a topic, or cares about.
CONFIG_KEYS = ("cleanup.policy", "max.message.bytes", "min.insync.replicas", "retention.ms")

T = TypeVar("T")


class AdminClient(Protocol):
    """A client's admin; all calls block, are made on one thread, and may be made twice."""

    def topics(self) -> dict[str, TopicConfig]:
        """Every topic that is not the broker's own, with `CONFIG_KEYS`."""

    def create(self, topics: Collection[TopicConfig], replication: int) -> None:
        """Create those that are not there, and wait until the broker knows them."""

    def delete(self, names: Collection[str]) -> None:
        """Delete those that are there."""

    def positions(self, group: str) -> dict[TopicPartition, Position]:
        """What a group has committed."""

    def ends(
        self, partitions: Collection[TopicPartition], *, settled: bool
    ) -> dict[TopicPartition, int]:
        """Where each ends for committed records, or (settled) with open transactions included.

        Partitions that do not exist (any more) are left out.
        """

    def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """Every partition of the topics; `ConfigurationError` if one does not exist."""

    def close(self) -> None:
        """Free everything."""


class AdminDesk:
    """`runtime.broker.Admin`; connects with the first call."""

    def __init__(
        self, settings: Settings, connect: Callable[[], AdminClient], dialect: Dialect
    ) -> None:
        """Connects nothing yet."""
        self._timeout_s = settings.kafka_request_timeout_ms / 1000
        self._servers = settings.kafka_bootstrap_servers
        self._connect = connect
        self._dialect = dialect
        self._worker = Worker("hookline-admin")
        self._client: AdminClient | None = None

    async def topics(self) -> Mapping[str, TopicConfig]:
        """Every topic there is, with the configuration keys that Hookline sets."""
        return await self.ask("listing the topics", lambda client: client.topics())

    async def create(self, topics: Collection[TopicConfig], replication: int) -> None:
        """Create topics that are not there; one that exists already is left as it is."""
        if topics:
            names = ", ".join(topic.name for topic in topics)
            await self.ask(f"creating {names}", lambda client: client.create(topics, replication))

    async def delete(self, names: Collection[str]) -> None:
        """Delete topics; one that is not there is no error."""
        if names:
            await self.ask(f"deleting {', '.join(names)}", lambda client: client.delete(names))

    async def committed(self, group: str) -> Mapping[TopicPartition, int]:
        """The next offset that the group will read, per partition it has committed anything for."""
        return {one: at.offset for one, at in (await self.positions(group)).items()}

    async def positions(self, group: str) -> Mapping[TopicPartition, Position]:
        """What the group has committed, metadata included: all partitions as of one moment."""
        doing = f"reading the offsets of {group}"
        return await self.ask(doing, lambda client: client.positions(group))

    async def lag(self, group: str) -> Mapping[TopicPartition, int]:
        """Records between the group's committed position and the end, per partition."""
        return await self.ask(f"reading the lag of {group}", lambda client: _lag(client, group))

    async def close(self) -> None:
        """Free everything."""
        client, self._client = self._client, None
        if client is not None:
            await self._worker.run(client.close)
        self._worker.close()

    async def ask(self, doing: str, call: Callable[[AdminClient], T]) -> T:
        """Ask the client on its thread, patiently; what it raises is ours."""
        try:
            return await self._worker.run(
                lambda: patiently(lambda: call(self._connected()), self._timeout_s, self._dialect)
            )
        except self._dialect.raised as error:
            raise self._dialect.broker_error(error, doing, self._servers) from error

    def _connected(self) -> AdminClient:
        if self._client is None:
            self._client = self._connect()
        return self._client


def _lag(client: AdminClient, group: str) -> dict[TopicPartition, int]:
    committed = client.positions(group)
    if not committed:
        return {}
    ends = client.ends(committed, settled=False)
    return {one: max(0, ends[one] - at.offset) for one, at in committed.items() if one in ends}
