"""runtime.topics: makes what is missing, says what differs, changes nothing that exists."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from runtime.broker import Position, TopicConfig, TopicPartition
from runtime.topics import check, config_of, ensure
from schemas.topics import Topics

WANTED = tuple(Topics("t", 3).all(["lead"]))


class ListedTopics:
    """An Admin that keeps a list."""

    def __init__(self, *topics: TopicConfig) -> None:
        self.there = {topic.name: topic for topic in topics}
        self.replication = 0

    async def topics(self) -> Mapping[str, TopicConfig]:
        return dict(self.there)

    async def create(self, topics: Collection[TopicConfig], replication: int) -> None:
        self.replication = replication
        for topic in topics:
            assert topic.name not in self.there
            self.there[topic.name] = topic

    async def delete(self, names: Collection[str]) -> None:
        raise NotImplementedError

    async def committed(self, group: str) -> Mapping[TopicPartition, int]:
        raise NotImplementedError

    async def positions(self, group: str) -> Mapping[TopicPartition, Position]:
        raise NotImplementedError

    async def lag(self, group: str) -> Mapping[TopicPartition, int]:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


async def test_an_empty_broker_gets_every_topic():
    admin = ListedTopics()

    report = await ensure(admin, WANTED, replication=3)

    assert report.created == tuple(topic.name for topic in WANTED)
    assert report.existing == report.drift == ()
    assert admin.replication == 3
    assert await check(admin, WANTED) == ()


async def test_making_them_again_changes_nothing():
    admin = ListedTopics()
    await ensure(admin, WANTED, replication=1)
    before = dict(admin.there)

    report = await ensure(admin, WANTED, replication=1)

    assert report.created == ()
    assert len(report.existing) == len(WANTED)
    assert admin.there == before


async def test_a_missing_topic_is_named_with_the_command_that_makes_it():
    admin = ListedTopics(*(config_of(topic) for topic in WANTED[1:]))

    assert await check(admin, WANTED) == (
        "t.lead.events does not exist; `hookline topics create` makes it",
    )


async def test_drift_is_told_and_left_alone():
    events = WANTED[0]
    as_it_is = TopicConfig(events.name, 1, {"cleanup.policy": "compact", "retention.ms": "5"})
    admin = ListedTopics(as_it_is, *(config_of(topic) for topic in WANTED[1:]))

    report = await ensure(admin, WANTED, replication=1)

    assert admin.there[events.name] == as_it_is
    assert report.created == ()
    assert await check(admin, WANTED) == report.drift
    partitions, cleanup, retention = report.drift
    assert partitions.startswith("t.lead.events has 1 partition, expected 3")
    assert cleanup.startswith("t.lead.events has cleanup.policy=compact, expected delete")
    assert retention.startswith("t.lead.events has retention.ms=5, expected 604800000")


def test_a_compacted_topic_has_no_retention_of_ours():
    workflows = next(topic for topic in WANTED if topic.name == "t.workflows")

    assert config_of(workflows).config == {"cleanup.policy": "compact"}


def test_a_topic_that_keeps_everything_says_so_to_the_broker():
    history = next(topic for topic in WANTED if topic.name == "t.workflows-history")

    assert config_of(history).config == {"cleanup.policy": "delete", "retention.ms": "-1"}
