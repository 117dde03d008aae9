"""Takes the records out of what was fetched, many times as fast as the client does itself.

The client makes two objects for each record, calls a method for each number in it and reads all
headers, which cost as much as everything else and are rarely looked at.  Here each batch is read
in one loop, straight into `Received`, and headers when somebody asks for them.  Which batches are
seen at all (checksums, aborted transactions, markers) follows the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import cast

from kafka import TopicPartition as ClientPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel

from runtime.broker import Headers, Received
from runtime.kafka.client import Untyped
from schemas.errors import BrokerError
from schemas.wire import MisfitError, length, rest

#: The format of batches since Kafka 0.11; those before it are left to the client.
_PRESENT_FORMAT = 2
_SEVEN = 127
#: A first byte with one of these bits set: the length is negative or goes on in the next byte.
_NOT_SHORT = 129


class Unopened(Received):
    """A record whose headers are still the bytes that they came in, until they are asked for."""

    __slots__ = ()

    @property
    def headers(self) -> Headers:
        """The headers, read anew each time."""
        raw = cast("bytes", self[-1])
        try:
            return _headers(raw) if raw else ()
        except (IndexError, MisfitError, UnicodeDecodeError) as error:
            raise BrokerError(f"the headers of {self.place} cannot be read: {error}") from error


class Unpacked(Fetcher.PartitionRecords):  # type: ignore[misc] # the client has no types
    """What was fetched of one partition; gives `Received` where the client gives its own."""

    def _unpack_records(
        self, tp: ClientPartition, records: Untyped, *_deserializers: None
    ) -> Iterator[Received]:
        """Every record that is to be seen, the position moved along with each."""
        while (batch := records.next_batch()) is not None:
            if self.check_crcs and not batch.validate_crc():
                raise _corrupt(tp, batch, "it does not match its checksum")
            if self._is_seen(batch):
                found = _records_of(tp, batch)
                self.records_read += len(found)
                for record in found:
                    self.next_fetch_offset = record.offset + 1
                    yield record
            self.bytes_read += batch.size_in_bytes
            if batch.magic == _PRESENT_FORMAT:
                # Compaction may have taken the last records; the batch still says where it ends.
                self.next_fetch_offset = batch.next_offset
        self.drain()

    def _is_seen(self, batch: Untyped) -> bool:
        """Whether a batch holds records for us: not markers, nor what was aborted."""
        if batch.magic != _PRESENT_FORMAT:
            return True
        self.leader_epoch = batch.leader_epoch
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return False
        return not batch.is_control_batch


def unpack(consumer: Untyped) -> Untyped:
    """Let a consumer of the client give `Received` from now on."""
    consumer._fetcher.PartitionRecords = Unpacked  # noqa: SLF001 - there is no public way
    return consumer


def _records_of(tp: ClientPartition, batch: Untyped) -> list[Received]:
    """A batch's records."""
    if batch.magic != _PRESENT_FORMAT:
        return [
            Received(tp.topic, tp.partition, one.offset, one.timestamp, one.key, one.value)
            for one in batch
        ]
    batch._maybe_uncompress()  # noqa: SLF001 - there is no public way
    data, start = bytes(batch._buffer), batch._pos  # noqa: SLF001
    try:
        found, end = _read(tp, batch, data, start)
    except (IndexError, MisfitError) as error:
        raise _corrupt(tp, batch, str(error)) from error
    if end != len(data):
        raise _corrupt(tp, batch, f"its records end at byte {end} of {len(data)}")
    return found


def _corrupt(tp: ClientPartition, batch: Untyped, what: str) -> CorruptRecordError:
    place = f"{tp.topic}:{tp.partition}:{batch.base_offset}"
    return CorruptRecordError(f"the batch of records at {place} is damaged: {what}")


def _read(tp: ClientPartition, batch: Untyped, b: bytes, p: int) -> tuple[list[Received], int]:
    """Every record of the batch from `p` on, and where the last one ends.

    Numbers of one byte are read in place, as most are: a call costs a fifth of a whole record.
    """
    topic, partition = tp
    base, first = batch.base_offset, batch.first_timestamp
    if batch.timestamp_type:  # the broker's clock at the append, the same for all
        first, is_own = batch.max_timestamp, 0
    else:
        is_own = 1
    found: list[Received] = []
    for _ in range(batch.records_count):
        n, p = (b[p], p + 1) if b[p] <= _SEVEN else rest(b, p + 1, b[p])
        end = p + (n >> 1)
        p += 1  # attributes, of which there are none yet
        n, p = (b[p], p + 1) if b[p] <= _SEVEN else rest(b, p + 1, b[p])
        at = first + is_own * ((n >> 1) ^ -(n & 1))
        n, p = (b[p], p + 1) if b[p] <= _SEVEN else rest(b, p + 1, b[p])
        offset = base + (n >> 1)
        key, p = _bytes(b, p)
        value, p = _bytes(b, p)
        if p >= end:
            raise MisfitError(f"a record that should end at byte {end} has no end before {p}")
        headers = b[p:end] if b[p] else b""
        p = end
        found.append(_new(Unopened, (topic, partition, offset, at, key, value, headers)))
    return found, p


def _bytes(b: bytes, p: int) -> tuple[bytes | None, int]:
    """A key or a value; most are shorter than 64 bytes, or than 8,192."""
    n = b[p]
    if not n & _NOT_SHORT:
        p += 1
    elif n & 1:
        n, p = rest(b, p + 1, n) if n > _SEVEN else (n, p + 1)
        return None, p
    elif (c := b[p + 1]) <= _SEVEN:
        n, p = n & _SEVEN | c << 7, p + 2
    else:
        n, p = rest(b, p + 1, n)
    e = p + (n >> 1)
    return b[p:e], e


def _headers(b: bytes) -> Headers:
    """A record's headers; one without a value, which is legal, reads empty."""
    n, p = (b[0], 1) if b[0] <= _SEVEN else rest(b, 1, b[0])
    found: list[tuple[str, bytes]] = []
    for _ in range(n >> 1):
        n, p = length(b, p + 1, b[p])
        e = p + (n >> 1)
        name = _name(b[p:e])
        value, p = _bytes(b, e)
        found.append((name, value or b""))
    if p != len(b):
        raise MisfitError(f"they end at byte {p} of {len(b)}")
    return tuple(found)


@lru_cache(1024)
def _name(raw: bytes) -> str:
    """A header's name, of which there are few."""
    return raw.decode()


#: Past the named tuple's own constructor, at half its price.
_new = cast("Callable[[type[Received], tuple[object, ...]], Received]", tuple.__new__)
