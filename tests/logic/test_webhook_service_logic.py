"""The webhook service on a broker in memory, in virtual time: what becomes of a delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from runtime.broker import Outgoing
from schemas import headers as names
from tests.delivery_history import History, Reaction
from tests.delivery_rig import CODEC

MS = timedelta(milliseconds=1)
MINUTES = timedelta(minutes=5)
RETRY = {"schedule": ["1s", "3s"], "jitter": 0}


def always(status: int | str, takes: timedelta = 5 * MS) -> Any:
    def script(_: str, __: int) -> Reaction:
        return status, takes

    return script


def dead(history: History) -> list[dict[str, str]]:
    """The headers of the dead letters."""
    found = history.broker.written(history.topics.dead(history.topics.actions))
    return [{name: value.decode() for name, value in one.headers} for one in found]


def outcomes(history: History) -> list[str]:
    attempts = history.broker.written(history.topics.attempts)
    return [CODEC.decode_attempt(one.value).outcome for one in attempts]


async def test_retries_are_never_early_and_late_by_less_than_the_shortest_tier():
    history = History(always(500))
    await history.hook(retry=RETRY)
    await history.join()
    action = await history.act(1, 1)

    await history.passes(lambda: str(action.action_id) in history.finished(), MINUTES)

    first, second, third = (began for _, began in history.endpoints.begun)
    # An attempt of 5 ms, then the wait; at most a tier of 200 ms, an interval and a step late.
    assert 1_005 * MS <= second - first <= 1_500 * MS
    assert 3_005 * MS <= third - second <= 3_500 * MS
    assert outcomes(history) == ["waiting", "waiting", "dead"]
    [letter] = dead(history)
    assert letter[names.ATTEMPTS] == "3"
    await history.close()


async def test_what_does_not_exist_any_more_is_a_dead_letter_without_an_attempt():
    history = History(always(200))
    await history.join()
    await history.act(1, 1, hook="nobody")

    await history.passes(lambda: dead(history), MINUTES)

    [letter] = dead(history)
    assert letter[names.ERROR_CLASS] == "webhook"
    assert "there is no webhook 'nobody'" in letter[names.REASON]
    assert letter[names.ATTEMPTS] == "0"
    assert outcomes(history) == []
    await history.close()


async def test_what_cannot_be_read_is_a_dead_letter_and_holds_up_nothing():
    history = History(always(200), partitions=1)
    await history.hook()
    await history.join()
    publisher = history.broker.publisher()
    await publisher.start()
    broken = Outgoing(history.topics.actions, b"mirror/person/p1", b"\xc3\x01 nonsense")
    tombstone = Outgoing(history.topics.actions, b"mirror/person/p1", None)
    await publisher.publish_all([broken, tombstone])
    action = await history.act(1, 1)

    await history.passes(lambda: str(action.action_id) in history.delivered(), MINUTES)

    letters = history.broker.written(history.topics.dead(history.topics.actions))
    assert [one.value for one in letters] == [broken.value, None]
    assert {letter[names.ERROR_CLASS] for letter in dead(history)} == {"schema"}
    await history.close()


async def test_an_event_that_cannot_be_read_is_a_dead_letter():
    history = History(always(200))
    await history.hook()
    await history.join()
    await history.act(1, 1, event=b"\x00")

    await history.passes(lambda: dead(history), MINUTES)

    assert dead(history)[0][names.ERROR_CLASS] == "schema"
    await history.close()


async def test_a_paused_webhook_is_not_called_and_nothing_of_it_is_lost_or_spent():
    history = History(always(200))
    await history.hook(state="paused")
    await history.join()
    actions = [await history.act(number, 1) for number in range(20)]
    await history.clock.advance(timedelta(minutes=1))
    assert history.endpoints.begun == []

    await history.hook()
    wanted = {str(action.action_id) for action in actions}
    await history.passes(lambda: history.delivered() >= wanted, MINUTES)

    attempts = history.broker.written(history.topics.attempts)
    assert {CODEC.decode_attempt(one.value).attempt for one in attempts} == {1}
    await history.close()


async def test_an_endpoint_that_says_it_is_gone_is_not_called_again_until_it_is_changed():
    history = History(lambda _, __: (410, 5 * MS))
    await history.hook(concurrency=1)
    await history.join()
    await history.act(1, 1)
    await history.passes(lambda: dead(history), MINUTES)
    await history.act(2, 1)
    await history.clock.advance(timedelta(minutes=1))
    assert len(history.endpoints.begun) == 1
    assert [letter[names.ERROR_CLASS] for letter in dead(history)] == ["gone", "disabled"]

    history.endpoints.script = always(200)
    await history.hook(concurrency=2)
    later = await history.act(3, 1)

    await history.passes(lambda: str(later.action_id) in history.delivered(), MINUTES)
    await history.close()


async def test_a_concurrency_limit_holds():
    history = History(always(200, 100 * MS))
    await history.hook(concurrency=3)
    await history.join()
    actions = [await history.act(number, 1) for number in range(30)]

    wanted = {str(action.action_id) for action in actions}
    await history.passes(lambda: history.delivered() >= wanted, MINUTES)

    assert history.endpoints.most_under_way == 3
    await history.close()


async def test_a_hanging_endpoint_delays_no_other():
    def script(webhook_id: str, _: int) -> Reaction:
        return ("timeout", timedelta(minutes=2)) if webhook_id in sick else (200, 5 * MS)

    history, sick = History(script, webhook_max_in_flight=40), set[str]()
    await history.hook("sick", timeout="30s", concurrency=4, retry=RETRY)
    await history.hook("well")
    await history.join()
    for number in range(200):
        sick.add(str((await history.act(number, 1, "sick")).action_id))
    others = range(1_000, 1_200)
    well = {str((await history.act(number, 1, "well")).action_id) for number in others}

    await history.passes(lambda: history.delivered() >= well, timedelta(seconds=20))

    assert history.endpoints.most_under_way <= 4 + 8
    await history.close()


async def test_an_aborted_transaction_is_written_later_and_nothing_is_sent_twice():
    history = History(always(200))
    await history.hook()
    await history.join()
    await history.clock.advance(200 * MS)
    action = await history.act(1, 1)
    await history.clock.advance(20 * MS)
    history.broker.down = True
    await history.clock.advance(timedelta(seconds=10))
    assert history.finished() == set()
    assert len(history.endpoints.begun) == 1

    history.broker.down = False
    await history.passes(lambda: str(action.action_id) in history.delivered(), MINUTES)

    assert len(history.endpoints.begun) == 1
    await history.close()


async def test_memory_is_bounded_while_a_backlog_drains():
    history = History(always(200, 50 * MS), partitions=1, webhook_max_in_flight=20)
    await history.hook(concurrency=20)
    for number in range(700):
        await history.act(number, 1)
    member = await history.join()
    dispatcher, most = member.service._dispatcher, 0

    def finished() -> bool:
        nonlocal most
        most = max(most, dispatcher.load)
        return len(history.endpoints.sent) == 700

    await history.passes(finished, MINUTES)
    assert most <= 520  # one batch of the consumer above the bound
    await history.close()


async def test_a_replayed_dead_letter_comes_behind_what_waits_and_says_that_it_is_old():
    # The first version is rejected, the second fails once; then the first is replayed.
    history = History(lambda _, __: (200, 5 * MS), partitions=1)
    reactions = {"first": [400, 200], "second": [500, 200]}
    versions: dict[str, str] = {}
    history.endpoints.script = lambda id, count: (reactions[versions[id]][count - 1], 5 * MS)
    await history.hook(retry=RETRY)
    await history.join()
    first = await history.act(1, 1)
    versions[str(first.action_id)] = "first"
    await history.passes(lambda: dead(history), MINUTES)
    second = await history.act(1, 2)
    versions[str(second.action_id)] = "second"
    await history.passes(lambda: "waiting" in outcomes(history), MINUTES)

    [letter] = history.broker.written(history.topics.dead(history.topics.actions))
    headers = ((names.REPLAY_OF, letter.place.encode()),)
    again = Outgoing(history.topics.actions, letter.key, letter.value, headers, letter.partition)
    publisher = history.broker.publisher()
    await publisher.start()
    await publisher.publish(again)
    await history.passes(lambda: len(history.delivered()) == 2, MINUTES)

    order = [id for id, _ in history.endpoints.begun]
    assert order == [str(one.action_id) for one in (first, second, second, first)]
    attempts = history.broker.written(history.topics.attempts)
    sent = [CODEC.decode_attempt(one.value).request_headers for one in attempts]
    assert sent[-1][names.X_REPLAY_OF] == letter.place
    assert sent[-1][names.X_RECORD_VERSION] == "1"
    assert names.X_REPLAY_OF not in sent[0]
    await history.close()


async def test_without_order_a_later_delivery_does_not_wait_for_an_earlier_one():
    history = History(always(500), partitions=1)
    history.endpoints.script = lambda id, count: (
        500 if id == str(first.action_id) else 200,
        5 * MS,
    )
    await history.hook(retry=RETRY, ordering="none")
    await history.join()
    first = await history.act(1, 1)
    await history.passes(lambda: outcomes(history) == ["waiting"], MINUTES)

    second = await history.act(1, 2)
    await history.passes(lambda: str(second.action_id) in history.delivered(), 500 * MS)

    assert outcomes(history) == ["waiting", "delivered"]
    await history.passes(lambda: str(first.action_id) in history.finished(), MINUTES)
    await history.close()
