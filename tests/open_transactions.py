"""Transactions that a test leaves open: only the client itself can do that."""

from __future__ import annotations

from typing import Any

from runtime.bridge.transacting import TransactionPublisher
from runtime.kafka.transactions import KafkaTransactor


def client_of(publisher: TransactionPublisher) -> Any:
    """kafka-python's producer of a publisher that was started."""
    client = publisher._client
    assert isinstance(client, KafkaTransactor)
    return client._producer
