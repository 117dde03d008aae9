"""The definitions in force: loaded in one go, then kept up with change by change."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from structlog.testing import capture_logs

from runtime.broker import Outgoing
from tests.crm import lead_event
from tests.waiting import until
from tests.workflow_rig import Rig, rig
from workflow_service import library
from workflow_service.library import Library


async def settled(system: Rig) -> None:
    await until(system.done, within=10, message="events are left over")


async def test_what_is_there_at_the_start_is_said_in_one_line():
    async with rig() as system:
        for number in range(20):
            await system.workflow(id=f"w{number:02}")
        await system.workflow(id="tried", state="dry_run")
        await system.save("workflow", "broken", "{}")
        with capture_logs() as logs:
            async with system.member() as member:
                await system.workflow(id="later")
                await until(lambda: len(member.matcher) == 22, within=10)

    said = [line for line in logs if str(line["event"]).startswith("workflow")]
    assert [line["event"] for line in said] == [
        "workflow.broken",
        "workflows.loaded",
        "workflow.taken_up",
    ]
    assert (said[1]["workflows"], said[1]["active"], said[1]["broken"]) == (22, 21, 1)
    assert gc.isenabled()


async def test_of_several_changes_that_wait_only_the_latest_is_compiled(monkeypatch):
    compiled: list[tuple[str, int]] = []
    real = library.compile_definition

    def noting(definition, *others):
        compiled.append((definition.id, definition.version))
        return real(definition, *others)

    monkeypatch.setattr(library, "compile_definition", noting)
    async with rig() as system, system.member() as member:
        topic = system.settings.topics.workflows
        await system.workflow(id="other")
        for _ in range(5):
            await system.workflow()
        again = [
            Outgoing(topic, record.key, record.value) for record in system.broker.written(topic)
        ]
        await system.ground.publisher.publish_all(again)  # repeats change nothing
        await until(lambda: ("w", 5) in compiled and len(member.matcher) == 2, within=10)

    assert compiled.count(("w", 5)) == 1
    assert sorted(set(compiled)) == sorted(compiled)


async def test_whoever_waits_gets_a_turn_between_two_definitions(monkeypatch):
    monkeypatch.setattr(library, "TURN_S", -1.0)
    async with rig() as system:
        for number in range(50):
            await system.workflow(id=f"w{number:02}")
        sizes: set[int] = set()

        def note(real: Any) -> Any:
            async def load(self):
                loading = asyncio.create_task(real(self))
                while not loading.done():
                    sizes.add(len(self._matcher))
                    await asyncio.sleep(0)
                await loading

            return load

        monkeypatch.setattr(Library, "load", note(Library.load))
        async with system.member():
            pass

    assert len(sizes) >= 50


async def test_who_takes_a_partition_over_knows_the_definitions_its_predecessor_knew(monkeypatch):
    async def never(self):
        await asyncio.Event().wait()

    async with rig() as system:
        await system.webhook()
        await system.workflow()
        monkeypatch.setattr(Library, "keep_up", never)
        async with system.member("slow"):
            await system.publish(lead_event(1, id="1"))
            await settled(system)
            await system.workflow(description="second")
            await system.publish(lead_event(2, id="1"))
            await settled(system)
            async with system.member("quick"):
                group = system.broker.group(system.settings.workflow_group)
                await until(lambda: len(group.members) == 2, within=10)
            await system.publish(lead_event(3, id="1"))
            await settled(system)

        versions = [action.workflow_version for action in system.actions]
    assert versions == [1, 1, 2]
