"""Unpacking of record batches: the same records as the client reads, or an error, from any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition as ClientPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder

from runtime.kafka.unpacking import Unpacked

P = ClientPartition("t", 3)
NOON_MS = 1_777_896_000_000
NO_COMPRESSION, GZIP = 0, 1

contents = st.one_of(
    st.binary(max_size=70),
    st.integers(63, 20_000).map(lambda size: b"x" * size),
)
records = st.lists(
    st.tuples(
        st.integers(NOON_MS - 10**6, NOON_MS + 10**6),
        st.none() | contents,
        st.none() | contents,
        st.lists(st.tuples(st.text(max_size=70), st.none() | st.binary(max_size=70)), max_size=4),
    ),
    min_size=1,
    max_size=5,
)


def batch_of(some, base: int = 0, *, compression: int = NO_COMPRESSION, **of_producer) -> bytes:
    identity = {"producer_id": -1, "producer_epoch": -1, "base_sequence": -1} | of_producer
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional="producer_id" in of_producer,
        batch_size=1 << 24,
        **identity,
    )
    for number, (at, key, value, headers) in enumerate(some):
        assert builder.append(number, at, key, value, headers)
    data = builder.build()
    data[:8] = base.to_bytes(8)
    return bytes(data)


def as_the_client_reads(data: bytes, start: int = 0, **options) -> list[tuple]:
    taken = Fetcher.PartitionRecords(start, P, MemoryRecords(data), **options).take()
    return [
        (*P, r.offset, r.timestamp, r.key, r.value, tuple((k, v or b"") for k, v in r.headers))
        for r in taken
    ]


def as_unpacked(data: bytes, start: int = 0, **options) -> list[tuple]:
    taken = Unpacked(start, P, MemoryRecords(data), **options).take()
    return [(*r[:6], r.headers) for r in taken]


@given(records, records, st.sampled_from((NO_COMPRESSION, GZIP)), st.integers(0, 10))
def test_batches_give_the_records_that_the_client_gives(some, more, compression, start):
    data = batch_of(some, compression=compression) + batch_of(more, len(some))

    assert as_unpacked(data, start) == as_the_client_reads(data, start)


@given(records)
def test_a_brokers_own_time_is_the_time_of_every_record(some):
    data = bytearray(batch_of(some))
    attributes = 22
    data[attributes] |= 0x08

    found = as_unpacked(bytes(data), check_crcs=False)

    assert found == as_the_client_reads(bytes(data), check_crcs=False)
    assert len({record[3] for record in found}) == 1


@given(records, st.data())
def test_a_flipped_bit_is_an_error_and_never_another_record(some, data):
    whole = batch_of(some)
    attributes = 21  # what is in front of them is no part of the checksum, nor of the records
    at = data.draw(st.integers(attributes, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(CorruptRecordError):
        as_unpacked(bytes(damaged))


@given(records, st.data())
def test_damage_that_no_checksum_caught_is_the_clients_own_error_or_stays_in_its_record(some, data):
    whole = batch_of(some)
    first_record = 61
    at = data.draw(st.integers(first_record, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at] = data.draw(st.integers(0, 255))

    try:
        found = Unpacked(0, P, MemoryRecords(bytes(damaged)), check_crcs=False).take()
    except CorruptRecordError:
        return

    assert len(found) == len(some)


def test_what_was_aborted_is_passed_over_and_what_came_behind_it_is_not():
    def one(value: bytes):
        return [(NOON_MS, b"k", value, [])]

    class Aborted:
        producer_id, first_offset = 7, 1

    mine = {"producer_id": 7, "producer_epoch": 0, "base_sequence": 0}
    data = batch_of(one(b"a")) + batch_of(one(b"no"), 1, **mine) + batch_of(one(b"b"), 2)
    options = {
        "isolation_level": IsolationLevel.READ_COMMITTED,
        "aborted_transactions": [Aborted()],
    }

    fetched = Unpacked(0, P, MemoryRecords(data), **options)

    assert [record.value for record in fetched.take()] == [b"a", b"b"]
    assert fetched.next_fetch_offset == 3
