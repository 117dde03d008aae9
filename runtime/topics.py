"""Makes the topics that `schemas.topics` describes, and reports where a broker's differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from runtime.broker import Admin, Broker, TopicConfig
from schemas.errors import ConfigurationError
from schemas.topics import Topic

CLEANUP = "cleanup.policy"
RETENTION = "retention.ms"
#: Kafka's word for keeping everything.
FOR_EVER = "-1"


@dataclass(frozen=True, slots=True)
class Report:
    """What `ensure` did and found.

    Attributes:
        created: Names of topics that were not there.
        existing: Names of those that were; their data and configuration were left alone.
        drift: A sentence for every way in which an existing topic is not as it should be.
    """

    created: tuple[str, ...]
    existing: tuple[str, ...]
    drift: tuple[str, ...]


def config_of(topic: Topic) -> TopicConfig:
    """The topic in Kafka's words."""
    config: dict[str, str] = {CLEANUP: topic.cleanup}
    if topic.retention is not None:
        config[RETENTION] = str(topic.retention // timedelta(milliseconds=1))
    elif topic.cleanup == "delete":
        config[RETENTION] = FOR_EVER
    return TopicConfig(topic.name, topic.partitions, config)


async def ensure(admin: Admin, topics: Iterable[Topic], replication: int) -> Report:
    """Create the topics that are missing; what exists is only looked at.

    Args:
        replication: Replicas of each created topic.
    """
    wanted = [config_of(topic) for topic in topics]
    there = await admin.topics()
    missing = [config for config in wanted if config.name not in there]
    if missing:
        await admin.create(missing, replication)
    return Report(
        created=tuple(config.name for config in missing),
        existing=tuple(config.name for config in wanted if config.name in there),
        drift=tuple(_drift(wanted, there, name_missing=False)),
    )


async def require(broker: Broker, topics: Iterable[Topic]) -> None:
    """Refuse to start on topics that are missing, or whose partitions would not fit together.

    Raises:
        ConfigurationError: Names every such topic, and the commands that help.
    """
    admin = broker.admin()
    try:
        there = await admin.topics()
    finally:
        await admin.close()
    problems = []
    for topic in topics:
        found = there.get(topic.name)
        if found is None:
            problems.append(f"{topic.name} does not exist")
        elif found.partitions != topic.partitions:
            problems.append(
                f"{topic.name} has {found.partitions} partitions, expected {topic.partitions}"
            )
    if problems:
        raise ConfigurationError(
            "; ".join(problems) + ": `hookline topics create` makes what is missing, "
            "`hookline topics check` says how to mend the rest"
        )


async def check(admin: Admin, topics: Iterable[Topic]) -> tuple[str, ...]:
    """A sentence for every topic that is missing or not as it should be; empty if all is well."""
    wanted = [config_of(topic) for topic in topics]
    return tuple(_drift(wanted, await admin.topics(), name_missing=True))


def _drift(
    wanted: Iterable[TopicConfig], there: Mapping[str, TopicConfig], *, name_missing: bool
) -> Iterator[str]:
    for config in wanted:
        found = there.get(config.name)
        if found is not None:
            yield from _differences(config, found)
        elif name_missing:
            yield f"{config.name} does not exist; `hookline topics create` makes it"


def _differences(wanted: TopicConfig, found: TopicConfig) -> Iterator[str]:
    name = wanted.name
    if found.partitions != wanted.partitions:
        yield (
            f"{name} has {_partitions(found.partitions)}, expected {wanted.partitions}: a record's "
            "partition follows from the number, so either set HOOKLINE_TOPIC_PARTITIONS to it, or "
            "drain the topic and make it anew"
        )
    for key, value in sorted(wanted.config.items()):
        actual = found.config.get(key)
        if actual != value:
            yield (
                f"{name} has {key}={actual if actual is not None else 'unset'}, expected {value}: "
                "change it with Kafka's own kafka-configs, or accept it knowingly"
            )


def _partitions(number: int) -> str:
    return f"{number} partition" if number == 1 else f"{number} partitions"
