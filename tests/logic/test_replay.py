"""Settling dead letters: who comes second settles nothing twice; the pace is kept."""

from __future__ import annotations

import pytest

from console.replay import Decision, Pace
from console.takeover import settle_open
from schemas.errors import BrokerError, FencedError
from tests.desks import Office, death, lead_action, office

DECISION = Decision("replayed", "repaired", "tester")


def dying(count: int) -> tuple[Office, set[str]]:
    """A system with so many dead letters, and their places."""
    made = office()
    made.die(*(death(lead_action(entity_id=str(number))) for number in range(count)))
    return made, {record.place for record in made.broker.written("crm.actions-dlt")}


def test_of_two_operators_the_second_settles_nothing_twice():
    made, places = dying(3)
    done = []

    async def both(session):
        for _ in range(2):
            await settle_open(session, places, DECISION, clock=made.clock, settled=done.extend)

    made.within(both)

    assert len(done) == 3
    assert len(made.broker.written("crm.actions")) == 3


def test_an_operator_who_was_fenced_stops_and_what_was_done_is_done():
    made, places = dying(4)
    done = []

    async def overtaken(session):
        def first_batch(batch):
            done.extend(batch)
            made.broker.epochs["crm-dead-letters"] += 1  # another operator starts

        await settle_open(
            session, places, DECISION, clock=made.clock, settled=first_batch, pace=Pace(1.0)
        )

    with pytest.raises(FencedError):
        made.within(overtaken)

    assert len(done) == 1
    assert len(made.broker.written("crm.actions")) == 1


def test_a_replay_that_was_not_written_leaves_its_dead_letter_open():
    made, places = dying(1)

    async def broken(session):
        def down(_):
            raise AssertionError

        publisher = session.broker.transactional_publisher("crm-dead-letters")
        await publisher.start()
        made.broker.down = True
        await settle_open(session, places, DECISION, clock=made.clock, settled=down)

    with pytest.raises(BrokerError):
        made.within(broken)
    made.broker.down = False

    assert made.broker.written("crm.actions") == []
    assert len(made.broker.written("crm.actions-dlt")) == 1


@pytest.mark.parametrize(
    ("per_second", "sizes"),
    [
        pytest.param(None, [100, 100, 50], id="unhurried: a hundred per transaction"),
        pytest.param(0.5, [1] * 250, id="less than one a second: one by one"),
        pytest.param(60.0, [60, 60, 60, 60, 10], id="a second's worth per transaction"),
    ],
)
def test_a_transaction_holds_no_more_than_the_pace_allows(per_second, sizes):
    letters = list(range(250))

    assert [len(batch) for batch in Pace(per_second).batches(letters)] == sizes


def test_the_wait_grows_with_what_is_done():
    assert Pace(4.0).due(10).total_seconds() == 2.5
    assert Pace().due(10).total_seconds() == 0.0
