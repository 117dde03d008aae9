"""The in-memory broker's storage: partitions with offsets, markers and visibility."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from runtime.broker import Headers, Outgoing, Received, TopicConfig, TopicPartition
from runtime.kafka.partitioner import spread
from schemas.errors import BrokerError


@dataclass
class Log:
    """One partition; None stands for a record that no read-committed reader sees.

    Attributes:
        start: What stood before it was removed, as by retention.
    """

    entries: list[Received | None] = field(default_factory=list)
    start: int = 0

    @property
    def end(self) -> int:
        return len(self.entries)

    def visible(self, start: int, end: int | None = None) -> Iterator[Received]:
        """What a read-committed reader gets of a range of offsets."""
        return (one for one in self.entries[max(start, self.start) : end] if one is not None)


class Storage:
    """All topics; whoever watches is called after each write."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.configs: dict[str, TopicConfig] = {}
        self.logs: dict[TopicPartition, Log] = {}
        self.watchers: list[Callable[[], None]] = []
        self._now_ms = now_ms
        self._keyless = 0

    def create(self, config: TopicConfig) -> None:
        if config.name not in self.configs:
            self.configs[config.name] = config
            for number in range(config.partitions):
                self.logs[TopicPartition(config.name, number)] = Log()

    def delete(self, name: str) -> None:
        for partition in self.partitions(name):
            del self.logs[partition]
        self.configs.pop(name, None)

    def partitions(self, topic: str) -> list[TopicPartition]:
        config = self.configs.get(topic)
        return [TopicPartition(topic, n) for n in range(config.partitions)] if config else []

    def place(self, record: Outgoing) -> TopicPartition:
        """Where a record goes: as it says, by its key, or anywhere."""
        config = self.configs.get(record.topic)
        if config is None:
            raise BrokerError(
                f"writing to {record.topic} failed: the topic does not exist;"
                " `hookline topics create` makes what is missing"
            )
        if record.partition is not None:
            if not 0 <= record.partition < config.partitions:
                raise BrokerError(f"{record.topic} has no partition {record.partition}")
            return TopicPartition(record.topic, record.partition)
        if record.key is not None:
            return TopicPartition(record.topic, spread(record.key) % config.partitions)
        self._keyless += 1
        return TopicPartition(record.topic, self._keyless % config.partitions)

    def append(self, record: Outgoing) -> Received:
        partition = self.place(record)
        log = self.logs[partition]
        headers: Headers = tuple(record.headers)
        written = Received(*partition, log.end, self._now_ms(), record.key, record.value, headers)
        log.entries.append(written)
        return written

    def mark(self, partitions: set[TopicPartition]) -> None:
        """A transaction ended: its marker takes an offset in each partition it wrote to."""
        for partition in partitions:
            self.logs[partition].entries.append(None)

    def hide(self, written: list[Received]) -> None:
        """A transaction was aborted: its records keep their offsets and are never seen."""
        for one in written:
            self.logs[TopicPartition(one.topic, one.partition)].entries[one.offset] = None

    def tell(self) -> None:
        for watcher in list(self.watchers):
            watcher()


def share_by_range(
    members: Mapping[str, frozenset[str]], partitions: Callable[[str], list[TopicPartition]]
) -> dict[str, set[TopicPartition]]:
    """Kafka's range assignment: each topic's partitions in equal runs, over the sorted members."""
    shares: dict[str, set[TopicPartition]] = {member: set() for member in members}
    for topic in sorted({topic for topics in members.values() for topic in topics}):
        takers = sorted(member for member, topics in members.items() if topic in topics)
        every = partitions(topic)
        each, more = divmod(len(every), len(takers))
        start = 0
        for index, member in enumerate(takers):
            length = each + (index < more)
            shares[member].update(every[start : start + length])
            start += length
    return shares
