"""`webhook_service.offsets`: contiguous commits and the map of what is finished above them."""

from __future__ import annotations

import base64
import random
import zlib

from webhook_service.offset_map import LIMIT, Finished, decode, encode, worst_bytes
from webhook_service.offsets import LONGEST_SPAN, Progress


def named(finished: Finished, until: int = 200_000) -> set[int]:
    """The offsets that a map names, one by one."""
    return {offset for offset in range(until) if offset in finished}


def test_the_position_is_the_first_unfinished_one():
    progress = Progress(10)
    for offset in (10, 11, 12):
        progress.receive(offset)

    progress.finish(10)

    assert progress.position() == (11, "")


def test_nothing_is_committed_before_something_finished():
    progress = Progress(10)
    progress.receive(10)

    assert progress.position() is None


def test_gaps_left_by_transaction_markers_are_passed_over():
    progress = Progress(10)
    for offset in (10, 12, 15):
        progress.receive(offset)
        progress.finish(offset)

    assert progress.position() == (16, "")


def test_what_is_finished_above_is_in_the_map_and_not_received_again():
    before = Progress(10)
    for offset in range(10, 20):
        before.receive(offset)
    for offset in (12, 13, 19):
        before.finish(offset)
    position = before.position()
    assert position is not None

    after = Progress(*position)

    assert [offset for offset in range(10, 22) if after.receive(offset)] == [
        10, 11, 14, 15, 16, 17, 18, 20, 21,
    ]  # fmt: skip


def test_a_map_from_before_is_carried_until_it_is_passed():
    first = Progress(0)
    for offset in range(100):
        first.receive(offset)
    for offset in range(50, 100):
        first.finish(offset)
    second = Progress(*(first.position() or (0, "")))
    for offset in range(10):
        second.receive(offset)
        second.finish(offset)

    position, metadata = second.position() or (0, "")

    assert position == 10
    assert named(decode(position, metadata)) == set(range(50, 100))


def test_a_commit_is_not_repeated_when_nothing_changed():
    progress = Progress(0)
    progress.receive(0)
    progress.finish(0)
    assert progress.position() == (1, "")

    progress.committed()

    assert progress.position() is None


def test_an_aborted_commit_is_made_again():
    progress = Progress(0)
    progress.receive(0)
    progress.finish(0)
    assert progress.position() == (1, "")

    assert progress.position() == (1, "")


def test_what_finishes_during_a_commit_is_in_the_next_one():
    progress = Progress(0)
    progress.receive(0)
    progress.receive(1)
    progress.finish(0)
    assert progress.position() == (1, "")
    progress.finish(1)

    progress.committed()

    assert progress.position() == (2, "")


def test_ten_thousand_offsets_with_two_percent_holes_fit_easily():
    holes = sorted(random.Random(1).sample(range(1, 10_000), 200))

    metadata = encode(0, 10_000, [0, *holes])

    assert len(metadata) < 1_000
    assert named(decode(0, metadata)) == set(range(10_000)) - {0, *holes}


def test_a_map_that_would_not_fit_covers_less_and_claims_nothing_false():
    chance = random.Random(2)
    unfinished = [offset for offset in range(100_000) if chance.random() < 0.5]

    metadata = encode(unfinished[0], 100_000, unfinished)

    assert len(metadata) <= LIMIT
    claimed = named(decode(unfinished[0], metadata))
    assert claimed
    assert claimed.isdisjoint(unfinished)


def test_a_partition_takes_no_more_before_its_map_could_be_too_long():
    chance = random.Random(3)
    progress, offset, finished = Progress(0), 0, set()
    while progress.has_room(offset):
        progress.receive(offset)
        if offset and chance.random() < 0.5:
            progress.finish(offset)
            finished.add(offset)
        offset += 1

    _, metadata = progress.position() or (0, "")

    assert offset > 20_000
    assert progress.crowded
    assert len(metadata) <= LIMIT
    assert named(decode(0, metadata)) == finished


def test_one_that_takes_long_does_not_crowd_a_partition_soon():
    progress = Progress(0)
    for offset in range(LONGEST_SPAN):
        assert progress.has_room(offset)
        progress.receive(offset)
        if offset:
            progress.finish(offset)

    assert not progress.has_room(LONGEST_SPAN)
    assert len((progress.position() or (0, ""))[1]) < 20
    progress.finish(0)
    progress.position()
    assert progress.has_room(LONGEST_SPAN)


def test_a_map_as_an_earlier_release_wrote_it_is_still_read():
    bits = bytes([0b0000_1100, 0b1000_0000])
    old = "z1:" + base64.b64encode(zlib.compress(bits, 6)).decode()

    assert named(decode(100, old)) == {102, 103, 115}


def test_the_bound_of_a_map_is_no_larger_than_it_must_be():
    assert worst_bytes(span=24_000, unfinished=24_000) <= LIMIT
    assert worst_bytes(span=100_000, unfinished=1_000) <= LIMIT
    assert worst_bytes(span=100_000, unfinished=2_000) > LIMIT


def test_foreign_or_damaged_metadata_is_no_map():
    for text in ("", "hello", "z1:", "z1:%%%", "z1:AAAA", "z1:eJw=", "r1:", "r1:gA==", "rz:AAAA"):
        assert named(decode(5, text), 100) == set()
