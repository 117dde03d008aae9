"""Laws of deliveries, held over random histories: nothing lost, order per key, never early."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery_history import History, Reaction
from tests.delivery_rig import NOON
from webhook_service.durations import duration_text, parse_duration
from webhook_service.retry import RetryAt, after_failure, with_jitter
from webhook_service.tiers import stay_of
from webhook_service.webhook import Retry

MS = timedelta(milliseconds=1)
#: A history takes about a second; more of them belong into a soak, not into every run.
HISTORIES = 25
RETRY = {"schedule": ["1s", "3s"], "jitter": 0.5}

reactions = st.sampled_from(
    [(200, 5 * MS)] * 8
    + [(500, 5 * MS), (503, 300 * MS), (404, 20 * MS), (400, 5 * MS), ("timeout", 2000 * MS)]
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("act"), st.integers(1, 4)),
        st.tuples(st.just("wait"), st.sampled_from([0, 20, 150, 700, 3_000])),
        st.tuples(st.just("join"), st.just(0)),
        st.tuples(st.just("leave"), st.integers(0, 3)),
        st.tuples(st.just("kill"), st.integers(0, 3)),
        st.tuples(st.just("pause"), st.booleans()),
    ),
    min_size=5,
    max_size=40,
)


async def live(
    history: History, plan: list[tuple[str, Any]], *, deaths: bool
) -> dict[str, list[str]]:
    """Act the plan out; returns the ids of the actions per record, in their order."""
    order: dict[str, list[str]] = {}
    await history.hook(retry=RETRY, concurrency=3, timeout="1s")
    await history.join()
    versions: dict[int, int] = {}
    for what, value in plan:
        if what == "act":
            versions[value] = versions.get(value, 0) + 1
            action = await history.act(value, versions[value])
            order.setdefault(action.entity_id, []).append(str(action.action_id))
        elif what == "wait":
            await history.clock.advance(value * MS)
        elif what == "pause":
            state = "paused" if value else "active"
            await history.hook(retry=RETRY, concurrency=3, timeout="1s", state=state)
        else:
            await change_members(history, what, value, deaths=deaths)
    await history.hook(retry=RETRY, concurrency=3, timeout="1s")
    everything = {id for ids in order.values() for id in ids}
    await history.passes(lambda: history.finished() >= everything, timedelta(minutes=30))
    await history.close()
    return order


async def change_members(history: History, what: str, which: int, *, deaths: bool) -> None:
    """One joins, leaves or is killed; at least one is left, at most three are."""
    members = history.members
    if what == "join" and len(members) < 3:
        await history.join()
    elif what == "leave" and len(members) > 1:
        await history.leave(members[which % len(members)])
    elif what == "kill" and deaths:
        await history.kill(members[which % len(members)])
        if not members:
            await history.join()


def scripted(draws: list[Reaction]) -> Any:
    """A script that gives each attempt its reaction, the same for the same history."""

    def script(webhook_id: str, count: int) -> Reaction:
        if count > 6:
            return 200, 5 * MS
        return draws[(int(webhook_id[:8], 16) + count * 7) % len(draws)]

    return script


def inversions(history: History, order: dict[str, list[str]]) -> list[str]:
    """Attempts that began before one that stands before them had been settled once."""
    settled: dict[str, Any] = {}
    tries: dict[str, int] = {}
    for one in sorted(history.endpoints.sent, key=lambda one: one.ended):
        tries[one.webhook_id] = tries.get(one.webhook_id, 0) + 1
        final = one.result in {200, 400} or tries[one.webhook_id] >= 3
        if final and one.webhook_id not in settled:
            settled[one.webhook_id] = one.ended
    places = {id: (ids, place) for ids in order.values() for place, id in enumerate(ids)}
    return [
        f"{webhook_id} began at {began}, before {earlier} was settled"
        for webhook_id, began in history.endpoints.begun
        for ids, place in [places[webhook_id]]
        for earlier in ids[:place]
        if earlier not in settled or settled[earlier] > began
    ]


@settings(max_examples=HISTORIES)
@given(plan=steps, draws=st.lists(reactions, min_size=5, max_size=15))
def test_nothing_is_lost_and_nothing_overtakes_while_members_come_and_go(plan, draws):
    async def history() -> None:
        world = History(scripted(draws))
        order = await live(world, plan, deaths=False)
        assert inversions(world, order) == []

    asyncio.run(history())


@settings(max_examples=HISTORIES)
@given(plan=steps, draws=st.lists(reactions, min_size=5, max_size=15))
def test_nothing_is_lost_and_nothing_overtakes_when_members_are_killed(plan, draws):
    async def history() -> None:
        world = History(scripted(draws))
        order = await live(world, plan, deaths=True)
        assert inversions(world, order) == []

    asyncio.run(history())


@settings(max_examples=HISTORIES)
@given(plan=steps)
def test_without_failures_and_deaths_everything_arrives_exactly_once(plan):
    async def history() -> None:
        world = History(lambda _, __: (200, 40 * MS))
        order = await live(world, plan, deaths=False)
        arrived = [one.webhook_id for one in world.endpoints.sent]
        assert sorted(arrived) == sorted(id for ids in order.values() for id in ids)

    asyncio.run(history())


@given(
    wait=st.timedeltas(timedelta(), timedelta(days=7)),
    jitter=st.floats(0, 1),
    chance=st.floats(0, 1),
)
def test_jitter_never_shortens_a_wait_nor_exceeds_its_bound(wait, jitter, chance):
    found = with_jitter(wait, jitter, chance)

    assert wait <= found <= wait * 2
    assert found - wait <= wait * jitter + timedelta(microseconds=1)


@given(
    asked=st.timedeltas(timedelta(), timedelta(days=30)),
    cap=st.timedeltas(timedelta(seconds=1), timedelta(days=7)),
    chance=st.floats(0, 1),
)
def test_retry_after_never_makes_a_retry_earlier(asked, cap, chance):
    retry = Retry(schedule=(timedelta(seconds=5),))
    plain = after_failure(retry, 1, NOON, chance)
    found = after_failure(retry, 1, NOON, chance, retry_after=asked, cap=cap)

    assert isinstance(plain, RetryAt)
    assert isinstance(found, RetryAt)
    assert plain.due_at <= found.due_at <= max(plain.due_at, NOON + cap)


@given(
    left=st.integers(-1_000, 7 * 86_400_000),
    tiers=st.lists(st.integers(1, 86_400_000), min_size=1, max_size=8, unique=True).map(sorted),
)
def test_stepping_down_the_tiers_is_never_early_and_late_by_less_than_the_shortest(left, tiers):
    now, steps_taken = 0, 0
    while now < left or not steps_taken:
        now = stay_of(left, now, tiers).leave_ms
        steps_taken += 1
        if steps_taken > 10_000:
            return  # only with tiers that are absurdly short for the wait

    assert now >= left
    assert now - max(left, 0) <= tiers[0]


@given(st.integers(0, 10**12))
def test_a_duration_comes_back_from_its_text(milliseconds):
    value = timedelta(milliseconds=milliseconds)

    assert parse_duration(duration_text(value)) == value
