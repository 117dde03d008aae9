"""What workflows said: counted per partition, written in chunks, and gone on with by the next owner."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from workflow_service.counting.partition_tallies import (
    STREAMS,
    PartitionTallies,
    chunk_of,
    latest,
    read_back,
)
from workflow_service.counting.quiet import minute_of
from workflow_service.counting.tallies import ActiveWorkflow, Counted, Tally, failures_of

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = minute_of(NOON)
WON = ActiveWorkflow("lead-won", 1, "lead", ("updated",), NOON - timedelta(days=1))
NEW = ActiveWorkflow("lead-new", 1, "lead", ("created", "updated"), NOON - timedelta(days=1))
BOTH = {each.id: each for each in (WON, NEW)}


def counted(*, created: int = 0, updated: int = 0, matches: tuple[str, ...] = ()) -> Counted:
    one = Counted()
    for operation, number in (("created", created), ("updated", updated)):
        for _ in range(number):
            one.add_event("lead", operation)
    one.matches += [(id, uuid.uuid4()) for id in matches]
    return one


def tally(tallies: PartitionTallies, workflow: ActiveWorkflow) -> Tally:
    return tallies.tally_of(workflow)


@pytest.fixture
def tallies() -> PartitionTallies:
    return read_back([], BOTH.values())


def test_an_event_is_counted_for_the_workflows_that_look_at_it(tallies):
    tallies.count(counted(created=2, updated=5), BOTH, MINUTE)

    assert tally(tallies, WON).evaluated == 5
    assert tally(tallies, NEW).evaluated == 7


def test_events_before_a_workflow_was_taken_up_are_not_its_own(tallies):
    tallies.count(counted(updated=5), BOTH, MINUTE)
    second = replace(WON, version=2)
    tallies.taken_up(second)

    tallies.count(counted(updated=3), BOTH | {WON.id: second}, MINUTE)

    assert tally(tallies, second).evaluated == 3
    assert tally(tallies, second).matched == 0


def test_matches_of_one_minute_are_one_matching_minute(tallies):
    tallies.count(counted(updated=3, matches=("lead-won", "lead-won")), BOTH, MINUTE)
    for later in (1, 2, 3):
        tallies.count(counted(updated=1), BOTH, MINUTE + later)
    tallies.count(counted(updated=1, matches=("lead-won",)), BOTH, MINUTE + 4)
    tallies.count(counted(updated=1), BOTH, MINUTE + 9)

    found = tally(tallies, WON)
    assert (found.matched, found.matched_minutes, found.longest_pause) == (3, 2, 3)
    assert found.rhythm.minutes == 5
    assert found.rhythm.pause == 1
    assert found.rhythm.last_match == MINUTE + 4


def test_a_match_of_a_workflow_that_is_gone_is_not_counted(tallies):
    tallies.count(counted(updated=1, matches=("lead-won",)), {}, MINUTE)

    assert not list(tallies.tallies)


def test_samples_say_which_condition_failed_first(tallies):
    one = counted(updated=3)
    one.samples += [("lead-won", "only_if.all[0]"), ("lead-won", "source"), ("lead-won", None)]

    tallies.count(one, BOTH, MINUTE)

    assert tally(tallies, WON).sampled == 3
    assert failures_of([tally(tallies, WON)] * 2) == {"only_if.all[0]": 2, "source": 2}


def test_only_what_changed_is_written(tallies):
    tallies.count(counted(updated=1, matches=("lead-won",)), BOTH, MINUTE)

    chunks = [record.chunk for record in tallies.take_changed(0, NOON)]

    assert chunks == [chunk_of("lead-won"), STREAMS]
    assert tallies.take_changed(0, NOON) == []


def test_what_could_not_be_written_is_written_the_next_time(tallies):
    tallies.count(counted(updated=1, matches=("lead-won",)), BOTH, MINUTE)
    lost = tallies.take_changed(0, NOON)
    for record in lost:
        tallies.mark_changed(record)

    assert tallies.take_changed(0, NOON) == lost


def test_the_next_owner_goes_on_where_the_last_one_wrote(tallies):
    tallies.count(counted(updated=3, matches=("lead-won",)), BOTH, MINUTE)
    written = tallies.take_changed(4, NOON)

    heir = read_back(written, BOTH.values())
    heir.count(counted(updated=2, matches=("lead-won",)), BOTH, MINUTE + 1)

    assert tally(heir, WON).evaluated == 5
    assert tally(heir, WON).matched == 2
    assert tally(heir, WON).matched_minutes == 2
    assert tally(heir, NEW).evaluated == 5
    assert {record.partition for record in written} == {4}


def test_a_version_that_was_saved_in_between_begins_anew(tallies):
    tallies.count(counted(updated=3, matches=("lead-won",)), BOTH, MINUTE)
    written = tallies.take_changed(0, NOON)
    second = replace(WON, version=2, saved_at=NOON + timedelta(minutes=1))
    late = replace(NEW, id="lead-late", saved_at=NOON + timedelta(minutes=1))

    heir = read_back(written, [second, late])

    assert (tally(heir, second).evaluated, tally(heir, second).matched) == (0, 0)
    assert tally(heir, late).evaluated == 0


def test_what_a_former_owner_writes_late_does_not_replace_what_its_successor_wrote(tallies):
    tallies.count(counted(updated=3, matches=("lead-won",)), BOTH, MINUTE)
    early = tallies.take_changed(0, NOON)
    heir = read_back(early, BOTH.values())
    heir.count(counted(updated=9, matches=("lead-won",)), BOTH, MINUTE + 1)
    own = heir.take_changed(0, NOON)
    tallies.count(counted(updated=1, matches=("lead-won",)), BOTH, MINUTE)
    late = tallies.take_changed(0, NOON + timedelta(minutes=5))

    written = [(str(one.chunk).encode(), one) for one in (*early, *own, *late)]
    third = read_back(latest(written), BOTH.values())

    assert (tally(third, WON).evaluated, tally(third, WON).matched) == (12, 2)
    assert tallies.epoch < heir.epoch < third.epoch
