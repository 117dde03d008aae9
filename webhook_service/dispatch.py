"""Brings records to their lanes, lanes to the courier, and verdicts to the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import assert_never

from runtime.broker import Outgoing, Received
from runtime.clock import Clock
from schemas.errors import BrokerError
from schemas.records import LaneState
from webhook_service import measures
from webhook_service.board import Board
from webhook_service.courier import Again, Courier, Dead, Done, Later, Verdict
from webhook_service.crew import Crew
from webhook_service.delivery import State, Step, after
from webhook_service.directory import Directory, Endpoint, Known
from webhook_service.lane import Lane
from webhook_service.lane_news import LaneNews
from webhook_service.lanes import Lanes
from webhook_service.ledger import Entry, Ledger
from webhook_service.letters import Letters
from webhook_service.ordering import Behind, Held, Ready, Repeated
from webhook_service.report import report
from webhook_service.share import Delivery, InTier, Share
from webhook_service.tempo import Pace
from webhook_service.vitals import sign_of
from webhook_service.waiting import FRESH, PARKED, RETRY, Wait


class Dispatcher:
    """All lanes of this process.

    Attributes:
        load: What the lanes' queues hold, in deliveries of up to 4 KiB.
        pace: Told by whoever sleeps how late that ended.
        when_eased: Called after each attempt, if set; whoever waits for room sets it.
    """

    def __init__(
        self,
        directory: Directory,
        courier: Courier,
        letters: Letters,
        ledger: Ledger,
        board: Board,
        clock: Clock,
        *,
        chance: Callable[[], float],
        member: str,
        partitions: int,
        catch_up: Callable[[], Awaitable[None]],
        most: int,
    ) -> None:
        """No lane is there before its first delivery.

        Args:
            member: This process's name, for what it writes about lanes.
            partitions: How many all members together have.
            catch_up: Makes the directory see what was written up to now.
            most: Requests under way at once to endpoints that answer soon; as many to slow ones.
        """
        self._courier = courier
        self._letters = letters
        self._ledger = ledger
        self._news = LaneNews(board, clock, member)
        self._clock = clock
        self._catch_up = catch_up
        self._most = most
        self.pace = Pace()
        self._lanes = Lanes(directory, board, 4 * most, self.pace, clock, partitions)
        self._crew = Crew(most, clock, chance, self._begin, self._deliver)
        self.load = 0
        self.when_eased: Callable[[], None] | None = None
        directory.watch(self._on_webhook)
        board.listen(self._on_state)

    @property
    def active(self) -> int:
        """Requests under way."""
        return self._crew.active

    async def failed(self) -> None:
        """Return when a worker has failed, which only a mistake of ours can cause; raises it."""
        await self._crew.failed()

    async def close(self) -> None:
        """Break off what is under way."""
        await self._crew.close()

    # --------------------------------------------------------------------------- what comes in

    def take(self, share: Share, record: Received) -> None:
        """An action was received."""
        self._arrive(Delivery(share, record, record.offset, FRESH), waited=False)

    def come_due(self, share: Share, one: InTier, now_ms: int) -> None:
        """A record leaves its tier: to be attempted, or for the next step down."""
        record, wait = one.record, one.wait
        share.waiting -= 1
        lane = self._lanes.of(record.key)
        if wait.due_ms > now_ms:
            self._stay(share, record, wait)
        elif lane.ordered and not share.has_seen(wait.origin):
            share.asks = True  # one that was not received yet may be of the same key
            later = replace(wait, due_ms=now_ms + self._letters.shortest_ms)
            self._stay(share, record, later)
        else:
            if wait.reason == PARKED:
                lane.park(share, -1)
            self._arrive(Delivery(share, record, wait.origin, wait.history), waited=True)

    def restore(self, share: Share, record: Received, one: InTier) -> None:
        """A record waits in a tier since before the share was ours."""
        share.waiting += 1
        lane = self._lanes.of(record.key)
        if lane.ordered:
            share.order.restore(record.key or b"", one.wait.origin, one.wait.due_ms)
        if one.wait.reason == PARKED:
            lane.park(share)

    def _arrive(self, delivery: Delivery, *, waited: bool) -> None:
        lane, share, now_ms = self._lanes.of(delivery.key), delivery.share, self._now_ms()
        delivery.stand_in_line(ordered=lane.ordered)
        place = share.order.arrive(delivery.line, delivery.origin)
        match place:
            case Ready() | Behind():
                if not lane.admits(now_ms, waited=waited, room=self._room(lane)):
                    self._put_away(lane, delivery, now_ms + lane.park_ms(now_ms))
                    return
                share.here[delivery.origin] = delivery
                lane.queued += 1
                self.load += delivery.weight
                if isinstance(place, Ready):
                    self._ready(lane, delivery)
            case Held(due_ms=due_ms):
                self._put_away(lane, delivery, max(due_ms, now_ms + self._letters.shortest_ms))
            case Repeated():
                self._ledger.add(_entry(delivery, ()))
            case _:
                assert_never(place)

    # ------------------------------------------------------------------------ what is under way

    def _ready(self, lane: Lane, delivery: Delivery) -> None:
        lane.ready.append(delivery)
        self._crew.start(lane)

    def _begin(self, delivery: Delivery) -> None:
        delivery.state = after(delivery.state, Step.START)
        self.load -= delivery.weight
        delivery.share.begin()

    async def _deliver(self, lane: Lane, delivery: Delivery) -> None:
        share, sign = delivery.share, None
        try:
            verdict = await self._verdict(lane, delivery)
            sign = sign_of(verdict)
        finally:
            news = self._crew.ended(lane, delivery, sign)
            share.end()
        self._news.observe(lane, verdict, sign, news=news)
        if share.alive:
            self._settle(lane, delivery, verdict)
        else:
            measures.REPEATED.inc()
        if self.when_eased is not None:
            self.when_eased()

    async def _verdict(self, lane: Lane, delivery: Delivery) -> Verdict:
        try:
            if lane.known is None:
                await self._catch_up()
            known = lane.known
            if lane.decided == "disabled":
                why = lane.switch.reason if lane.switch else "its manifest says so"
                return self._courier.disabled(delivery, lane.id, why)
            if isinstance(known, Endpoint):
                return await self._courier.deliver(known, delivery)
        except BrokerError as error:
            return Later(str(error))
        if known is None:
            return self._courier.unknown(delivery, lane.id)
        return Later(known.reason)

    # ------------------------------------------------------------------------- what comes of it

    def _settle(self, lane: Lane, delivery: Delivery, verdict: Verdict) -> None:
        """Account for an attempt, and start what it stood before."""
        report(lane.id, delivery, verdict)
        records = self._letters.attempt(delivery, verdict)
        match verdict:
            case Again(attempt=made, due_ms=due_ms):
                delivery.state = after(delivery.state, Step.FAIL)
                self._leave(lane, delivery, due_ms)
                wait = Wait(delivery.origin, due_ms, 0, RETRY, made.history)
                self._stay(delivery.share, delivery.record, wait, before=records)
            case Done():
                delivery.state = after(delivery.state, Step.SUCCEED)
                self._ledger.add(_entry(delivery, records))
                self._finish(lane, delivery)
            case Dead():
                delivery.state = after(delivery.state, Step.GIVE_UP)
                dead = self._letters.dead(delivery, lane.id, verdict)
                self._ledger.add(_entry(delivery, (*records, dead)))
                self._finish(lane, delivery)
            case Later():
                now_ms = self._now_ms()
                self._put_away(lane, delivery, now_ms + lane.park_ms(now_ms))
            case _:
                assert_never(verdict)

    def _finish(self, lane: Lane, delivery: Delivery) -> None:
        """The next of the key is next, if it is here."""
        share = delivery.share
        share.here.pop(delivery.origin, None)
        following = share.order.finish(delivery.line, delivery.origin)
        if following is not None and following in share.here:
            self._ready(lane, share.here[following])

    def _put_away(self, lane: Lane, delivery: Delivery, due_ms: int) -> None:
        """Park a delivery without an attempt, and all that stand behind it."""
        delivery.state = after(delivery.state, Step.PARK)
        lane.park(delivery.share)
        self._leave(lane, delivery, due_ms)
        wait = Wait(delivery.origin, due_ms, 0, PARKED, delivery.history)
        self._stay(delivery.share, delivery.record, wait)

    def _leave(self, lane: Lane, delivery: Delivery, due_ms: int) -> None:
        """Take a delivery out of the order of its key; what stands behind it follows at once."""
        share = delivery.share
        share.here.pop(delivery.origin, None)
        if not delivery.ordered:
            share.order.finish(delivery.line, delivery.origin)
            return
        for origin in share.order.leave(delivery.line, delivery.origin, due_ms):
            follower = share.here.get(origin)
            if follower is not None:
                lane.queued -= 1
                self.load -= follower.weight
                self._put_away(lane, follower, due_ms)

    def _stay(
        self, share: Share, record: Received, wait: Wait, *, before: tuple[Outgoing, ...] = ()
    ) -> None:
        """Write a record to a tier, and be done with it where it stood."""
        share.waiting += 1
        records = (*before, self._letters.stay(record, wait, self._now_ms()))
        self._ledger.add(Entry(share, record.topic, record.offset, records))

    # ------------------------------------------------------------------------------ the lanes

    def shed(self) -> None:
        """Park what is queued beyond what its lane can send soon: an endpoint became slow."""
        self._crew.look()
        now_ms = self._now_ms()
        for lane in self._lanes.looked_at():
            while lane.ready and lane.excess(now_ms, self._room(lane)):
                delivery = lane.ready.pop()
                lane.queued -= 1
                self.load -= delivery.weight
                self._put_away(lane, delivery, now_ms + lane.park_ms(now_ms))

    def _room(self, lane: Lane) -> int:
        """What the queues can still take; who is alone has to leave nothing to others."""
        return self._most - self.load if self.load > lane.queued else 4 * self._most

    def own(self, share: Share) -> None:
        """A share has come to this member."""
        for lane in self._lanes.own(share):
            self._crew.fill(lane)

    def drop(self, share: Share) -> None:
        """Start nothing more of a share, and forget what of it is queued."""
        share.stop()
        self._lanes.forget(share)
        queued = [one for one in share.here.values() if one.state is State.QUEUED]
        for delivery in queued:
            del share.here[delivery.origin]
            self._lanes.of(delivery.key).queued -= 1
            self.load -= delivery.weight
        for lane in {self._lanes.of(delivery.key) for delivery in queued}:
            lane.ready = deque(one for one in lane.ready if one.share is not share)

    def _on_webhook(self, id: str, known: Known | None) -> None:
        if (lane := self._lanes.learn(id, known)) is not None:
            self._crew.fill(lane)

    def _on_state(self, state: LaneState) -> None:
        if (lane := self._lanes.adopt(state)) is not None:
            self._crew.fill(lane)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _entry(delivery: Delivery, records: tuple[Outgoing, ...]) -> Entry:
    return Entry(delivery.share, delivery.record.topic, delivery.record.offset, records)
