"""Carries rebalances from the client's IO thread to the service's loop, and waits there."""

from __future__ import annotations

from collections.abc import Collection

from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.net.wakeup_notifier import WakeupNotifier

from runtime.bridge.handover import RebalanceSink
from runtime.broker import Position, TopicPartition
from runtime.kafka.client import Untyped
from runtime.kafka.offsets import text


class RebalanceBridge(AsyncConsumerRebalanceListener):  # type: ignore[misc] # untyped client
    """The client's listener.

    It runs as a coroutine of the client's own loop, where asyncio does not work and heartbeats go
    on only while it is suspended; while it runs, `poll` does not return.
    """

    def __init__(
        self, client: Untyped, sink: RebalanceSink, budget_s: float, timeout_ms: int
    ) -> None:
        """Listens for one client; `mute` it before that client is thrown away.

        Args:
            client: The consumer, whose committed positions are read on assignment.
            sink: Told of every change.
            budget_s: How long a revocation may take.
            timeout_ms: How long reading the committed positions may take.
        """
        self._client = client
        self._sink = sink
        self._budget_s = budget_s
        self._timeout_ms = timeout_ms
        self._muted = False

    def mute(self) -> None:
        """Say nothing any more."""
        self._muted = True

    async def on_partitions_assigned(self, assigned: Collection[Untyped]) -> None:
        """Read what the group has committed, then tell; the service is not waited for."""
        if self._muted or not assigned:
            return
        # Waits until no transaction of the previous owner is open on these offsets.
        committed = await self._client._coordinator.fetch_committed_offsets_async(  # noqa: SLF001
            list(assigned), timeout_ms=self._timeout_ms
        )
        positions: dict[TopicPartition, Position | None] = {}
        for partition in sorted(assigned):
            found = committed.get(partition)
            position = Position(found.offset, text(found.metadata)) if found is not None else None
            positions[TopicPartition(*partition)] = position
            self._stand_at(partition, position)
        self._sink.now_assigned(positions)

    def _stand_at(self, partition: Untyped, position: Position | None) -> None:
        """Read on from what is committed.

        Of a partition that was ours before, too, the client would go on behind what it had fetched,
        and what was dropped in the rebalance without having been committed would be skipped.
        """
        if position is None:
            self._client.seek_to_beginning(partition)
        else:
            self._client.seek(partition, position.offset)

    async def on_partitions_revoked(self, revoked: Collection[Untyped]) -> None:
        """Tell, and wait until the service has finished, at most for the budget."""
        if self._muted or not revoked:
            return
        finished = WakeupNotifier(self._client._net)  # noqa: SLF001
        self._sink.being_revoked(_ours(revoked), finished.notify)
        await finished(self._budget_s)

    async def on_partitions_lost(self, lost: Collection[Untyped]) -> None:
        """Tell; there is nothing to wait for."""
        if not self._muted and lost:
            self._sink.were_lost(_ours(lost))


def _ours(partitions: Collection[Untyped]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(*partition) for partition in partitions)
