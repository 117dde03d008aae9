"""The bare loops that the services are compared with: the same client, none of our code.

Each does the least that the same work needs, so a ratio to it says what everything else costs.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import hmac
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import aiohttp
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from bench.clockwork import Spent, spending
from runtime.broker import Outgoing
from runtime.kafka.connection import producer_arguments
from runtime.settings import Settings


def send_loop(settings: Settings, records: Sequence[Outgoing]) -> Spent:
    """`send` every record, `flush`, check every future, with the settings that our publisher uses.

    Those are an idempotent producer, acks=all, no linger, the client's own metrics off.
    """
    producer = KafkaProducer(**producer_arguments(settings))
    producer.partitions_for(records[0].topic)
    with spending() as spent:
        futures = [
            producer.send(
                record.topic, value=record.value, key=record.key, headers=list(record.headers)
            )
            for record in records
        ]
        producer.flush()
        for future in futures:
            future.get(timeout=60)
    producer.close()
    return spent


def transact_loop(servers: str, source: str, target: str, count: int, batch: int) -> Spent:
    """Consume, produce the same bytes and commit the offsets, one transaction a batch."""
    return _transact(servers, source, target, count, batch, functools.partial(_same, target))


#: What is written for the events of one poll.
Made = Callable[[list[Any]], Iterator[Outgoing]]


def _transact(servers: str, source: str, target: str, count: int, batch: int, made: Made) -> Spent:
    name = f"bare-{time.monotonic_ns()}"
    consumer = KafkaConsumer(
        source,
        bootstrap_servers=servers,
        group_id=name,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_poll_records=batch,
    )
    producer = KafkaProducer(
        bootstrap_servers=servers,
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
        transactional_id=name,
    )
    producer.init_transactions()
    producer.partitions_for(target)
    done = 0
    first = consumer.poll(timeout_ms=30_000, max_records=1)
    for partition in first:
        consumer.seek(partition, 0)
    with spending() as spent:
        while done < count:
            polled = consumer.poll(timeout_ms=1_000)
            if not polled:
                continue
            done += _pass_on(polled, made, producer, consumer)
    producer.close()
    consumer.close()
    return spent


def _pass_on(
    polled: dict[TopicPartition, list[Any]],
    made: Made,
    producer: KafkaProducer,
    consumer: KafkaConsumer,
) -> int:
    """One transaction around what one poll returned; how many records it was."""
    producer.begin_transaction()
    events = [record for records in polled.values() for record in records]
    for one in made(events):
        producer.send(one.topic, value=one.value, key=one.key, headers=list(one.headers))
    positions = {
        partition: OffsetAndMetadata(records[-1].offset + 1, "", records[-1].leader_epoch)
        for partition, records in polled.items()
    }
    producer.send_offsets_to_transaction(positions, consumer.group_metadata())
    producer.commit_transaction()
    return len(events)


def stage_loop(
    servers: str, source: str, records: Sequence[Outgoing], count: int, batch: int
) -> Spent:
    """Consume events, produce the given records, in proportion, and commit: a transaction a batch."""
    target = records[0].topic
    left = iter(records)

    def made(events: list[Any]) -> Iterator[Outgoing]:
        wanted = len(records) * len(events) // count
        return itertools.islice(left, wanted)

    return _transact(servers, source, target, count, batch, made)


def _same(target: str, events: list[Any]) -> Iterator[Outgoing]:
    return (Outgoing(target, one.key, one.value, tuple(one.headers)) for one in events)


async def post_loop(url: str, body: bytes, count: int, concurrency: int) -> Spent:
    """Sign and POST the same bytes with aiohttp, `concurrency` at a time; no Kafka."""
    key = b"k" * 32
    left = iter(range(count))

    async def sender(session: aiohttp.ClientSession) -> None:
        for number in left:
            stamp = str(int(time.time()))
            signed = f"msg_{number}.{stamp}.".encode() + body
            signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
            headers = {
                "content-type": "application/json",
                "webhook-id": f"msg_{number}",
                "webhook-timestamp": stamp,
                "webhook-signature": f"v1,{signature}",
            }
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        with spending() as spent:
            await asyncio.gather(*(sender(session) for _ in range(concurrency)))
    return spent
