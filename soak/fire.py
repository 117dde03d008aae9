"""What happens to the system: events come, definitions change, members die, the broker stands still."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

from runtime.broker import Outgoing
from runtime.clock import Clock
from runtime.local_broker import JvmBroker
from runtime.logs import get_logger
from schemas.errors import BrokerError
from schemas.records import Definition, DefinitionKind, Event
from soak import plan as plans
from soak.findings import Saved
from soak.plan import Plan
from soak.system import System

log = get_logger(__name__)

CHUNK = 1_000
LOOK_S = 0.25
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def publish(system: System, plan: Plan, still: asyncio.Event) -> None:
    """All events, bytes made once for each kind; `still` is set when half of them are out."""
    topic, templates = system.settings.topics.events("lead"), _templates(system)
    time = asyncio.get_running_loop().time
    began = time()
    for start in range(0, plan.events, CHUNK):
        await until(system, start - plan.backlog)
        numbers = range(start, min(plan.events, start + CHUNK))
        records = [_event(topic, templates, number, plan.records) for number in numbers]
        await system.ground.publisher.publish_all(records)
        if numbers.stop * 2 >= plan.events:
            still.set()
        if plan.rate is not None:
            await asyncio.sleep(max(0.0, began + numbers.stop / plan.rate - time()))


async def until(system: System, count: int) -> None:
    """Wait until so many events are worked off."""
    while True:
        if await worked_off(system) >= count:
            return
        await asyncio.sleep(LOOK_S)


async def worked_off(system: System) -> int:
    """Events worked off, as far as a broker that may stand still says; 0 if it does not."""
    try:
        return await system.worked_off()
    except BrokerError as error:
        log.info("soak.progress_unknown", error=str(error))
        return 0


def _templates(system: System) -> dict[tuple[str, ...], bytes]:
    """An event of number 0 for each set of tags, as bytes."""
    kinds = {plans.tags_of(number) for number in range(4 * plans.EVERY)}
    return {tags: system.ground.codec.encode(_lead(tags)) for tags in kinds}


def _lead(tags: tuple[str, ...]) -> Event:
    blank = dict.fromkeys(
        (
            "description",
            "lead_value",
            "status",
            "lost_reason",
            "closed_at",
            "expected_close_date",
            "user",
            "person",
            "source",
            "type",
            "pipeline",
            "stage",
        )
    )
    id = plans.record_of(0, 1)
    after = blank | {
        "id": id,
        "title": "Thirty seats",
        "tags": list(tags),
        "products": [],
        "custom_attributes": {},
        "created_at": NOON,
        "updated_at": NOON,
    }
    event_id = plans.event_id_of(0)
    return Event(
        event_id=event_id,
        entity="lead",
        operation="created",
        entity_id=id,
        version=1,
        occurred_at=NOON,
        source="system",
        actor=None,
        correlation_id=event_id,
        causation_id=None,
        hops=0,
        before=None,
        after=after,
        changed_fields=tuple(sorted(after)),
    )


def _event(
    topic: str, templates: dict[tuple[str, ...], bytes], number: int, records: int
) -> Outgoing:
    """The event of a number: ids are as long as those of number 0, so they take their place."""
    key = plans.record_of(number, records).encode()
    value = templates[plans.tags_of(number)]
    value = value.replace(FIRST_ID, str(plans.event_id_of(number)).encode())
    return Outgoing(topic, key, value.replace(FIRST_KEY, key))


FIRST_ID = str(plans.event_id_of(0)).encode()
FIRST_KEY = plans.record_of(0, 1).encode()


class Definitions:
    """Saves versions, and notes when."""

    def __init__(self, system: System, clock: Clock) -> None:
        """Nothing was saved."""
        self._system = system
        self._clock = clock
        self.saves: dict[str, dict[int, Saved]] = {}

    async def begin(self) -> None:
        """The first version of everything."""
        for webhook in plans.WEBHOOKS:
            await self._save("webhook", webhook, "{}")
        for workflow in (*plans.CHANGING, plans.STEADY, plans.EVEN, plans.ONCE):
            await self._save("workflow", workflow, plans.definition(workflow, 1))

    async def keep_changing(self, plan: Plan) -> None:
        """Change one workflow after the other, evenly, until cancelled."""
        time = asyncio.get_running_loop().time
        due = time()
        for workflow in _round(plans.CHANGING):
            version = len(self.saves[workflow]) + 1
            await self._save("workflow", workflow, plans.definition(workflow, version))
            due = max(
                due + 1 / plan.changes, time() - 1
            )  # what a still broker held up is made good
            await asyncio.sleep(max(0.0, due - time()))

    async def _save(self, kind: DefinitionKind, id: str, spec: str) -> None:
        topic = getattr(self._system.settings.topics, f"{kind}s")
        saves = self.saves.setdefault(id, {})
        version, asked = len(saves) + 1, self._clock.now()
        value = self._system.ground.codec.encode(Definition(kind, id, version, asked, "soak", spec))
        try:
            await self._system.ground.publisher.publish(Outgoing(topic, id.encode(), value))
        except BrokerError as error:
            log.warning("soak.not_acknowledged", id=id, version=version, error=str(error))
            saves[version] = Saved(asked.timestamp(), None)
            return
        saves[version] = Saved(asked.timestamp(), self._clock.now().timestamp())


def _round(names: tuple[str, ...]) -> Iterator[str]:
    yield from itertools.cycle(names)


async def keep_killing(system: System, plan: Plan) -> None:
    """Kill one member after the other, until cancelled; one that ended by itself is started again.

    On a slow machine they get longer, so that something is worked off between two kills.
    """
    for member in itertools.cycle(system.members):
        before = await worked_off(system)
        await asyncio.sleep(plan.kill_every_s)
        for each in system.members:
            each.revive()
        await until(system, before + 1)
        member.kill()


async def stand_still(broker: JvmBroker, plan: Plan, still: asyncio.Event) -> None:
    """Stop the broker in its tracks for a while, when half of the events are out."""
    await still.wait()
    broker.pause()
    try:
        await asyncio.sleep(plan.still_s)
    finally:
        broker.resume()
