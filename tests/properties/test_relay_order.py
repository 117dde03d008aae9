"""Laws of the relay's order: whatever waits, its groups keep the order of each record's events."""

from datetime import UTC, datetime
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from producers.outbox import Waiting
from producers.relay import waves

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = st.lists(st.sampled_from("abcde"), max_size=40)


def rows_of(keys):
    return [
        Waiting(sequence, str(sequence), key, b"", (), NOON) for sequence, key in enumerate(keys)
    ]


@given(KEYS)
def test_no_two_events_of_a_record_are_under_way_together(keys):
    for wave in waves(rows_of(keys)):
        assert len({row.key for row in wave}) == len(wave)


@given(KEYS)
def test_each_records_events_keep_their_order_and_none_is_lost(keys):
    rows = rows_of(keys)

    published = list(chain.from_iterable(waves(rows)))

    assert sorted(row.sequence for row in published) == [row.sequence for row in rows]
    for key in set(keys):
        mine = [row.sequence for row in published if row.key == key]
        assert mine == sorted(mine)


@given(st.lists(st.sampled_from("abcde"), unique=True, max_size=5))
def test_events_of_different_records_all_go_at_once(keys):
    assert len(list(waves(rows_of(keys)))) <= 1
