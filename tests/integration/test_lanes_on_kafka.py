"""Lanes on a real broker with a real receiver: what one member learns all know, also later ones."""

from __future__ import annotations

import pytest

from runtime.broker import Broker
from runtime.settings import Settings
from schemas import headers as names
from tests.delivery_rig import Rig, person_event, receiving, rigged, webhook
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("topics_created")


async def states(rig: Rig, aspect: str) -> list[str]:
    found = [rig.codec.decode_lane_state(one.value) for one in await rig.records(rig.topics.lanes)]
    return [one.state for one in found if one.aspect == aspect]


async def test_many_hanging_endpoints_leave_places_to_the_healthy_one(
    broker: Broker, settings: Settings
):
    async with receiving() as receiver, rigged(broker, settings) as rig:
        for number in range(40):
            receiver.moods[f"/hang-{number}"] = "hang"
            hook = webhook(f"hang-{number}", f"{receiver.url}/hang-{number}", timeout="60s")
            await rig.save(hook)
        await rig.save(webhook("good", f"{receiver.url}/ok"))
        for number in range(40):
            await rig.act([rig.action(person_event(one), f"hang-{number}") for one in range(8)])
        await rig.act([rig.action(person_event(one), "good") for one in range(300)])

        await rig.member(webhook_max_in_flight=30)
        await until(lambda: len(receiver.at("/ok")) == 300, message="the good ones did not arrive")

        assert await rig.attempts()  # none of those that hang has ended
        assert all(one.status == 200 for one in await rig.attempts())
        receiver.release.set()


async def test_what_a_member_that_is_gone_learned_is_known_to_the_next(
    broker: Broker, settings: Settings
):
    async with receiving() as receiver, rigged(broker, settings) as rig:
        receiver.moods["/gone"] = 410
        await rig.save(webhook("gone", f"{receiver.url}/gone"))
        await rig.act([rig.action(person_event(1), "gone")])
        first = await rig.member()
        await until(lambda: states(rig, "switch"))
        await rig.stop(first)

        await rig.act([rig.action(person_event(number), "gone") for number in range(2, 8)])
        await rig.member()

        async def all_dead() -> bool:
            return len(await rig.dead()) == 7

        await until(all_dead)
        assert await states(rig, "switch") == ["disabled"]
        assert len(receiver.at("/gone")) == 1
        classes = {dict(one.headers)[names.ERROR_CLASS] for one in await rig.dead()}
        assert classes == {b"gone", b"disabled"}


async def test_an_endpoint_that_fails_is_left_alone_and_found_again(
    broker: Broker, settings: Settings
):
    async with receiving() as receiver, rigged(broker, settings) as rig:
        receiver.moods["/down"] = 503
        breaker = {"failures": 3, "open_for": "300ms", "longest": "600ms"}
        retry = {"schedule": ["300ms"] * 40, "jitter": 0}
        await rig.save(webhook("down", f"{receiver.url}/down", breaker=breaker, retry=retry))
        actions = [rig.action(person_event(number), "down") for number in range(30)]
        await rig.act(actions)
        await rig.member()

        async def opened() -> bool:
            return "open" in await states(rig, "breaker")

        await until(opened)
        receiver.moods["/down"] = 200

        async def all_delivered() -> bool:
            done = {one.action_id for one in await rig.attempts() if one.outcome == "delivered"}
            return done == {one.action_id for one in actions}

        await until(all_delivered)
        assert (await states(rig, "breaker"))[-1] == "closed"
        assert await rig.dead() == []
