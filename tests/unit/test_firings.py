"""What is known of firings: packed digests, partition by partition."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from schemas.records import firing_key_of
from workflow_service.firings import BUCKETS, DIGEST, Digests, Fired, Firings, digest_of


def digests(count: int) -> list[bytes]:
    return [digest_of(firing_key_of("w", "lead", str(number))) for number in range(count)]


def test_what_was_added_is_there_and_nothing_else():
    all_of_them = digests(4_000)
    known = Digests()
    for digest in all_of_them[::2]:
        known.add(digest)
        known.add(digest)

    assert len(known) == 2_000
    assert [digest in known for digest in all_of_them] == [True, False] * 2_000


def test_what_lies_across_two_digests_is_not_there():
    known = Digests()
    first, second = bytes(DIGEST // 2) + b"\x01" * 8, bytes(2) + b"\x02" * 14
    known.add(first)
    known.add(second)
    across = (first + second)[DIGEST // 2 : DIGEST // 2 + DIGEST]
    between = bytes(2) + (first + second)[2:DIGEST]

    assert int.from_bytes(first[:2], "big") % BUCKETS == int.from_bytes(second[:2], "big") % BUCKETS
    assert across not in known
    assert between in known
    assert first in known
    assert second in known


def test_a_digest_found_first_across_two_others_is_found_all_the_same():
    whole = bytes(2) + b"\x07" * 14
    head = bytes(2) + b"\x05" * 6 + whole[:8]
    tail = whole[8:] + b"\x06" * 8
    known = Digests()
    buffer = bytearray(head + tail + whole)
    known._buckets[0] = buffer
    known._count = 3

    assert buffer.find(whole) == 8
    assert whole in known


def test_what_was_taken_out_is_gone_and_the_others_are_there():
    all_of_them = digests(2_000)
    known = Digests()
    for digest in all_of_them:
        known.add(digest)
    gone = set(random.Random(1).sample(all_of_them, 700))
    for digest in gone:
        known.discard(digest)
        known.discard(digest)

    assert len(known) == 1_300
    assert {digest for digest in all_of_them if digest in known} == set(all_of_them) - gone


def test_a_firing_costs_some_twenty_bytes():
    many = digests(100_000)
    known = Digests()
    tracemalloc.start()
    for digest in many:
        known.add(digest)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert used / len(many) < 24


def test_keys_of_different_workflows_entities_and_records_have_different_digests():
    keys = [
        firing_key_of(workflow, entity, record)
        for workflow in ("w", "w2")
        for entity in ("lead", "person")
        for record in ("1", "1/lead", "lead/1")
    ]

    assert len({digest_of(key) for key in keys}) == len(keys)


DIGESTS = digests(3)


def test_a_partition_is_unknown_until_it_was_read():
    firings = Firings()

    assert firings.fired("t", 0, DIGESTS[0]) is Fired.UNKNOWN


def test_a_partition_that_was_read_knows_what_fired_and_what_did_not():
    firings, found = Firings(), Digests()
    found.add(DIGESTS[0])

    firings.remember("t", 0, found)
    firings.add("t", 0, [DIGESTS[1]])

    assert [firings.fired("t", 0, one) for one in DIGESTS] == [Fired.YES, Fired.YES, Fired.NO]
    assert firings.fired("t", 1, DIGESTS[0]) is Fired.UNKNOWN
    assert len(firings) == 2


@pytest.mark.parametrize("known_before", [True, False])
def test_nothing_is_kept_of_a_partition_that_went(known_before):
    firings = Firings()
    if known_before:
        firings.remember("t", 0, Digests())
    firings.forget([("t", 0)])

    firings.add("t", 0, DIGESTS)

    assert firings.fired("t", 0, DIGESTS[0]) is Fired.UNKNOWN
    assert len(firings) == 0
