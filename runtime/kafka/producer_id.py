"""Lets an idempotent producer get a new producer id after it has given up its old one."""

from __future__ import annotations

from kafka.producer.transaction_manager import TransactionState

from runtime.kafka.client import Untyped


def renew_producer_ids(producer: Untyped) -> None:
    """Make a reset of the producer's id lead to a new id.

    When a batch that was sent already expires, kafka-python 3.0 drops the producer id but stays in
    a state in which it never asks for another: nothing is sent any more, nothing expires, and the
    records wait for ever, however well the broker is by then.
    """
    manager = producer._transaction_manager  # noqa: SLF001 - there is no public way
    drop = manager.reset_producer_id

    def drop_and_ask_again() -> None:
        with manager._lock:  # noqa: SLF001
            drop()
            if manager._current_state == TransactionState.READY:  # noqa: SLF001
                manager._current_state = TransactionState.UNINITIALIZED  # noqa: SLF001

    manager.reset_producer_id = drop_and_ask_again
