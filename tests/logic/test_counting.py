"""What workflows said is counted, kept with the partition, and shown by list and metrics."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from runtime.registry.topic import TopicRegistry
from schemas.codec import Codec
from schemas.errors import BrokerError, UnknownSchemaError
from schemas.framing import Fingerprint
from schemas.records import Event, WorkflowCounts
from tests.crm import lead_event
from tests.fakes import MemoryPublisher
from tests.waiting import until
from tests.workflow_rig import Member, Rig, rig
from workflow_service.counting.counts import SAMPLE_EVERY
from workflow_service.counting.series import WorkflowSeries
from workflow_service.counting.tallies import failures_of

BIG = {"field": "after.lead_value", "at_least": 1000}
SECOND, HALF_A_MINUTE = timedelta(seconds=1), timedelta(seconds=30)


def leads(first: int, count: int, value: int) -> list[Event]:
    return [
        lead_event(number, id=str(number), lead_value=value)
        for number in range(first, first + count)
    ]


def said(member: Member, id: str = "w") -> tuple[int, int]:
    """Evaluated and matched, over all partitions."""
    tallies = member.counting.tallies().get(id, [])
    return sum(each.evaluated for each in tallies), sum(each.matched for each in tallies)


async def counted(system: Rig, member: Member, expected: tuple[int, int], id: str = "w") -> None:
    await until(system.done, within=10, message="events are left over")

    async def as_expected() -> bool:
        await system.clock.advance(SECOND)
        return said(member, id) == expected

    await until(as_expected, within=10, message=f"{said(member, id)} was counted, not {expected}")


async def test_events_and_matches_are_counted_and_the_next_member_goes_on():
    async with rig() as system:
        await system.webhook()
        await system.workflow(only_if=BIG)
        async with system.member() as member:
            await system.publish(*leads(1, 4, 2000))
            await counted(system, member, (4, 4))
            await system.publish(*leads(5, 3, 1))
            await counted(system, member, (7, 4))
        async with system.member("two") as member:
            await system.publish(*leads(8, 2, 2000))
            await counted(system, member, (9, 6))


async def test_a_new_version_begins_anew():
    async with rig() as system:
        await system.webhook()
        await system.workflow(only_if=BIG)
        async with system.member() as member:
            await system.publish(*leads(1, 4, 2000))
            await counted(system, member, (4, 4))
            await system.workflow(only_if={"field": "after.lead_value", "at_least": 1})
            await member.library.catch_up()
            await system.publish(*leads(5, 3, 2000))
            await counted(system, member, (3, 3))


async def test_what_cannot_be_written_now_is_written_later(monkeypatch):
    async with rig() as system:
        await system.webhook()
        await system.workflow(only_if=BIG)
        async with system.member() as member:
            await system.publish(*leads(1, 4, 2000))
            await counted(system, member, (4, 4))
            with monkeypatch.context() as broken:

                async def fail(*_: object) -> None:
                    raise BrokerError("away")

                broken.setattr(MemoryPublisher, "publish_all", fail)
                await system.clock.advance(HALF_A_MINUTE)
            await system.clock.advance(HALF_A_MINUTE)
            topic = system.settings.topics.workflow_counts
            await until(lambda: system.broker.written(topic), within=10)


async def test_some_verdicts_are_looked_into_so_that_one_sees_where_it_fails():
    async with rig() as system:
        await system.webhook()
        await system.workflow(only_if={"all": [{"field": "after.title", "is_empty": False}, BIG]})
        async with system.member() as member:
            await system.publish(*leads(1, 4, 2000), *leads(5, 3 * SAMPLE_EVERY, 1))
            await counted(system, member, (4 + 3 * SAMPLE_EVERY, 4))

            assert failures_of(member.counting.tallies()["w"]) == {"only_if.all[1]": 3}


async def test_metrics_have_series_of_as_many_workflows_as_are_allowed():
    async with rig() as system:
        await system.webhook()
        for id in ("a", "b", "c"):
            await system.workflow(id=id, only_if=BIG)
        async with system.member() as member:
            await system.publish(*leads(1, 4, 2000))
            for id in ("a", "b", "c"):
                await counted(system, member, (4, 4), id)
            registry = CollectorRegistry()
            registry.register(WorkflowSeries(member.counting.tallies, limit=2))

            text = generate_latest(registry).decode()

    assert 'hookline_workflow_matched_total{workflow="a"} 4.0' in text
    assert 'workflow="c"' not in text
    assert "hookline_workflow_series_left_out 1.0" in text


async def test_a_failure_is_counted_where_explain_says_that_it_failed():
    some = {"field": "after.tags", "any_item": {"field": "item", "equals": "vip"}}
    async with rig() as system:
        await system.webhook()
        await system.workflow(only_if={"all": [some, BIG]})
        async with system.member() as member:
            await system.publish(
                *(
                    lead_event(number, id=str(number), tags=["new"])
                    for number in range(1, 1 + SAMPLE_EVERY)
                )
            )

            async def is_counted() -> bool:
                await system.clock.advance(SECOND)
                return "w" in member.counting.tallies()

            await until(is_counted, within=10)

            assert failures_of(member.counting.tallies()["w"]) == {"only_if.all[0]": 1}


async def test_counts_of_a_release_whose_schema_came_later_are_gone_on_with(monkeypatch):
    async with rig() as system:
        await system.webhook()
        await system.workflow(only_if=BIG)
        async with system.member() as member:
            await system.publish(*leads(1, 4, 2000))
            await counted(system, member, (4, 4))
        decode, asked = Codec.decode_workflow_counts, list[object]()
        learnt = TopicRegistry.catch_up

        def unknown(self: Codec, value: bytes | None) -> WorkflowCounts:
            if not asked:
                raise UnknownSchemaError(Fingerprint(b"12345678"))
            return decode(self, value)

        async def look(self: TopicRegistry, reference: Any) -> bool:
            asked.append(reference)
            return await learnt(self, reference)

        monkeypatch.setattr(Codec, "decode_workflow_counts", unknown)
        monkeypatch.setattr(TopicRegistry, "catch_up", look)
        async with system.member("two") as member:
            await system.publish(*leads(5, 3, 1))
            await counted(system, member, (7, 4))
    assert asked
