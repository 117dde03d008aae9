"""The webhook service on a real broker with a real receiver."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Verifier

from runtime.broker import Broker
from runtime.settings import Settings
from schemas import headers as names
from tests.delivery_rig import SECRET, SHORT_RETRY, person_event, receiving, rigged, webhook
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("topics_created")


async def test_an_action_arrives_signed_and_its_attempt_is_on_record(
    broker: Broker, settings: Settings
):
    async with receiving() as receiver, rigged(broker, settings) as rig:
        await rig.save(webhook("mirror", f"{receiver.url}/ok", query={"from": "a b"}))
        action = rig.action(person_event(1), "mirror")
        await rig.act([action])

        await rig.member()
        await until(lambda: receiver.arrivals)
        await until(rig.attempts)

        [arrival] = receiver.arrivals
        Verifier(SECRET).verify(arrival.body, dict(arrival.headers))
        assert arrival.webhook_id == str(action.action_id)
        body = json.loads(arrival.body)
        assert body["type"] == "person.created"
        assert body["data"]["after"]["name"] == "Ada Lovelace 1"
        [attempt] = await rig.attempts()
        assert (attempt.status, attempt.outcome, attempt.attempt) == (200, "delivered", 1)
        assert attempt.url == f"{receiver.url}/ok?from=***"


async def test_a_failing_endpoint_gets_its_retries_and_then_there_is_a_dead_letter(
    broker: Broker, settings: Settings
):
    async with receiving() as receiver, rigged(broker, settings) as rig:
        receiver.moods["/bad"] = 500
        await rig.save(webhook("bad", f"{receiver.url}/bad", retry=SHORT_RETRY))
        action = rig.action(person_event(1), "bad")
        await rig.act([action])

        await rig.member()
        await until(rig.dead)

        assert [one.webhook_id for one in receiver.arrivals] == [str(action.action_id)] * 3
        first, second, third = (one.at for one in receiver.arrivals)
        assert second - first >= 0.3
        assert third - second >= 0.3
        [dead] = await rig.dead()
        [origin] = await rig.records(rig.topics.actions)
        found = {name: value.decode() for name, value in dead.headers}
        assert (dead.key, dead.value, dead.partition) == (
            origin.key,
            origin.value,
            origin.partition,
        )
        assert found[names.WEBHOOK] == "bad"
        assert found[names.WORKFLOW] == "welcome"
        assert found[names.ATTEMPTS] == "3"
        assert found[names.LAST_STATUS] == "500"
        assert found[names.ERROR_CLASS] == "status"
        assert found[names.ERROR_STAGE] == "DELIVERY"
        assert "no success in 3 attempts" in found[names.REASON]
        outcomes = [(one.attempt, one.outcome) for one in await rig.attempts()]
        assert outcomes == [(1, "waiting"), (2, "waiting"), (3, "dead")]


async def test_a_hanging_endpoint_does_not_delay_another(broker: Broker, settings: Settings):
    async with receiving() as receiver, rigged(broker, settings) as rig:
        receiver.moods["/hang"] = "hang"
        await rig.save(webhook("hang", f"{receiver.url}/hang", timeout="30s", concurrency=2))
        await rig.save(webhook("good", f"{receiver.url}/ok"))
        await rig.act([rig.action(person_event(number), "hang") for number in range(300)])
        await rig.act([rig.action(person_event(number), "good") for number in range(300)])

        await rig.member(webhook_max_in_flight=100)
        await until(lambda: len(receiver.at("/ok")) == 300, message="the good ones did not arrive")

        assert len(receiver.at("/hang")) == 1  # who has not answered yet is not asked twice
        receiver.release.set()
        receiver.moods["/hang"] = 200
        await until(lambda: len({one.webhook_id for one in receiver.at("/hang")}) == 300)


async def test_a_503_is_not_repeated_before_its_retry_after(broker: Broker, settings: Settings):
    def mood(count: int) -> web.Response:
        if count == 1:
            return web.Response(status=503, headers={"Retry-After": "1"})
        return web.Response()

    async with receiving() as receiver, rigged(broker, settings) as rig:
        receiver.moods["/busy"] = mood
        await rig.save(webhook("busy", f"{receiver.url}/busy", retry=SHORT_RETRY))
        await rig.act([rig.action(person_event(1), "busy")])

        await rig.member()
        await until(lambda: len(receiver.arrivals) == 2)

        first, second = receiver.arrivals
        assert second.at - first.at >= 1.0
