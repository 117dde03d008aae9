"""The client's objects: how they are made, read and closed, whatever state they are in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from runtime.kafka.failures import reason
from runtime.logs import get_logger

log = get_logger(__name__)

#: An object of the client library, which has no types.
Untyped: TypeAlias = Any


def build(kind: Callable[..., Untyped], arguments: Mapping[str, object]) -> Untyped:
    """Make a client; one that cannot reach a broker leaves no thread behind.

    Its constructor starts a thread before it looks for a broker and forgets it when there is none.
    """
    made: list[Untyped] = []

    def net_client(*args: object, **options: object) -> Untyped:
        made.append(KafkaNetClient(*args, **options))
        return made[-1]

    try:
        return kind(kafka_client=net_client, **arguments)
    except BaseException:
        for client in made:
            _close_net(client)
        raise


def close_consumer(client: Untyped, timeout_ms: int) -> None:
    """Leave the group and close; its threads end in any case."""
    try:
        client.close(autocommit=False, timeout_ms=timeout_ms)
    except (KafkaError, RuntimeError, OSError) as error:
        log.info("broker.close_failed", error=reason(error))
        _close_net(client._client)  # noqa: SLF001 - `close` did not get that far


def close_producer(producer: Untyped, timeout_s: float) -> None:
    """Flush within the timeout, then stop its threads whatever came of it.

    `close` raises when the flush takes too long, and then has stopped nothing.
    """
    try:
        producer.close(timeout=timeout_s)
    except KafkaError:
        producer._sender.force_close()  # noqa: SLF001 - there is no public way
        producer._sender.join(timeout_s + 1)  # noqa: SLF001
        producer._unregister_cleanup()  # noqa: SLF001
        producer._closed = True  # noqa: SLF001


def _close_net(client: Untyped) -> None:
    """Close the network part, sockets included that were still about to connect."""
    selector = client._net._selector  # noqa: SLF001 - there is no public way
    sockets = [key.fileobj for key in list((selector.get_map() or {}).values())]
    client.close()
    for one in sockets:
        one.close()


def unstick(client: Untyped) -> None:
    """Call before each poll of a consumer that pauses partitions.

    What was parsed of a partition when it was paused is taken up again after `resume` only if the
    fetcher holds nothing at all; a used-up batch counts as something, and the partition would
    never be read again.
    """
    fetcher = client._fetcher  # noqa: SLF001 - there is no public way
    if not fetcher._next_partition_records:  # noqa: SLF001
        fetcher._next_partition_records = None  # noqa: SLF001
