"""runtime.topics on a real broker: made as described, made once, and told apart when they drift."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest

from runtime import topics
from runtime.broker import Admin, Broker, TopicConfig
from runtime.settings import Settings
from schemas.topics import Topic


@pytest.fixture
async def admin(broker: Broker) -> AsyncIterator[Admin]:
    admin = broker.admin()
    yield admin
    await admin.close()


async def test_what_was_made_is_as_described(admin: Admin, topics_created: tuple[Topic, ...]):
    assert await topics.check(admin, topics_created) == ()

    there = await admin.topics()
    for topic in topics_created:
        assert there[topic.name].partitions == topic.partitions


async def test_making_them_again_makes_nothing(admin: Admin, topics_created: tuple[Topic, ...]):
    report = await topics.ensure(admin, topics_created, replication=1)

    assert report.created == report.drift == ()
    assert report.existing == tuple(topic.name for topic in topics_created)


async def test_a_topic_with_another_shape_is_told_and_left(
    admin: Admin, settings: Settings, topics_created: tuple[Topic, ...]
):
    odd = f"{settings.topic_prefix}.odd"
    made = TopicConfig(odd, 1, {"cleanup.policy": "delete", "retention.ms": "60000"})
    await admin.create([made], 1)
    wanted = dataclasses.replace(topics_created[0], name=odd)

    report = await topics.ensure(admin, [wanted], replication=1)

    assert report.created == ()
    assert len(report.drift) == 2
    assert (await admin.topics())[odd].partitions == 1
