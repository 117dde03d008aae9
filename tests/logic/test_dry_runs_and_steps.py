"""Workflows that are tried out, and actions with a condition of their own, on a broker in memory."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter

from runtime.broker import Received
from schemas import headers
from schemas.records import Action, action_id_of
from tests.crm import lead_event
from tests.waiting import until
from tests.workflow_rig import SETTINGS, Rig, rig
from workflow_service import measures, stage
from workflow_service.language.compiled import CompiledStep

BIG = {"field": "after.lead_value", "at_least": 1000}


async def settled(system: Rig) -> None:
    await until(system.done, within=10, message="events are left over")


def dry_runs(system: Rig) -> list[Received]:
    return system.broker.written(system.settings.topics.actions_dryrun)


def decoded(system: Rig, records: list[Received]) -> list[Action]:
    return [system.ground.codec.decode_action(record.value) for record in records]


def total(counter: Counter) -> float:
    return float(counter._value.get())


async def test_a_dry_run_writes_the_same_actions_elsewhere_and_counts_them_apart():
    async with rig() as system:
        await system.webhook()
        await system.workflow(only_if=BIG, state="dry_run")
        await system.workflow(id="live", only_if=BIG)
        counted = [measures.MATCHES, measures.ACTIONS]
        tried = [measures.DRY_RUN_MATCHES, measures.DRY_RUN_ACTIONS]
        before = [total(one) for one in (*counted, *tried)]
        async with system.member():
            await system.publish(lead_event(1, lead_value=5000), lead_event(2, lead_value=1))
            await settled(system)
        after = [total(one) for one in (*counted, *tried)]

        (record,), (live,) = dry_runs(system), system.actions
        (action,) = decoded(system, [record])
    assert (live.workflow_id, action.workflow_id) == ("live", "w")
    assert action.action_id == action_id_of(lead_event(1).event_id, "w", 1, 0)
    assert record.key == b"hook/lead/1"
    assert dict(record.headers)[headers.WORKFLOW] == b"w"
    assert [one - other for one, other in zip(after, before, strict=True)] == [1, 1, 1, 1]


async def test_a_dry_run_leaves_no_dead_letters_whatever_is_wrong(monkeypatch):
    monkeypatch.setattr(stage, "MAX_VALUE", 900)
    async with rig() as system:
        await system.workflow(
            state="dry_run", then=[{"webhook": "gone"}, {"webhook": "hook"}], only_if=BIG
        )
        async with system.member():
            await system.publish(
                lead_event(1, lead_value=5000),
                lead_event(2, lead_value=5000, title="x" * 900),
            )
            await settled(system)

        shown = decoded(system, dry_runs(system))
        dead = system.dead() + system.dead(system.settings.topics.actions)
    assert [(one.webhook_id, one.event_id) for one in shown] == [
        ("gone", lead_event(1).event_id),
        ("hook", lead_event(1).event_id),
    ]
    assert (dead, system.actions) == ([], [])


async def test_a_dry_run_respects_what_has_fired_and_records_nothing():
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire="once_per_record")
        async with system.member():
            await system.publish(lead_event(1, id="1"))
            await settled(system)
        await system.workflow(fire="once_per_record", state="dry_run")
        async with system.member():
            await system.publish(lead_event(2, id="1"), *(lead_event(n, id="2") for n in (3, 4)))
            await settled(system)

        shown = decoded(system, dry_runs(system))
        firings = system.broker.written(system.settings.topics.firings)
    assert [(one.entity_id, one.event_id) for one in shown] == [
        ("2", lead_event(3).event_id),
        ("2", lead_event(4).event_id),
    ]
    assert len(firings) == len(system.actions) == 1


STEPS: list[dict[str, Any]] = [
    {"webhook": "a", "if": BIG},
    {"webhook": "b"},
    {"webhook": "c", "if": {"not": BIG}},
]


async def test_only_actions_whose_condition_is_true_are_made_and_each_keeps_its_index():
    async with rig() as system:
        for webhook in "abc":
            await system.webhook(webhook)
        await system.workflow(then=STEPS)
        async with system.member():
            await system.publish(
                lead_event(1, lead_value=5000),
                lead_event(2, lead_value=1),
                lead_event(3, lead_value=None),
            )
            await settled(system)

        made = {(one.event_id, one.webhook_id, one.action_index) for one in system.actions}
    assert made == {
        (lead_event(1).event_id, "a", 0),
        (lead_event(1).event_id, "b", 1),
        (lead_event(2).event_id, "b", 1),
        (lead_event(2).event_id, "c", 2),
        (lead_event(3).event_id, "b", 1),
    }


async def test_a_match_whose_actions_are_all_left_out_is_a_firing_all_the_same():
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire="once_per_record", then=[{"webhook": "hook", "if": BIG}])
        async with system.member():
            await system.publish(lead_event(1, lead_value=1), lead_event(2, lead_value=5000))
            await settled(system)

        firings = system.broker.written(system.settings.topics.firings)
    assert (system.actions, len(firings)) == ([], 1)


async def test_an_action_whose_condition_breaks_is_a_dead_letter_of_its_workflow_alone(monkeypatch):
    def takes(self, event):
        if self.step.webhook == "bad":
            raise ZeroDivisionError("by nought")
        return True

    monkeypatch.setattr(CompiledStep, "takes", takes)
    async with rig() as system:
        for webhook in ("good", "bad"):
            await system.webhook(webhook)
        await system.workflow(id="whole", then=[{"webhook": "good"}])
        await system.workflow(id="broken", then=[{"webhook": "good"}, {"webhook": "bad"}])
        await system.workflow(id="tried", state="dry_run", then=[{"webhook": "bad"}])
        async with system.member():
            await system.publish(lead_event(1))
            await settled(system)

        (letter,) = system.dead()
    assert [one.workflow_id for one in system.actions] == ["whole"]
    assert dict(letter.headers)[headers.ERROR_CLASS] == b"workflow-failed"
    assert dict(letter.headers)[headers.WORKFLOW] == b"broken"
    assert dry_runs(system) == []


async def test_an_actions_own_template_travels_with_it():
    async with rig(SETTINGS) as system:
        await system.webhook()
        template = {"text": "{{ after.title }}"}
        await system.workflow(then=[{"webhook": "hook", "template": template}, {"webhook": "hook"}])
        async with system.member():
            await system.publish(lead_event(1))
            await settled(system)

        found = [one.template for one in system.actions]
    assert found == ['{"text":"{{ after.title }}"}', None]
