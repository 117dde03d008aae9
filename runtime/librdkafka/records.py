"""The client's messages as records, and records as the client takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from runtime.broker import Acknowledged, Headers, Outgoing, Received, TopicPartition

#: Lets the key decide.
BY_KEY = -1

Records = dict[TopicPartition, list[Received]]


def by_partition(messages: Iterable[Message]) -> Records:
    """Records as they came, apart by partition; no message may be an error."""
    found: Records = {}
    for message in messages:
        record = _received(message)
        at = TopicPartition(record.topic, record.partition)
        if (there := found.get(at)) is None:
            found[at] = [record]
        else:
            there.append(record)
    return found


def produce(
    producer: Producer,
    record: Outgoing,
    on_delivery: Callable[[KafkaError | None, Message], None],
) -> None:
    """Give a record to the client."""
    producer.produce(
        record.topic,
        value=record.value,
        key=record.key,
        partition=BY_KEY if record.partition is None else record.partition,
        on_delivery=on_delivery,
        headers=list(record.headers),
    )


def acknowledged(message: Any) -> Acknowledged:
    """Where the broker put a record that was delivered."""
    return Acknowledged(message.topic(), message.partition(), message.offset())


def _received(message: Any) -> Received:
    headers = message.headers()
    return Received(
        message.topic(),
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        _headers(headers) if headers else (),
    )


def _headers(headers: list[tuple[str, bytes | None]]) -> Headers:
    """In wire order; one without a value, which is legal, reads empty."""
    return tuple([(name, value or b"") for name, value in headers])
