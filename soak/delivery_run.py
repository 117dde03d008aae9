"""Deliveries under fire: members killed, the group rebalanced, the broker killed and stopped."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from runtime.broker import Position, TopicPartition
from runtime.local_broker import JvmBroker
from schemas.errors import BrokerError
from soak.delivery_system import Deliveries, deliveries

#: What a member had finished this long before its death may not be committed: the interval of
#: 100 ms and two transactions on a machine that is busy with all of this.
INTERVAL_S = 0.6
LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """How hard deliveries are hit.

    Attributes:
        rate: Actions a second.
        kills: Of members, at random moments, while the group is rebalanced every 2 s.
        broker_kills: Of the broker, each followed by its restart.
        still_s: How long the broker stands still, once.
        stops: Of members, as by SIGTERM.
        rebalances: By one more member that comes and goes.
    """

    rate: int = 150
    records: int = 400
    partitions: int = 4
    kills: int = 200
    broker_kills: int = 5
    still_s: float = 30.0
    stops: int = 100
    rebalances: int = 100
    give_up_s: float = 300.0


@dataclass(slots=True)
class Phase:
    """What one kind of fire led to.

    Attributes:
        allowed: Repeats that the promise allows.
    """

    name: str
    actions: int = 0
    hits: int = 0
    allowed: int = 0
    repeats: int = 0
    lost: int = 0
    overtaken: int = 0
    late_repeats: int = 0
    seconds: float = 0.0
    by_themselves: list[int] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What is not as promised."""
        found = []
        if self.lost:
            found.append(f"{self.name}: {self.lost} actions were lost")
        if self.repeats > self.allowed:
            found.append(f"{self.name}: {self.repeats} repeats, {self.allowed} are allowed")
        if self.overtaken:
            found.append(f"{self.name}: {self.overtaken} deliveries overtook another")
        return found


class _PassesBy:
    """A member that comes and goes and works on nothing, to have the group rebalanced."""

    async def assigned(self, positions: Mapping[TopicPartition, Position | None]) -> None:
        """Leave everything as it is."""

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing was begun."""

    async def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing was begun."""


Fire = Callable[[Phase], Awaitable[None]]


class DeliverySoak:
    """The fires, one after the other, on one system."""

    def __init__(self, place: Deliveries, broker: JvmBroker, plan: DeliveryPlan) -> None:
        """Nothing burns."""
        self._place = place
        self._broker = broker
        self._plan = plan
        self._attempts = 0

    async def run(self) -> list[Phase]:
        """All of it."""
        plan = self._plan
        phases = []
        for name, fire, wanted in (
            ("graceful stops", self._stops, plan.stops),
            ("rebalances", self._rebalances, plan.rebalances),
            ("kills while rebalancing", self._kills, plan.kills),
            ("broker killed", self._broker_kills, plan.broker_kills),
            ("broker stopped", self._broker_still, int(plan.still_s > 0)),
        ):
            if wanted:
                phases.append(await self._phase(name, fire))
                print(phases[-1], flush=True)  # noqa: T201 - a long run says how far it is
        return phases

    async def _phase(self, name: str, fire: Fire) -> Phase:
        receiver, time = self._place.receiver, asyncio.get_running_loop().time
        phase, began, first = Phase(name), time(), self._place.published
        arrived, overtaken, late = receiver.arrivals, len(receiver.overtaken), receiver.late
        async with self._publishing():
            await fire(phase)
        for member in self._place.members:
            member.revive()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.give_up_s):
                await self._drained()
        attempts = sum((await self._place.attempts()).values())
        phase.actions = self._place.published - first
        phase.lost = len(set(range(first, self._place.published)) - receiver.done)
        phase.repeats = receiver.arrivals - arrived - (attempts - self._attempts)
        self._attempts = attempts
        phase.overtaken = len(receiver.overtaken) - overtaken
        phase.late_repeats = receiver.late - late
        phase.seconds = round(time() - began, 1)
        phase.by_themselves = [code for one in self._place.members for code in one.ends]
        return phase

    async def _drained(self) -> None:
        """Wait until everything has arrived and is accounted for."""
        while True:
            await asyncio.sleep(LOOK_S)
            if len(self._place.receiver.done) == self._place.published and not await self._lag():
                return

    async def _lag(self) -> int:
        try:
            return await self._place.lag()
        except BrokerError:
            return 1

    @asynccontextmanager
    async def _publishing(self) -> AsyncIterator[None]:
        """Publish evenly; what a broker that is away held up is not made good."""
        ended = asyncio.Event()

        async def publish() -> None:
            while not ended.is_set():
                await asyncio.sleep(LOOK_S)
                await self._place.act(int(self._plan.rate * LOOK_S))

        task = asyncio.create_task(publish())
        try:
            yield
        finally:
            ended.set()  # what was begun is published, or it would seem to be lost
            await task

    # ------------------------------------------------------------------------------- the fires

    async def _stops(self, phase: Phase) -> None:
        for number in range(self._plan.stops):
            await self._busy()
            member = self._place.members[number % len(self._place.members)]
            code = await asyncio.to_thread(member.stop)
            if code:
                phase.by_themselves.append(code)
            member.again()
            phase.hits += 1

    async def _rebalances(self, phase: Phase) -> None:
        for _ in range(self._plan.rebalances // 2):
            await self._busy()
            await self._pass_by(0.5)
            phase.hits += 2

    async def _kills(self, phase: Phase) -> None:
        rebalancing = asyncio.create_task(self._keep_rebalancing())
        try:
            for _ in range(self._plan.kills):
                await self._busy()
                await asyncio.sleep(random.random() * 2)  # noqa: S311 - no secret
                member = random.choice(self._place.members)  # noqa: S311 - likewise
                ports = await asyncio.to_thread(ports_of, member.pid)
                phase.allowed += self._place.receiver.at_stake(ports, INTERVAL_S)
                member.kill()
                phase.hits += 1
                for each in self._place.members:
                    each.revive()
        finally:
            rebalancing.cancel()
            with suppress(asyncio.CancelledError, BrokerError):
                await rebalancing

    async def _keep_rebalancing(self) -> None:
        while True:
            with suppress(BrokerError):
                await self._pass_by(1.0)
            await asyncio.sleep(1.0)

    async def _pass_by(self, stays_s: float) -> None:
        settings = self._place.settings
        topics = [settings.topics.actions, *settings.topics.retries]
        consumer = self._place.broker.consumer(group=settings.webhook_group, topics=topics)
        await consumer.start(_PassesBy())
        try:
            await asyncio.sleep(stays_s)
        finally:
            await asyncio.shield(consumer.close())

    async def _broker_kills(self, phase: Phase) -> None:
        for _ in range(self._plan.broker_kills):
            await self._busy()
            await asyncio.sleep(random.random() * 2)  # noqa: S311 - no secret
            await asyncio.to_thread(self._broker.kill)
            await asyncio.to_thread(self._broker.restart)
            phase.hits += 1
        await self._busy()

    async def _broker_still(self, phase: Phase) -> None:
        await self._busy()
        self._broker.pause()
        try:
            await asyncio.sleep(self._plan.still_s)
        finally:
            self._broker.resume()
        phase.hits += 1
        # Sessions may have ended meanwhile: what was under way then is sent again.
        phase.allowed += 2 * 32 + int(2 * INTERVAL_S * self._plan.rate)
        await self._busy()

    async def _busy(self) -> None:
        """Wait until something arrives again."""
        receiver = self._place.receiver
        before = receiver.arrivals
        async with asyncio.timeout(self._plan.give_up_s):
            while receiver.arrivals < before + 20:
                await asyncio.sleep(0.02)
                for member in self._place.members:
                    member.revive()


def ports_of(pid: int) -> set[int]:
    """The local TCP ports of a process: its connections, as the other side sees them."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return {int(one[1].rpartition(":")[2], 16) for one in fields if one[9] in inodes}


async def soak_deliveries(
    plan: DeliveryPlan, broker: JvmBroker, environ: Mapping[str, str], folder: Path
) -> list[Phase]:
    """One soak of deliveries on a broker of its own."""
    async with deliveries(
        broker.bootstrap_servers,
        environ,
        folder,
        records=plan.records,
        partitions=plan.partitions,
    ) as place:
        return await DeliverySoak(place, broker, plan).run()
