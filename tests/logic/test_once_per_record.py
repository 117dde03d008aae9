"""`fire: once_per_record` on a broker in memory: one firing for each record, whatever happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

from runtime.broker import Outgoing, TopicPartition
from schemas.errors import BrokerError
from schemas.records import firing_key_of
from tests.crm import event_of, lead_event, record_of
from tests.fake_groups import Member
from tests.fakes import MemoryReader, MemoryTransactionalPublisher
from tests.waiting import until
from tests.workflow_rig import Rig, rig

ONCE = "once_per_record"
RECORDS = ("1", "2", "3", "4", "5", "6", "7")


async def settled(system: Rig) -> None:
    await until(system.done, within=10, message="events are left over")


async def publish(system: Rig, numbers: range) -> None:
    """Events of every record, mixed."""
    await system.publish(*(lead_event(n, id=RECORDS[n % len(RECORDS)]) for n in numbers))


def fired_for(system: Rig, workflow: str = "w") -> Counter[str]:
    """How many actions of a workflow each record has."""
    return Counter(one.entity_id for one in system.actions if one.workflow_id == workflow)


def offsets_back(system: Rig) -> None:
    """As an operator does while no member runs."""
    system.broker.group(system.settings.workflow_group).committed.clear()


async def test_it_fires_for_the_first_event_of_each_record_and_never_again():
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire=ONCE, only_if={"field": "after.title", "not_equals": "no"})
        async with system.member():
            await system.publish(lead_event(1, id="1", title="no"), lead_event(2, id="1"))
            await publish(system, range(3, 60))
            await settled(system)
            await publish(system, range(60, 90))
            await settled(system)

        first = next(one for one in system.actions if one.entity_id == "1")
    assert fired_for(system) == dict.fromkeys(RECORDS, 1)
    assert first.event_id == lead_event(2).event_id


async def test_a_firing_stands_beside_its_event_and_says_what_fired_for_what():
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire=ONCE)
        async with system.member():
            await publish(system, range(30))
            await settled(system)

        written = system.broker.written(system.settings.topics.firings)
        actions = {one.entity_id: one for one in system.actions}
        firings = {one.key: system.ground.codec.decode_firing(one.value) for one in written}
    assert len(written) == len(firings) == len(RECORDS)
    for record in written:
        firing = firings[record.key]
        action = actions[firing.entity_id]
        assert record.key == firing_key_of("w", "lead", firing.entity_id)
        assert record.partition == action.event_partition
        assert (firing.workflow_id, firing.workflow_version) == ("w", 1)
        assert (firing.event_id, firing.fired_at) == (action.event_id, action.matched_at)


async def test_a_restart_and_offsets_that_are_set_back_fire_nothing_anew():
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire=ONCE)
        await system.workflow(id="every")
        async with system.member():
            await publish(system, range(30))
            await settled(system)
        for _ in range(2):
            offsets_back(system)
            async with system.member():
                await settled(system)

    assert fired_for(system) == dict.fromkeys(RECORDS, 1)
    assert fired_for(system, "every").total() == 90


async def test_members_that_come_and_go_fire_once():
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire=ONCE)
        async with system.member("one"):
            await publish(system, range(20))
            async with system.member("two"):
                await publish(system, range(20, 40))
                await settled(system)
            await publish(system, range(40, 60))
            async with system.member("three"):
                offsets_back(system)
                await publish(system, range(60, 70))
                await settled(system)

    assert fired_for(system) == dict.fromkeys(RECORDS, 1)


async def test_what_another_member_fired_for_counts_when_the_partition_comes_back():
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire=ONCE)
        later = [lead_event(100 + n, id=f"later-{n}") for n in range(20)]
        async with system.member("one"):
            await publish(system, range(20))
            await settled(system)
            async with system.member("two"):
                await until(lambda: shared(system), within=10)
                await system.publish(*later)
                await settled(system)
            await system.publish(*later)
            await settled(system)

    assert set(fired_for(system).values()) == {1}
    assert len(fired_for(system)) == len(RECORDS) + 20


def shared(system: Rig) -> bool:
    """Whether two members have partitions."""
    members = system.broker.group(system.settings.workflow_group).members.values()
    return sum(bool(one.assignment()) for one in members) == 2


async def test_every_version_of_a_workflow_counts_as_the_same():
    async with rig() as system:
        await system.webhook()
        async with system.member() as member:
            await system.workflow(fire=ONCE)
            await until(lambda: len(member.matcher) == 1, within=10)
            await publish(system, range(3))
            await settled(system)
            await system.save("workflow", "w", '{"removed":true}')
            await until(lambda: len(member.matcher) == 0, within=10)
            await system.workflow(fire=ONCE, description="saved again")
            await until(lambda: len(member.matcher) == 1, within=10)
            await publish(system, range(3, 30))
            await settled(system)
            await system.workflow(id="another", fire=ONCE)
            await until(lambda: len(member.matcher) == 2, within=10)
            await publish(system, range(30, 60))
            await settled(system)

    assert fired_for(system) == dict.fromkeys(RECORDS, 1)
    assert fired_for(system, "another") == dict.fromkeys(RECORDS, 1)


async def test_what_fired_while_it_fired_for_every_event_does_not_count():
    async with rig() as system:
        await system.webhook()
        async with system.member() as member:
            await system.workflow()
            await until(lambda: len(member.matcher) == 1, within=10)
            await publish(system, range(14))
            await settled(system)
            await system.workflow(fire=ONCE)
            await until(lambda: version_of(member) == 2, within=10)
            await publish(system, range(14, 40))
            await settled(system)

    assert fired_for(system) == dict.fromkeys(RECORDS, 3)


def version_of(member: Any) -> int:
    """The version of the workflow `w` that is in force, as its actions would say it."""
    (compiled,) = member.matcher.match(lead_event()).matches
    return int(compiled.version)


async def test_records_of_two_entities_with_the_same_id_are_two_records():
    async with rig() as system:
        await system.webhook()
        await system.workflow(id="leads", fire=ONCE)
        await system.workflow(id="persons", entity="person", fire=ONCE)
        person = event_of(None, record_of("person", id="1"), entity="person", number=1_000)
        async with system.member():
            await system.publish(lead_event(1, id="1"), person, lead_event(2, id="1"), person)
            await until(lambda: len(system.actions) == 2 and system.done(), within=10)
        offsets_back(system)
        async with system.member():
            await settled(system)

    assert fired_for(system, "leads") == fired_for(system, "persons") == {"1": 1}


async def test_a_firing_whose_transaction_failed_has_not_happened(monkeypatch):
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire=ONCE)
        real, failures = MemoryTransactionalPublisher.transact, iter(range(3))

        async def shaky(self, *arguments):
            if next(failures, None) is not None:
                raise BrokerError("the coordinator is away")
            return await real(self, *arguments)

        monkeypatch.setattr(MemoryTransactionalPublisher, "transact", shaky)
        async with system.member():
            await publish(system, range(25))
            for _ in range(5):
                await until(lambda: system.clock.sleepers or system.done(), within=10)
                await system.clock.advance(timedelta(seconds=5))
            await settled(system)

    assert fired_for(system) == dict.fromkeys(RECORDS, 1)


class Gate:
    """Holds scans of the firings back, and says what was asked for."""

    def __init__(self, monkeypatch: Any) -> None:
        self.asked: list[Any] = []
        self.open = asyncio.Event()
        self.failures = 0
        real, gate = MemoryReader.scan, self

        async def scan(reader, span):
            if span.topic.endswith(".firings"):
                gate.asked.append(span)
                await gate.open.wait()
                if gate.failures:
                    gate.failures -= 1
                    raise BrokerError("the leader is away")
            async for record in real(reader, span):
                yield record

        monkeypatch.setattr(MemoryReader, "scan", scan)


async def test_partitions_wait_for_their_firings_and_no_longer_than_that(monkeypatch):
    async with rig() as system:
        gate = Gate(monkeypatch)
        await system.webhook()
        await system.workflow(fire=ONCE)
        await system.workflow(id="persons", entity="person")
        person = event_of(None, record_of("person", id="1"), entity="person", number=1_000)
        async with system.member() as member:
            await publish(system, range(30))
            await system.publish(person)
            await until(lambda: fired_for(system, "persons") == {"1": 1}, within=10)
            assert not system.done()
            assert {(span.topic, span.partition, span.settled) for span in gate.asked} == {
                (system.settings.topics.firings, number, True) for number in (0, 1)
            }
            assert member.health.ready
            await system.clock.advance(timedelta(seconds=6))
            assert not member.health.ready
            assert "wait for" in str(member.health.report())

            gate.open.set()
            await settled(system)
            await until(lambda: member.health.ready, within=10)

    assert fired_for(system) == dict.fromkeys(RECORDS, 1)


async def test_firings_that_cannot_be_read_are_asked_for_again(monkeypatch):
    async with rig() as system:
        gate = Gate(monkeypatch)
        gate.failures = 3
        gate.open.set()
        await system.webhook()
        await system.workflow(fire=ONCE)
        async with system.member():
            await publish(system, range(30))
            for _ in range(6):
                await system.clock.advance(timedelta(seconds=1))
            await settled(system)

    assert fired_for(system) == dict.fromkeys(RECORDS, 1)
    assert len(gate.asked) == 5


async def test_a_member_that_waits_for_firings_stops_when_it_is_asked_to(monkeypatch):
    async with rig() as system:
        gate = Gate(monkeypatch)
        await system.webhook()
        await system.workflow(fire=ONCE)
        async with system.member():
            await publish(system, range(30))
            await until(lambda: gate.asked, within=10)
        assert system.actions == []
        gate.open.set()
        async with system.member():
            await settled(system)

    assert fired_for(system) == dict.fromkeys(RECORDS, 1)


async def test_what_was_read_before_another_member_had_the_partition_does_not_count(monkeypatch):
    async with rig() as system:
        real, held, begun = MemoryReader.scan, asyncio.Event(), list[int]()

        async def scan(reader, span):
            found = [record async for record in real(reader, span)]
            begun.append(span.partition)
            if len(begun) <= 2:
                await held.wait()
            for record in found:
                yield record

        monkeypatch.setattr(MemoryReader, "scan", scan)
        await system.webhook()
        await system.workflow(fire=ONCE)
        async with system.member("one"):
            await publish(system, range(20))
            await until(lambda: len(begun) == 2, within=10)
            async with system.member("two"):
                await until(lambda: len(fired_for(system)) == len(RECORDS), within=10)
                await settled(system)
            await publish(system, range(20, 40))
            held.set()
            await settled(system)

    assert fired_for(system) == dict.fromkeys(RECORDS, 1)


async def test_a_rebalance_is_not_held_up_by_what_is_set_aside(monkeypatch):
    """A seek is done by the next poll, and no poll returns before a rebalance is over."""
    real, rebalances = Member.seek, iter(range(2))

    async def seek(self, partition, offset):
        if next(rebalances, None) is not None:
            await asyncio.wait_for(self.group.change(), 5)
        await real(self, partition, offset)

    monkeypatch.setattr(Member, "seek", seek)
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire=ONCE)
        async with system.member():
            await publish(system, range(20))
            await settled(system)

    assert next(rebalances, None) is None
    assert fired_for(system) == dict.fromkeys(RECORDS, 1)


async def test_nothing_is_read_back_before_such_a_workflow_matches(monkeypatch):
    async with rig() as system:
        gate = Gate(monkeypatch)
        await system.webhook()
        await system.workflow(fire=ONCE, only_if={"field": "after.title", "equals": "never"})
        async with system.member():
            await publish(system, range(30))
            await settled(system)

    assert gate.asked == []


async def test_a_firing_that_was_deleted_from_its_topic_may_happen_again():
    async with rig() as system:
        await system.webhook()
        await system.workflow(fire=ONCE)
        async with system.member():
            await publish(system, range(14))
            await settled(system)
        firings = system.settings.topics.firings
        key = firing_key_of("w", "lead", "3")
        (place,) = {
            TopicPartition(one.topic, one.partition)
            for one in system.broker.written(firings)
            if one.key == key
        }
        await system.ground.publisher.publish(Outgoing(firings, key, None, (), place.partition))
        offsets_back(system)
        async with system.member():
            await settled(system)

    assert fired_for(system) == {**dict.fromkeys(RECORDS, 1), "3": 2}
