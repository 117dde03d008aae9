"""What is held says behind what: in `hookline deliveries show` and `hookline trace`."""

from __future__ import annotations

import asyncio
from uuid import UUID

from runtime.broker import Outgoing
from schemas import headers
from tests.desks import EVENT_ID, Office, lead_action, lead_event, office, parsed
from tests.fake_log import Log
from tests.fakes import NOON
from webhook_service.waiting import History, Wait, wait_headers

FIRST = "00000000-0000-5000-8000-000000000001"
NOON_MS = int(NOON.timestamp() * 1000)


def waiting_room() -> Office:
    """Two actions of one record: the first failed twice, the second is parked behind it."""
    made = office()
    made.publish(lead_event())
    ids = (FIRST, str(lead_action().action_id))
    made.act(lead_action(action_id=UUID(FIRST), event_id=UUID(int=7)), lead_action())

    async def park() -> None:
        publisher = made.broker.publisher()
        await publisher.start()
        waits = (
            Wait(0, NOON_MS + 60_000, NOON_MS + 1_000, "retry", History(attempts=2)),
            Wait(1, NOON_MS + 60_000, NOON_MS + 1_000, "parked", History()),
        )
        tier = next(iter(made.topics.retries))
        written = made.broker.written(made.topics.actions)
        for own, id, wait in zip(written, ids, waits, strict=True):
            told = wait_headers(((headers.ACTION_ID, id.encode()),), wait)
            await publisher.publish(Outgoing(tier, own.key, own.value, told, own.partition))

    asyncio.run(park())
    # As the workflow service writes it, an action says its id in a header.
    log = next(log for log in made.broker.storage.logs.values() if _is_actions(log, made))
    log.entries[:] = [
        one and one._replace(headers=((headers.ACTION_ID, ids[place].encode()),))
        for place, one in enumerate(log.entries)
    ]
    return made


def _is_actions(log: Log, made: Office) -> bool:
    return any(one is not None and one.topic == made.topics.actions for one in log.entries)


def test_a_delivery_that_is_held_says_behind_what(capsys):
    room = waiting_room()
    id = str(lead_action().action_id)

    assert room.call("deliveries", "show", id) == 0
    told = capsys.readouterr().out
    assert f"held behind attempt 3 of {FIRST}, next at 2026-01-01 12:01:00Z" in told

    assert room.call("deliveries", "show", id, "--json") == 0
    behind = parsed(capsys.readouterr().out)["held"]["behind"]
    assert (behind["action_id"], behind["attempt"], behind["before"]) == (FIRST, 3, 1)


def test_a_trace_says_it_as_well(capsys):
    room = waiting_room()

    assert room.call("trace", str(EVENT_ID)) == 0

    assert "held behind attempt 3 of" in capsys.readouterr().out


def test_the_first_of_its_record_is_parked_for_another_reason(capsys):
    room = waiting_room()

    assert room.call("deliveries", "show", FIRST) == 0

    assert "parked without an attempt" in capsys.readouterr().out


def test_an_action_that_is_nowhere_is_not_found(capsys):
    assert office().call("deliveries", "show", FIRST) == 1
    assert "there is no action" in capsys.readouterr().err
