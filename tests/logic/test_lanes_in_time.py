"""Lanes of the webhook service in virtual time: what a sick endpoint costs the others, and itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from runtime.broker import Outgoing
from schemas import headers as names
from schemas.records import LaneState, LaneStatus, lane_key_of
from tests.delivery_history import History, Living, Reaction
from tests.delivery_rig import CODEC
from webhook_service.lane_states import switched

MS, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FOREVER = timedelta(days=1)
QUICK = {"schedule": ["1s"] * 9, "jitter": 0}


def always(status: int | str, takes: timedelta = 5 * MS) -> Any:
    def script(_: str, __: int) -> Reaction:
        return status, takes

    return script


def ids(actions: Sequence[Any]) -> set[str]:
    return {str(action.action_id) for action in actions}


def dead(history: History) -> list[str]:
    """The error classes of the dead letters."""
    found = history.broker.written(history.topics.dead(history.topics.actions))
    return [dict(one.headers)[names.ERROR_CLASS].decode() for one in found]


def states(history: History, aspect: str) -> list[LaneState]:
    """What was written about lanes, oldest first."""
    found = history.broker.written(history.topics.lanes)
    return [
        one for one in (CODEC.decode_lane_state(it.value) for it in found) if one.aspect == aspect
    ]


def calls(history: History, hook: str) -> int:
    return sum(one.url.endswith(f"/{hook}") for one in history.endpoints.sent)


async def decide(history: History, state: LaneStatus, hook: str = "mirror") -> None:
    """What `hookline webhooks pause|resume|disable|enable` write."""
    decided = switched(hook, state, "operator", "a test", 1, history.clock.now(), "ada")
    publisher = history.broker.publisher()
    await publisher.start()
    await publisher.publish(
        Outgoing(history.topics.lanes, lane_key_of(hook, "switch"), CODEC.encode(decided))
    )


async def test_however_many_endpoints_hang_the_healthy_ones_get_everything_at_once():
    history = History(always(200), webhook_max_in_flight=40)
    for number in range(30):
        history.endpoints.of[f"hangs-{number}"] = always("timeout", FOREVER)
        await history.hook(f"hangs-{number}", concurrency=8, timeout="30s")
    await history.hook("healthy", concurrency=8)
    await history.join()
    for number in range(30):
        for record in range(8):
            await history.act(record, 1, hook=f"hangs-{number}")
    await history.clock.advance(2 * SECOND)  # all places of the quick are taken, and it is noticed
    begun = history.clock.now()

    healthy = [await history.act(record, 1, hook="healthy") for record in range(200)]

    await history.passes(lambda: history.delivered() >= ids(healthy), 5 * SECOND)
    assert history.clock.now() - begun < 4 * SECOND
    assert all(one.result == 200 for one in history.endpoints.sent)  # nothing timed out meanwhile
    await history.close()


async def test_what_hangs_holds_no_more_places_the_longer_it_hangs():
    history = History(always(200), webhook_max_in_flight=40)
    for number in range(60):
        history.endpoints.of[f"hangs-{number}"] = always("timeout", FOREVER)
        await history.hook(f"hangs-{number}", timeout="10s", retry=QUICK)
    await history.join()
    for number in range(60):
        for record in range(3):
            await history.act(record, 1, hook=f"hangs-{number}")

    most = []
    for _ in range(4):
        history.endpoints.most_under_way = 0
        await history.clock.advance(15 * SECOND)
        most.append(history.endpoints.most_under_way)

    assert most[0] <= 80
    assert all(later <= 41 for later in most[1:])  # the pool of the slow, once it is known who is
    await history.close()


async def test_an_endpoint_that_is_down_is_left_alone_but_for_probes_and_spends_no_attempts():
    history = History(always(503))
    breaker = {"failures": 5, "open_for": "1s", "longest": "30s"}
    await history.hook(breaker=breaker, retry=QUICK, concurrency=1)
    await history.join()
    actions = [await history.act(record, 1) for record in range(40)]
    await history.clock.advance(5 * MINUTE)
    during = calls(history, "mirror")

    history.endpoints.script = always(200)
    await history.passes(lambda: history.delivered() >= ids(actions), 10 * MINUTE)

    assert 10 <= during <= 30  # 5 to open it; then every 1, 2, 4, ... 30 s
    assert dead(history) == []
    assert calls(history, "mirror") == during + 40
    assert history.endpoints.most_under_way == 1
    shared = states(history, "breaker")
    assert shared[0].state == "open"
    assert shared[-1].state == "closed"
    await history.close()


async def test_the_other_members_and_those_that_start_later_know_that_an_endpoint_is_down():
    history = History(always(503), partitions=4)
    await history.hook(breaker={"failures": 3, "open_for": "10m", "longest": "10m"}, retry=QUICK)
    first = await history.join()
    second = await history.join()
    for record in range(40):
        await history.act(record, 1)
    await history.clock.advance(MINUTE)
    # Both have what was under way when it opened, and nothing more.
    before = calls(history, "mirror")
    assert before <= 2 * 8

    await history.leave(first)
    await history.leave(second)
    await history.join()
    await history.clock.advance(5 * MINUTE)

    assert calls(history, "mirror") == before
    await history.close()


async def test_all_members_together_keep_to_the_rate_while_they_join_and_leave():
    history = History(always(200), partitions=6)
    await history.hook(rate_limit="10/s", concurrency=50)
    members: list[Living] = [await history.join()]
    actions = [await history.act(record, 1) for record in range(300)]
    for step in range(12):
        await history.clock.advance(2 * SECOND)
        if step % 3 == 2:
            await history.leave(members.pop(0))
        else:
            members.append(await history.join())
    await history.passes(lambda: history.delivered() >= ids(actions), 10 * MINUTE)

    begun = sorted(at for _, at in history.endpoints.begun)
    for index, first in enumerate(begun):
        within = sum(at - first <= 5 * SECOND for at in begun[index:])
        assert within <= 50 + 10 + 8  # the limit, a second's burst, one for each member
    attempts = history.broker.written(history.topics.attempts)
    assert {CODEC.decode_attempt(one.value).attempt for one in attempts} == {1}
    assert len(history.endpoints.begun) == 300
    await history.close()


async def test_a_rate_is_used_up_and_holds_nobody_else_back():
    history = History(always(200))
    await history.hook(rate_limit="20/s")
    await history.hook("other")
    await history.join()
    held = [await history.act(record, 1) for record in range(200)]
    begun = history.clock.now()
    others = [await history.act(record, 1, hook="other") for record in range(100)]
    await history.passes(lambda: history.delivered() >= ids(others), SECOND)

    await history.passes(lambda: history.delivered() >= ids(held), MINUTE)

    took = history.clock.now() - begun
    assert 9 * SECOND <= took <= 15 * SECOND
    await history.close()


async def test_what_an_operator_pauses_waits_and_goes_on_after_a_restart_when_it_is_resumed():
    history = History(always(200))
    await history.hook()
    member = await history.join()
    await decide(history, "paused")
    actions = [await history.act(record, 1) for record in range(10)]
    await history.clock.advance(10 * SECOND)
    await history.leave(member)
    await history.join()
    await history.clock.advance(10 * SECOND)
    assert history.endpoints.begun == []

    await decide(history, "active")
    await history.passes(lambda: history.delivered() >= ids(actions), 5 * MINUTE)

    assert dead(history) == []
    await history.close()


async def test_what_an_operator_disables_becomes_dead_letters_until_it_is_enabled():
    history = History(always(200))
    await history.hook()
    await history.join()
    await decide(history, "disabled")
    await history.act(1, 1)
    await history.passes(lambda: dead(history), MINUTE)
    await decide(history, "active")
    later = await history.act(2, 1)

    await history.passes(lambda: history.delivered() >= ids([later]), MINUTE)

    assert dead(history) == ["disabled"]
    await history.close()


async def test_an_endpoint_that_is_gone_for_one_member_is_gone_for_all_and_after_a_restart():
    history = History(always(410), partitions=4)
    await history.hook()
    first = await history.join()
    second = await history.join()
    await history.act(1, 1)
    await history.passes(lambda: dead(history), MINUTE)
    for record in range(2, 20):
        await history.act(record, 1)
    await history.passes(lambda: len(dead(history)) == 19, MINUTE)
    await history.leave(first)
    await history.kill(second)
    await history.join()
    await history.act(30, 1)

    await history.passes(lambda: len(dead(history)) == 20, MINUTE)

    assert calls(history, "mirror") == 1
    assert sorted(set(dead(history))) == ["disabled", "gone"]
    [state] = states(history, "switch")
    assert (state.state, state.cause) == ("disabled", "gone")
    await history.close()


async def test_after_a_period_of_nothing_but_failures_a_webhook_is_disabled_across_restarts():
    history = History(always(500))
    breaker = {"failures": 3, "open_for": "30s", "longest": "1m"}
    await history.hook(breaker=breaker, disable_after="8m", retry={"schedule": ["5s"] * 50})
    member = await history.join()
    await history.act(1, 1)
    await history.clock.advance(5 * MINUTE)
    assert dead(history) == []
    await history.leave(member)
    await history.join()

    await history.passes(lambda: dead(history), 10 * MINUTE)

    [state] = states(history, "switch")
    assert (state.state, state.cause) == ("disabled", "failing")
    assert "nothing but failures for 8m" in state.reason
    await history.close()


async def test_an_endpoint_that_is_asked_too_much_is_asked_less():
    history = History(always(200))
    endpoints = history.endpoints
    most: list[int] = []

    def busy(_: str, __: int) -> Reaction:
        most.append(endpoints.under_way)
        return (429 if endpoints.under_way > 4 else 200), 200 * MS

    endpoints.script = busy
    await history.hook(concurrency=32, retry=QUICK)
    await history.join()
    actions = [await history.act(record, 1) for record in range(150)]

    await history.passes(lambda: history.finished() >= ids(actions), 10 * MINUTE)

    assert dead(history) == []
    refused = sum(one.result == 429 for one in endpoints.sent)
    assert refused < 90  # of 150 and more; at 32 at a time nearly all would be
    await history.close()
