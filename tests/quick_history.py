"""Random histories of deliveries, many and quick: drawn from a seed, lived in virtual time, judged."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from runtime.broker import Outgoing
from schemas import headers
from schemas.catalog import Catalog
from tests import fakes
from tests.delivery_history import History, Reaction
from tests.delivery_rig import CATALOG, CODEC
from webhook_service import assembly

MS = timedelta(milliseconds=1)
#: Two waits: the third failure is the last.
TRIES = 3
HOOK: dict[str, Any] = {
    "retry": {"schedule": ["1s", "3s"], "jitter": 0.5},
    "concurrency": 3,
    "timeout": "1s",
    "breaker": None,
}
REACTIONS: tuple[Reaction, ...] = (
    *[(200, 5 * MS)] * 6,
    (500, 5 * MS),
    (503, 300 * MS),
    (404, 20 * MS),
    (400, 5 * MS),
    ("timeout", 2_000 * MS),
)
STEPS = ("act",) * 8 + ("wait",) * 4 + ("join", "leave", "kill", "pause", "resume", "replay")
WAITS = (0, 20, 150, 700, 3_000)
LONGEST = timedelta(minutes=30)
STEP = 250 * MS


@contextmanager
def quickly() -> Iterator[None]:
    """What takes longer than a history and is the same in all of them is done once.

    Time moves on as soon as nothing is left to do, instead of after a number of turns.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalog, "load", lambda *_: CATALOG)
        patch.setattr(assembly, "Codec", lambda *_: CODEC)
        patch.setattr(fakes, "_let_others_run", _until_idle)
        yield


async def _until_idle() -> None:
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    for _ in range(200):
        await asyncio.sleep(0)
        if not ready:
            return


@dataclass(slots=True)
class Life:
    """One time that an action was written: at first, or by a replay."""

    id: str
    written: datetime
    number: int


@dataclass
class Random:
    """One history."""

    seed: int
    lines: dict[int, list[Life]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._versions: Counter[int] = Counter()
        self._replayed: set[str] = set()
        self.plan: list[str] = []
        self.world = History(self._react, webhook_account_interval_ms=250)

    def _react(self, id: str, count: int) -> Reaction:
        return (200, 5 * MS) if count > 8 else self._chance.choice(REACTIONS)

    async def live(self) -> None:
        """Let it happen, and everything come to its end."""
        await self.world.hook(**HOOK)
        await self.world.join()
        for _ in range(self._chance.randint(5, 25)):
            step = self._chance.choice(STEPS)
            self.plan.append(step)
            await getattr(self, f"_{step}")()
        await self._resume()
        expected = sum(map(len, self.lines.values()))
        await self._passes(lambda: sum(self._ends().values()) >= expected)
        await self.world.close()

    async def _passes(self, condition: Any) -> None:
        spent = timedelta()
        while not condition():
            assert spent < LONGEST, f"seed {self.seed}: {self.plan} did not end"
            await self.world.clock.advance(STEP)
            spent += STEP

    def _ends(self) -> Counter[str]:
        """How often each action was delivered, or became a dead letter."""
        topics, broker = self.world.topics, self.world.broker
        ends = Counter(
            (one.key or b"").decode()
            for one in broker.written(topics.attempts)
            if (headers.OUTCOME, b"delivered") in one.headers
        )
        ends.update(dict(one.headers)[headers.ACTION_ID].decode() for one in self._dead())
        return ends

    def _dead(self) -> list[Any]:
        topics = self.world.topics
        return self.world.broker.written(topics.dead(topics.actions))

    # ------------------------------------------------------------------------------- the steps

    async def _act(self) -> None:
        record = self._chance.randint(1, 3)
        self._versions[record] += 1
        action = await self.world.act(record, self._versions[record])
        self._written(record, str(action.action_id), 1)

    def _written(self, record: int, id: str, number: int) -> None:
        life = Life(id, self.world.clock.now(), number)
        self.lines.setdefault(record, []).append(life)

    async def _wait(self) -> None:
        await self.world.clock.advance(self._chance.choice(WAITS) * MS)

    async def _join(self) -> None:
        if len(self.world.members) < 3:
            await self.world.join()

    async def _leave(self) -> None:
        if len(self.world.members) > 1:
            await self.world.leave(self._chance.choice(self.world.members))

    async def _kill(self) -> None:
        await self.world.kill(self._chance.choice(self.world.members))
        if not self.world.members:
            await self.world.join()

    async def _pause(self) -> None:
        await self.world.hook(**HOOK, state="paused")

    async def _resume(self) -> None:
        await self.world.hook(**HOOK)

    async def _replay(self) -> None:
        """As `hookline dead-letters replay` writes it: the same action, at the end of the topic."""
        for letter in self._dead():
            id = dict(letter.headers)[headers.ACTION_ID].decode()
            if id not in self._replayed:
                break
        else:
            return
        self._replayed.add(id)
        records = {life.id: record for record, line in self.lines.items() for life in line}
        own = ((headers.ACTION_ID, id.encode()), (headers.REPLAY_OF, letter.place.encode()))
        topic = self.world.topics.actions
        again = Outgoing(topic, letter.key, letter.value, own, letter.partition)
        publisher = self.world.broker.publisher()
        await publisher.start()
        await publisher.publish(again)
        self._written(records[id], id, 2)

    # ------------------------------------------------------------------------------- judgement

    def inversions(self) -> list[str]:
        """Attempts that began before one that stands before them was settled for the first time."""
        settled = self._settled()
        found = []
        for line in self.lines.values():
            places = {(life.id, life.number): place for place, life in enumerate(line)}
            for id, began in self.world.endpoints.begun:
                place = places.get((id, self._life_at(id, began)))
                for earlier in line[:place] if place is not None else ():
                    when = settled.get((earlier.id, earlier.number))
                    if when is None or when > began:
                        found.append(f"{id} at {began} before {earlier}")
        return found

    def _life_at(self, id: str, when: datetime) -> int:
        """Which life of an action a request belongs to; the first had ended before its replay."""
        lives = [life for line in self.lines.values() for life in line if life.id == id]
        return max(life.number for life in lives if life.written <= when)

    def _settled(self) -> dict[tuple[str, int], datetime]:
        settled: dict[tuple[str, int], datetime] = {}
        tries: Counter[tuple[str, int]] = Counter()
        for one in sorted(self.world.endpoints.sent, key=lambda one: one.ended):
            life = one.webhook_id, self._life_at(one.webhook_id, one.began)
            tries[life] += 1
            if one.result in {200, 400} or tries[life] >= TRIES:
                settled.setdefault(life, one.ended)
        return settled
