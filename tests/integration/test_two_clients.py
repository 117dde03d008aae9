"""Both Kafka clients at work on the same group and topics: either takes over from the other."""

from __future__ import annotations

import pytest

from runtime.broker import Outgoing, Position, TopicPartition
from runtime.kafka import KafkaBroker
from runtime.librdkafka import LibrdkafkaBroker
from tests.kafka_rig import Remembers, settings_for, topic
from tests.waiting import until

CLIENTS = [(KafkaBroker, LibrdkafkaBroker), (LibrdkafkaBroker, KafkaBroker)]


@pytest.mark.parametrize(("first", "second"), CLIENTS, ids=["to librdkafka", "to kafka-python"])
async def test_metadata_committed_by_one_client_is_read_by_the_other(kafka_servers, first, second):
    settings = settings_for(kafka_servers)
    async with topic(settings) as name:
        here = TopicPartition(name, 0)
        told = Remembers()
        before = first(settings).consumer(group=name, topics=[name])
        await before.start(told)
        await until(lambda: told.positions, message="no assignment")
        await before.commit({here: Position(0, "holes: none")})
        await before.close()

        told = Remembers()
        after = second(settings).consumer(group=name, topics=[name])
        await after.start(told)
        await until(lambda: told.positions, message="no takeover")
        await after.close()

        assert told.positions == {here: Position(0, "holes: none")}


@pytest.mark.parametrize("key", [b"", b"k", "dé".encode(), bytes(range(256))], ids=repr)
async def test_both_clients_put_a_key_on_the_same_partition(kafka_servers, key):
    settings = settings_for(kafka_servers)
    async with topic(settings, partitions=7) as name:
        places = []
        for client in (KafkaBroker, LibrdkafkaBroker):
            publisher = client(settings).publisher()
            await publisher.start()
            places.append((await publisher.publish(Outgoing(name, key, b"v"))).partition)
            await publisher.close()

    assert places[0] == places[1]
