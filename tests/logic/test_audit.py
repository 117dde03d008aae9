"""`hookline audit`: the sums, and an action that is nowhere."""

from __future__ import annotations

import asyncio

from runtime.broker import Outgoing, Position, TopicPartition
from schemas import headers
from tests.desks import Office, lead_action, lead_event, office, parsed

IDS = [f"00000000-0000-5000-8000-00000000000{number}" for number in range(6)]


class Books:
    """Six actions on one partition, of which the group has finished all but the last."""

    def __init__(self) -> None:
        self.office: Office = office()
        self.topics = self.office.topics

    def write(self, *records: Outgoing) -> None:
        async def write() -> None:
            publisher = self.office.broker.publisher()
            await publisher.start()
            await publisher.publish_all(records)

        asyncio.run(write())

    def act(self, id: str) -> Outgoing:
        return self._record(self.topics.actions, id, (headers.WORKFLOW, b"big-lead"))

    def outcome(self, topic: str, id: str, *more: tuple[str, bytes]) -> Outgoing:
        origin = b"%d" % IDS.index(id)
        return self._record(topic, id, (headers.ORIGIN_OFFSET, origin), *more)

    def _record(self, topic: str, id: str, *more: tuple[str, bytes]) -> Outgoing:
        own = ((headers.ACTION_ID, id.encode()), (headers.WEBHOOK, b"sales"), *more)
        return Outgoing(topic, id.encode(), b"", own, 1)

    def commit(self, offset: int) -> None:
        place = TopicPartition(self.topics.actions, 1)
        group = self.office.broker.group(self.office.settings.webhook_group)
        group.commit({place: Position(offset)})


def books() -> Books:
    made = Books()
    tier = next(iter(made.topics.retries))
    dead = made.topics.dead(made.topics.actions)
    made.write(*(made.act(id) for id in IDS))
    made.write(
        made.outcome(made.topics.attempts, IDS[0], (headers.OUTCOME, b"delivered")),
        made.outcome(made.topics.attempts, IDS[1], (headers.OUTCOME, b"waiting")),
        made.outcome(tier, IDS[1]),
        made.outcome(made.topics.attempts, IDS[2], (headers.OUTCOME, b"dead")),
        made.outcome(dead, IDS[2], (headers.ERROR_STAGE, b"DELIVERY")),
        made.outcome(made.topics.attempts, IDS[3], (headers.OUTCOME, b"delivered")),
    )
    return made


def test_every_action_is_counted_where_it_is(capsys):
    made = books()
    made.write(made.outcome(made.topics.attempts, IDS[4], (headers.OUTCOME, b"delivered")))
    made.commit(5)

    assert made.office.call("audit", "--json") == 0

    found = parsed(capsys.readouterr().out)
    assert found["actions"] == {
        "made": 6, "delivered": 3, "waiting": 1, "under_way": 1, "dead": 1, "in_none": 0,
    }  # fmt: skip
    assert found["verdicts"]["actions_by_workflow"] == {"big-lead": 6}
    assert found["lost"] == []


def test_an_action_whose_offset_was_skipped_is_named(capsys):
    made = books()
    made.commit(5)

    assert made.office.call("audit") == 1

    told = capsys.readouterr()
    assert "6 = 2 delivered + 1 waiting + 1 under way + 1 dead + 1 in none" in told.out
    place = f"{made.topics.actions}:1:4"
    assert f"lost: action {IDS[4]} of big-lead for sales at {place}" in told.err


def test_a_tier_record_that_was_finished_is_not_waiting(capsys):
    made = books()
    made.commit(4)
    tier = TopicPartition(next(iter(made.topics.retries)), 1)
    made.office.broker.group(made.office.settings.webhook_group).commit({tier: Position(1)})

    assert made.office.call("audit", "--json") == 1

    assert [one["action_id"] for one in parsed(capsys.readouterr().out)["lost"]] == [IDS[1]]


def test_events_that_matching_has_not_read_are_said_to_be_behind(capsys):
    made = Books()
    made.office.publish(lead_event())
    made.office.act(lead_action())

    assert made.office.call("audit", "--json") == 0

    found = parsed(capsys.readouterr().out)
    assert (found["events"], found["verdicts"]["behind"]) == (1, 1)
    assert found["actions"]["under_way"] == 1
