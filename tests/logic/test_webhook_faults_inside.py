"""What the webhook service does when a part of it is interrupted, fails, or changes hands."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from runtime.broker import Acknowledged, Consumer, Outgoing, Position, TopicPartition
from schemas.errors import BrokerError
from tests.delivery_history import History, Reaction
from tests.waiting import until
from webhook_service.lane import Lane
from webhook_service.ledger import Entry, Ledger
from webhook_service.member import Member
from webhook_service.share import Share

MS = timedelta(milliseconds=1)


class SlowTransactions:
    """A transactional publisher whose transactions take until they are let through."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.asked = 0
        self.done: list[tuple[Sequence[Outgoing], Mapping[TopicPartition, Position]]] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def transact(
        self,
        records: Sequence[Outgoing],
        positions: Mapping[TopicPartition, Position] | None = None,
        consumer: Consumer | None = None,
    ) -> list[Acknowledged]:
        self.asked += 1
        thread = asyncio.ensure_future(self._run(records, positions or {}))
        return await asyncio.shield(thread)  # as a thread goes on when nobody waits any more

    async def _run(
        self, records: Sequence[Outgoing], positions: Mapping[TopicPartition, Position]
    ) -> list[Acknowledged]:
        await self.let.wait()
        self.done.append((records, positions))
        return []


async def test_who_stops_waiting_for_a_transaction_does_not_make_it_be_written_twice():
    publisher, consumer = SlowTransactions(), None
    ledger = Ledger(publisher, lambda: 0.0)
    share = Share(0, "actions", {"actions": None})
    share.progress["actions"].receive(0)
    ledger.add(Entry(share, "actions", 0, (Outgoing("tier", b"k", b"v"),)))
    first = asyncio.create_task(ledger.account(consumer))  # type: ignore[arg-type]
    await until(lambda: publisher.asked)
    first.cancel()  # as at SIGTERM
    await asyncio.wait({first})

    last = asyncio.create_task(ledger.account(consumer))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    publisher.let.set()
    await last

    ((records, positions),) = publisher.done
    assert [one.topic for one in records] == ["tier"]
    assert positions == {TopicPartition("actions", 0): Position(1)}


async def test_a_lane_that_waited_for_room_is_started_also_when_one_before_it_has_nothing_to_do():
    def script(webhook_id: str, count: int) -> Reaction:
        return 200, 300 * MS

    history = History(script, partitions=1, webhook_max_in_flight=1)
    for id in ("a", "b", "c"):
        await history.hook(id)
    actions = [await history.act(n, 1, id) for n, id in enumerate("abc")]
    member = await history.join()
    await history.clock.advance(100 * MS)
    await history.hook("b", state="paused")

    wanted = {str(actions[0].action_id), str(actions[2].action_id)}
    await history.passes(lambda: history.finished() >= wanted, 1_000 * MS)
    await history.leave(member)


async def test_a_rebuild_that_fails_replaces_the_consumer_instead_of_pausing_its_shares_for_good():
    history = History(lambda webhook_id, count: (200, 5 * MS), partitions=1)
    await history.hook()
    reader, failures = history.broker.reader, []

    class Failing:
        async def ends(
            self, topics: Collection[str], *, settled: bool
        ) -> Mapping[TopicPartition, int]:
            failures.append(topics)
            raise BrokerError("no answer in time")

    def first_fails() -> Any:
        return reader() if failures else Failing()

    history.broker.reader = first_fails  # type: ignore[method-assign]
    member = await history.join()
    action = await history.act(1, 1)

    await history.passes(lambda: str(action.action_id) in history.finished(), 30_000 * MS)
    assert len(failures) == 1
    await history.leave(member)


def test_parked_records_leave_the_count_of_a_lane_with_their_share():
    lane = Lane("mirror", None, 500)
    one, other = (Share(number, "actions", {"actions": None}) for number in (0, 1))
    for share in (one, one, other):
        lane.park(share)
    lane.park(one, -1)
    one.stopping = True
    lane.forget(one)
    lane.park(one)  # the end of an attempt that was under way

    assert lane.parked == 1


async def test_a_tier_is_not_set_forward_in_an_assignment_that_came_after_its_records():
    sought: list[tuple[TopicPartition, int]] = []

    class Seeks:
        async def seek(self, partition: TopicPartition, offset: int) -> None:
            sought.append((partition, offset))
            gone.stopping = True  # a rebalance comes while the first one is waited for

    tiers = ("tier-1", "tier-2")
    gone = Share(0, "actions", {"actions": None, **dict.fromkeys(tiers)})
    member = Member.__new__(Member)
    member._consumer = Seeks()  # type: ignore[assignment]

    await member._fetch_again({TopicPartition(tier, 0): (gone, 200) for tier in tiers})

    assert sought == [(TopicPartition("tier-1", 0), 200)]


async def test_a_record_that_waits_for_what_retention_has_removed_is_delivered():
    history = History(lambda _, count: (500 if count == 1 else 200, 5 * MS), partitions=1)
    await history.hook(retry={"schedule": ["3s"]})
    member = await history.join()
    action = await history.act(1, 1)
    await history.passes(lambda: history.endpoints.sent, 1_000 * MS)
    await history.leave(member)
    # The group's offset and everything on the actions topic expired during a long standstill.
    actions = TopicPartition(history.topics.actions, 0)
    history.broker.group(history.settings.webhook_group).committed.pop(actions)
    log = history.broker.storage.logs[actions]
    log.start = log.end

    await history.join()

    await history.passes(lambda: str(action.action_id) in history.delivered(), 30_000 * MS)
    await history.close()
