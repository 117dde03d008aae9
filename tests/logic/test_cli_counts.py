"""`hookline workflows list`: what workflows said, and which of them have gone quiet."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.session import Session
from runtime.broker import Outgoing
from tests.desks import Office, office
from tests.fakes import NOON
from workflow_service.counting.partition_tallies import PartitionTallies
from workflow_service.counting.quiet import minute_of
from workflow_service.counting.tallies import ActiveWorkflow, Counted

BIG = ActiveWorkflow("big-lead", 1, "lead", ("created",), datetime.min.replace(tzinfo=UTC))
DAY = 24 * 60


def minute_with(matches: int, events: int = 1, failed: str | None = None) -> Counted:
    one = Counted(events={("lead", "created"): events})
    one.matches = [("big-lead", uuid.uuid4())] * matches
    one.samples = [("big-lead", failed)] if failed else []
    return one


def write(shop: Office, partition: int, minutes: dict[int, Counted]) -> None:
    """Counts of one partition, as a member writes them."""
    tallies = PartitionTallies()
    tallies.taken_up(BIG)
    for minute, counted in sorted(minutes.items()):
        tallies.count(counted, {BIG.id: BIG}, minute)

    async def publish(session: Session) -> None:
        publisher = await session.publisher()
        await session.registry.register(session.catalog.workflow_counts)
        for counts in tallies.take_changed(partition, NOON):
            key, value = f"{partition}/{counts.chunk}".encode(), session.codec.encode(counts)
            topic = session.topics.workflow_counts
            await publisher.publish(Outgoing(topic, key, value, (), partition))

    shop.within(publish)


def listed(shop: Office, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert shop.call("workflows", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["workflows"]
    return {row["id"]: row["counts"] for row in rows}


def test_before_anything_was_counted_there_is_no_match(capsys):
    found = listed(office(), capsys)["big-lead"]

    assert (found["evaluated"], found["matched"], found["last_match"]) == (0, 0, None)


def test_partitions_add_up_and_failures_say_where(capsys):
    shop, minute = office(), minute_of(NOON)
    write(shop, 0, {minute: minute_with(2, 5, "only_if"), minute + 1: minute_with(0, 3, "only_if")})
    write(shop, 1, {minute + 2: minute_with(1, 2)})

    found = listed(shop, capsys)["big-lead"]

    assert (found["evaluated"], found["matched"]) == (10, 3)
    assert found["failed"] == {"only_if": 2}
    assert datetime.fromisoformat(found["last_match"]) == NOON + timedelta(minutes=2)
    assert found["quiet"] is False


def test_a_workflow_that_has_gone_quiet_is_marked(capsys):
    shop, first = office(), minute_of(NOON)
    habit = {first + 30 * step: minute_with(1) for step in range(10 * DAY // 30)}
    silence = {first + 10 * DAY + step: minute_with(0) for step in range(DAY)}
    write(shop, 0, {**habit, **silence})

    assert listed(shop, capsys)["big-lead"]["quiet"] is True
    assert shop.call("workflows", "list") == 0
    assert "(gone quiet)" in " ".join(capsys.readouterr().out.split())
