"""The workflow service on a broker in memory: what is written, and how far it was read."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from runtime.broker import Outgoing, Received
from schemas import headers
from schemas.errors import BrokerError, FencedError
from schemas.records import action_id_of
from tests.crm import event_of, lead_event, record_of
from tests.fakes import MemoryTransactionalPublisher
from tests.waiting import until
from tests.workflow_rig import SETTINGS, Rig, rig

BIG = {"field": "after.lead_value", "at_least": 1000}


def header(record: Received, name: str) -> str | None:
    return next((value.decode() for key, value in record.headers if key == name), None)


async def settled(system: Rig) -> None:
    await until(system.done, within=10, message="events are left over")


async def test_an_event_that_matches_becomes_an_action():
    async with rig() as system:
        await system.webhook()
        await system.workflow(only_if=BIG)
        event = lead_event(lead_value=1000, id="7")
        async with system.member():
            await system.publish(event, lead_event(2, lead_value="999.99"))
            await settled(system)

        (action,) = system.actions
        (record,) = system.broker.written(system.settings.topics.actions)
    assert action.action_id == action_id_of(event.event_id, "w", 1, 0)
    assert (action.workflow_id, action.workflow_version, action.webhook_id) == ("w", 1, "hook")
    assert (action.entity, action.entity_id, action.hops) == ("lead", "7", 1)
    assert system.ground.codec.decode_event("lead", action.event) == event
    assert record.key == b"hook/lead/7"
    assert header(record, headers.ACTION_ID) == str(action.action_id)
    assert header(record, headers.WEBHOOK) == "hook"


async def test_actions_come_in_the_order_of_events_and_of_the_workflow():
    async with rig() as system:
        await system.webhook()
        await system.webhook("second")
        await system.workflow(then=[{"webhook": "hook"}, {"webhook": "second"}])
        async with system.member():
            await system.publish(*(lead_event(number, id="7") for number in range(1, 31)))
            await settled(system)

        by_hook: dict[str, list[Any]] = {}
        for action in system.actions:
            by_hook.setdefault(action.webhook_id, []).append(action)
    expected = [lead_event(number, id="7").event_id for number in range(1, 31)]
    for index, hook in enumerate(("hook", "second")):
        assert [action.event_id for action in by_hook[hook]] == expected
        assert {action.action_index for action in by_hook[hook]} == {index}


async def test_a_change_of_definitions_is_taken_up_while_the_service_runs():
    async with rig() as system:
        await system.webhook()
        async with system.member() as member:
            await system.publish(lead_event(1))
            await settled(system)
            await system.workflow()
            await until(lambda: len(member.matcher) == 1, within=10)
            await system.publish(lead_event(2))
            await settled(system)
            await system.workflow(state="paused")
            await until(lambda: len(member.matcher) == 0, within=10)
            await system.publish(lead_event(3))
            await settled(system)
            await system.workflow(description="new")
            await until(lambda: len(member.matcher) == 1, within=10)
            await system.publish(lead_event(4))
            await settled(system)
            await system.save("workflow", "w", '{"removed":true}')
            await until(lambda: len(member.matcher) == 0, within=10)
            await system.publish(lead_event(5))
            await settled(system)

        versions = {(one.event_id, one.workflow_version) for one in system.actions}
    assert versions == {(lead_event(2).event_id, 1), (lead_event(4).event_id, 3)}


async def test_what_cannot_be_read_is_a_dead_letter_at_once_and_verbatim():
    async with rig() as system:
        await system.webhook()
        await system.workflow()
        async with system.member():
            await system.publish_raw(b"junk", None, b"\xc3\x01" + bytes(8) + b"x", partition=1)
            await system.publish(lead_event(id="7"))
            await settled(system)

        letters = system.dead()
        assert len(system.actions) == 1
    assert [(one.key, one.value) for one in letters] == [
        (b"key", b"junk"),
        (b"key", None),
        (b"key", b"\xc3\x01" + bytes(8) + b"x"),
    ]
    first, _, third = letters
    assert first.partition == 1
    assert first.headers[:2] == (("x", b"1"), ("x", b"2"))
    assert header(first, headers.ERROR_TOPIC) == "crm.lead.events"
    assert (header(first, headers.ERROR_PARTITION), header(first, headers.ERROR_OFFSET)) == (
        "1",
        "0",
    )
    assert header(first, headers.ERROR_CLASS) == "undecodable"
    assert "6a 75 6e 6b" in (header(first, headers.REASON) or "")
    assert header(third, headers.ERROR_CLASS) == "unknown-schema"
    assert "0000000000000000" in (header(third, headers.REASON) or "")


async def test_an_event_on_the_topic_of_another_entity_is_a_dead_letter():
    async with rig() as system:
        async with system.member():
            value = system.ground.codec.encode(lead_event())
            lying = value.replace(b"\x08lead", b"\x08loan")
            assert lying != value
            await system.publish_raw(lying)
            await settled(system)

        (letter,) = system.dead()
    assert "'loan'; expected 'lead'" in (header(letter, headers.REASON) or "")


async def test_an_action_for_a_webhook_that_is_gone_is_a_dead_letter_not_silence():
    async with rig() as system:
        await system.workflow()
        async with system.member():
            await system.publish(lead_event(id="7"))
            await settled(system)
            await system.webhook()
            await system.publish(lead_event(2, id="7"))
            await settled(system)

        (letter,) = system.dead(system.settings.topics.actions)
        assert [one.event_id for one in system.actions] == [lead_event(2).event_id]
        buried = system.ground.codec.decode_action(letter.value)
    assert buried.action_id == action_id_of(lead_event(1).event_id, "w", 1, 0)
    assert letter.key == b"hook/lead/7"
    assert header(letter, headers.ERROR_CLASS) == "unknown-webhook"
    assert header(letter, headers.ACTION_ID) == str(buried.action_id)
    assert header(letter, headers.WORKFLOW) == "w"


async def test_a_chain_that_is_too_long_ends_in_a_dead_letter_that_tells_it():
    async with rig() as system:
        await system.webhook()
        await system.workflow()
        limit = system.settings.max_hops
        fine, last = (
            dataclasses.replace(lead_event(number), hops=limit - 2 + number) for number in (1, 2)
        )
        async with system.member():
            await system.publish(fine, last)
            await settled(system)

        (letter,) = system.dead(system.settings.topics.actions)
        assert [action.hops for action in system.actions] == [limit]
    assert header(letter, headers.ERROR_CLASS) == "too-many-hops"
    assert str(last.correlation_id) in (header(letter, headers.REASON) or "")
    assert str(last.event_id) in (header(letter, headers.CHAIN) or "")


async def test_a_workflow_that_breaks_keeps_it_to_itself(monkeypatch):
    async with rig() as system:
        await system.webhook()
        await system.workflow(id="good")
        await system.workflow(id="bad", only_if=BIG)
        async with system.member() as member:
            await until(lambda: len(member.matcher) == 2, within=10)
            (bad,) = member.matcher._entries["bad"]

            def broken(_: object) -> bool:
                raise ZeroDivisionError("a defect")

            bad.judge = broken
            await system.publish(lead_event(lead_value="1000"))
            await settled(system)

        (letter,) = system.dead()
        assert [action.workflow_id for action in system.actions] == ["good"]
    assert header(letter, headers.ERROR_CLASS) == "workflow-failed"
    assert header(letter, headers.WORKFLOW) == "bad"
    assert "ZeroDivisionError: a defect" in (header(letter, headers.REASON) or "")


async def test_a_stored_workflow_that_makes_no_sense_does_not_keep_others_from_running():
    async with rig() as system:
        await system.webhook()
        await system.workflow(id="good")
        bad = {"id": "bad", "entity": "lead", "on": ["created"], "then": [{"webhook": "hook"}]}
        await system.save(
            "workflow", "bad", bad | {"only_if": {"field": "after.gone", "equals": 1}}
        )
        await system.save("workflow", "worse", "{")
        await system.ground.publisher.publish_all(
            [record_out(system, b"unreadable", b"junk"), record_out(system, b"other-key", None)]
        )
        async with system.member() as member:
            await system.publish(lead_event())
            await settled(system)
            broken = {id: str(problems[0]) for id, problems in member.library.broken.items()}

        assert [action.workflow_id for action in system.actions] == ["good"]
    assert broken.keys() == {"bad", "worse"}
    assert "after.gone" in broken["bad"]


def record_out(system: Rig, key: bytes, value: bytes | None) -> Any:
    return Outgoing(system.settings.topics.workflows, key, value)


async def test_when_nothing_can_be_read_the_service_holds_and_says_so():
    settings = SETTINGS.model_copy(update={"dead_letter_limit": 5})
    async with rig(settings) as system:
        await system.webhook()
        await system.workflow()
        async with system.member() as member:
            await system.publish_raw(*[b"junk"] * 8)
            await until(lambda: not member.health.ready and system.clock.sleepers, within=10)
            assert "in a row" in str(member.health.report())
            assert system.dead() == []
            assert system.broker.committed(settings.workflow_group) == {}
            await system.publish(lead_event(id="1"), lead_event(2, id="2"), lead_event(3, id="3"))
            for _ in range(10):
                await system.clock.advance(timedelta(milliseconds=settings.dead_letter_pause_ms))
            await settled(system)
            await until(lambda: member.health.ready, within=10)

        assert len(system.dead()) == 8
        assert len(system.actions) == 3


async def test_a_limit_of_zero_never_holds():
    async with rig(SETTINGS.model_copy(update={"dead_letter_limit": 0})) as system:
        async with system.member():
            await system.publish_raw(*[b"junk"] * 200)
            await settled(system)

        assert len(system.dead()) == 200


async def test_a_transaction_that_fails_leaves_nothing_and_is_done_again(monkeypatch):
    async with rig() as system:
        await system.webhook()
        await system.workflow()
        real, failures = MemoryTransactionalPublisher.transact, iter(range(3))

        async def shaky(self, *arguments):
            if next(failures, None) is not None:
                raise BrokerError("the coordinator is away")
            return await real(self, *arguments)

        monkeypatch.setattr(MemoryTransactionalPublisher, "transact", shaky)
        async with system.member() as member:
            await system.publish(*(lead_event(number, id=str(number)) for number in range(1, 26)))
            for _ in range(5):
                await until(lambda: system.clock.sleepers or system.done(), within=10)
                await system.clock.advance(timedelta(seconds=5))
            await settled(system)
            assert member.health.ready

        ids = [action.event_id for action in system.actions]
    assert len(ids) == len(set(ids)) == 25


async def test_members_share_the_work_and_a_newcomer_takes_over_without_loss():
    async with rig() as system:
        await system.webhook()
        await system.workflow()
        async with system.member("one"):
            await system.publish(*(lead_event(n, id=str(n)) for n in range(1, 40)))
            async with system.member("two"):
                await system.publish(*(lead_event(n, id=str(n)) for n in range(40, 80)))
                await settled(system)
            await system.publish(*(lead_event(n, id=str(n)) for n in range(80, 90)))
            await settled(system)

        ids = [action.event_id for action in system.actions]
    assert len(ids) == len(set(ids)) == 89


async def test_a_second_process_with_the_same_name_ends_the_first():
    async with rig() as system:
        await system.webhook()
        await system.workflow()
        async with system.member("same") as first:
            await system.publish(lead_event())
            await settled(system)
            async with system.member("same"):
                for number in range(2, 200):
                    if first.task.done():
                        break
                    await system.publish(lead_event(number, id=str(number)))
                    await settled_or(first, system)
                with pytest.raises(FencedError):
                    await first.task
                await settled(system)

        ids = [action.event_id for action in system.actions]
    assert len(ids) == len(set(ids))


async def settled_or(member: Any, system: Rig) -> None:
    await until(lambda: member.task.done() or system.done(), within=10)


async def test_a_replayed_event_yields_the_same_action_ids():
    async with rig() as system:
        await system.webhook()
        await system.workflow()
        async with system.member():
            await system.publish(lead_event(), lead_event())
            await settled(system)

        first, second = system.actions
    assert first.action_id == second.action_id


async def test_a_deletion_is_matched_by_what_was():
    async with rig() as system:
        await system.webhook()
        await system.workflow(on=["deleted"], only_if={"field": "before.title", "equals": "Old"})
        async with system.member():
            await system.publish(event_of(record_of("lead", title="Old", id="7"), None))
            await settled(system)

        (action,) = system.actions
    assert (action.operation, action.entity_id) == ("deleted", "7")
